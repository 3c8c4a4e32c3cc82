//! Jobs: taken in, handed over, watched, reported on, cancelled, deleted.
//!
//! [`Jobs`] has the use cases of who asks for jobs, [`JobReports`] those of who runs them; the two share nothing but
//! the ports, so that they may be in different processes. [`executors`] has the four ways in which a job reaches
//! whoever runs it. Backtests are the first kind of job.
//!
//! Invariants: a job that was acknowledged is stored; it is handed over once however often it is tried, because
//! executors know it by its id; whatever dies, [`Jobs::take_up`] of any process that lives brings every job to an end.

mod artifacts;
mod batches;
mod dispatch;
mod environment;
pub mod executors;
mod housekeeping;
mod prepare;
mod recover;
mod repeat;
mod reports;
mod request;
mod service;
mod size;
mod submit;

pub use artifacts::{manifest_key, results_folder};
pub use batches::{
    BatchAxes, BatchCell, BatchPlace, BatchRequest, BatchView, Batches, MAX_BATCH_JOBS, SubmittedBatch,
    value_text,
};
pub use environment::{backtest_environment, backtest_request, variable_of};
pub use housekeeping::{Deleted, Housekeeping, HousekeepingSettings, Sweep};
pub use prepare::Prepare;
pub use recover::Recovered;
pub use reports::{JobReports, Reported};
pub use request::{BacktestRequest, MAX_SYMBOLS};
pub use service::{JobPorts, JobSettings, Jobs};
pub use size::{MAX_CANDLES, check_size, request_settings};
pub use submit::{Requester, Submitted};
