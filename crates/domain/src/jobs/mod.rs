//! Jobs: what is asked for, where it stands, and what is told of it.
//!
//! [`JobRecord`] is all that is kept of a job; it changes only through [`JobRecord::apply`], so that every repository
//! keeps the same law, and every change that moves the status is told as a [`JobEvent`]. Not for running anything.
//!
//! Invariant: a status follows the documented edges of [`JobStatus`] only, and an ended job stays as it ended.

mod backtest;
mod batch;
mod change;
mod collecting;
mod event;
mod execution;
mod figures;
mod modes;
mod pinned;
mod progress;
mod record;
mod status;
mod trace_id;

pub use backtest::{BacktestConfig, BacktestJobMessage};
pub use batch::{BatchCancellation, BatchChange, BatchId, BatchRecord, BatchState};
pub use change::{ChangeOutcome, JobChange, StatusStep};
pub use collecting::Collecting;
pub use event::{JobEvent, JobEventKind};
pub use execution::ExecutionId;
pub use figures::JobFigures;
pub(crate) use modes::word;
pub use modes::{ExecutorMode, LocalExecutionMode, UnknownWord};
pub use pinned::PinnedConfig;
pub use progress::Progress;
pub use record::{ERROR_CHARS, JobRecord, WorkflowType};
pub use status::{InvalidTransition, JobStatus};
pub use trace_id::{TraceId, TraceIdError};
