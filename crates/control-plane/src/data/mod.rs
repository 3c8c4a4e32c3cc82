//! Collecting candles: from exchanges into their repositories, and how complete that is.
//!
//! What is stored is looked at first, and only what is missing is asked for. What an exchange does not have is noted
//! with the series, so that it is not asked for again. Symbols are collected side by side; one that fails stops none
//! of the others. [`Collector`] has the use cases, [`SyncJobs`] runs long ones, [`Schedules`] repeats them.
//!
//! Invariants: a candle that is still forming is never stored; what was committed before a failure, a cancellation
//! or a kill stays, and the next sync asks only for the rest; memory is bounded by
//! [`BATCH_ROWS`] candles for each series under way.

mod absences;
mod collector;
mod coverage;
mod exchanges;
mod freshness;
mod jobs;
mod outcome;
mod plan;
mod quality;
mod schedule;
mod scheduler;
mod series_sync;
pub mod spans;
mod turns;

pub use absences::{MAX_ABSENCES, SETTLED_AFTER_MS, is_settled};
pub use collector::{Collector, EnsureReport, Found};
pub use coverage::{Coverage, closed_span, coverage_of};
pub use exchanges::{Exchange, Exchanges};
pub use freshness::{Freshness, FreshnessStatus, freshness_of};
pub use jobs::{JobLimits, JobStatus, SyncJob, SyncJobView, SyncJobs};
pub use outcome::{SeriesError, SeriesOutcome, SeriesState, SyncProgress, SyncResult};
pub use plan::{CollectLimits, PriceKind, SyncMode, SyncPlan, SyncRequest};
pub use quality::{Quality, QualityFault};
pub use schedule::{Every, Schedule, ScheduleBook, Schedules};
pub use scheduler::{ScheduleRun, Scheduler};
pub use series_sync::BATCH_ROWS;
