//! Workflows in the Amazon States Language, run durably on one machine.
//!
//! [`SqliteWorkflows`] keeps runs in a [`Database`](crate::Database), so that any process may start, stop and ask for
//! one; [`SqliteWorkflows::drive`] is what goes through their states, in one process at a time. Where each run is, is
//! kept before and after each state in the same transaction as the events that tell of it: a process that is killed
//! leaves runs that the next one goes on with, at the very state, and no event is told twice.
//!
//! A task whose process is killed before its result is kept is called again with the same token
//! ([`TaskCall::token`]): what it does under that name, it does once.

mod document;
mod drive;
mod fault;
mod handlers;
mod history;
mod intrinsic;
mod limits;
mod moment;
mod path;
mod places;
mod random;
mod retention;
mod run;
mod runner;
mod runs;
mod store;
mod template;

pub use document::{DocumentFault, DocumentFaults, WorkflowDocument};
pub use fault::WorkflowFault;
pub use handlers::{TaskCall, TaskHandlers};
pub use history::{WorkflowEvent, WorkflowStep};
pub use run::OnWorkflowEvent;
pub use runner::{SqliteWorkflows, WorkflowRun};
pub use runs::SqliteWorkflowRuns;
