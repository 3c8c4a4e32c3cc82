//! What the service does, without HTTP and settings: the API and the dashboard present it.
//!
//! Jobs themselves are `tradai_control_plane::jobs`; what is here is how this host puts them to use.

mod backtests;
mod batches;
mod candles;
mod catalogue;
mod checks;
mod feed;
mod imported;
mod job_order;
mod journal;
mod metrics;
mod needs;
mod orchestration;
mod recovery;
mod results;
mod stretch;
mod verification;
mod workflows;

use std::sync::Arc;

pub(crate) use backtests::Backtests;
pub(crate) use batches::Batches;
pub(crate) use catalogue::{Answer, Catalogue, Staged};
pub(crate) use checks::Checks;
pub(crate) use feed::{Feed, Hub, JobStream, Told};
pub(crate) use imported::Imported;
pub(crate) use job_order::{JobOrder, PlacedJob, UnknownOrder};
pub(crate) use journal::Journal;
pub(crate) use metrics::JobMetrics;
pub(crate) use orchestration::CandleCollection;
pub(crate) use recovery::{complete, recover};
pub use results::JobLogs;
pub(crate) use results::{Held, ResultFile, Results};
pub(crate) use stretch::DAYS_WITHOUT_START;
pub(crate) use verification::{Runs, VerificationRun, Verifier, VerifierPlaces};
pub(crate) use workflows::{RunPage, Workflows};

/// The use cases. Clones share everything.
#[derive(Clone)]
pub(crate) struct Core {
    /// Backtest jobs.
    pub(crate) backtests: Arc<Backtests>,
    /// Backtests that were asked for together.
    pub(crate) batches: Batches,
    /// What happens to jobs, as it happens.
    pub(crate) feed: Feed,
    /// Strategies.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Candles that were imported.
    pub(crate) imported: Imported,
    /// Runs of workflows.
    pub(crate) workflows: Workflows,
    /// What was noted.
    pub(crate) journal: Journal,
    /// Jobs run again.
    pub(crate) verifier: Verifier,
    /// What came of jobs.
    pub(crate) results: Results,
}
