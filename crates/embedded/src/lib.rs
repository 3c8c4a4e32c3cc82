//! The ports of the platform on one machine, without a server to install.
//!
//! [`Database`] is one SQLite file that any number of processes share; [`SqliteJobs`], [`SqliteBatches`],
//! [`SqliteConfigs`], [`SqliteEvents`], [`SqliteQueue`], [`SqliteIdempotency`], [`SqliteAudit`] and [`SqliteApiKeys`]
//! keep their state in it. [`LocalBlobs`] keeps objects in a directory, [`LocalSecrets`] reads secrets from a file or
//! the environment, [`ProcessTasks`] runs tasks as processes and [`InProcessTasks`] in this one; with the feature
//! `docker`, `DockerTasks` runs them as containers; [`AnyTasks`] asks after each in the way in which it was started.
//! [`SqliteWorkflows`] goes through documents of the States Language. Not for choosing between these and the cloud's
//! adapters; that is the host's.
//!
//! Invariant: what was acknowledged is on the disk, and a process that is killed at any moment leaves nothing that
//! another one cannot go on with. See `docs/adr/0006-embedded-state.md`.

mod api_keys;
mod audit;
mod batches;
mod blobs;
mod configs;
mod database;
#[cfg(feature = "docker")]
mod docker;
mod error;
mod events;
mod idempotency;
mod jobs;
mod json;
mod queue;
mod secrets;
mod tasks;
mod workflow;

pub use api_keys::SqliteApiKeys;
pub use audit::SqliteAudit;
pub use batches::SqliteBatches;
pub use blobs::LocalBlobs;
pub use configs::SqliteConfigs;
pub use database::Database;
#[cfg(feature = "docker")]
pub use docker::{DockerMount, DockerSettings, DockerTasks};
pub use error::Error;
pub use events::SqliteEvents;
pub use idempotency::SqliteIdempotency;
pub use jobs::SqliteJobs;
pub use queue::{QueueSettings, SqliteQueue};
pub use secrets::LocalSecrets;
pub use tasks::{AnyTasks, InProcessTasks, ProcessSettings, ProcessTasks, Work};
pub use workflow::{
    DocumentFault, DocumentFaults, OnWorkflowEvent, SqliteWorkflowRuns, SqliteWorkflows, TaskCall,
    TaskHandlers, WorkflowDocument, WorkflowEvent, WorkflowFault, WorkflowRun, WorkflowStep,
};
