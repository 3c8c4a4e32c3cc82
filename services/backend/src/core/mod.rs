//! What the service does, without HTTP and settings: the API and the dashboard present it.
//!
//! Jobs themselves are `tradai_control_plane::jobs`; what is here is how this host puts them to use.

mod backtests;
mod candles;
mod catalogue;
mod checks;
mod feed;
mod imported;
mod journal;
mod metrics;
mod needs;
mod orchestration;
mod recovery;
mod results;
mod stretch;
mod verification;

use std::sync::Arc;

pub(crate) use backtests::Backtests;
pub(crate) use catalogue::{Answer, Catalogue};
pub(crate) use checks::Checks;
pub(crate) use feed::{Feed, Hub, JobStream, Told};
pub(crate) use imported::Imported;
pub(crate) use journal::Journal;
pub(crate) use metrics::JobMetrics;
pub(crate) use orchestration::CandleCollection;
pub(crate) use recovery::recover;
pub use results::JobLogs;
pub(crate) use results::{Held, ResultFile, Results};
pub(crate) use stretch::DAYS_WITHOUT_START;
pub(crate) use verification::{Runs, VerificationRun, Verifier, VerifierPlaces};

/// The use cases. Clones share everything.
#[derive(Clone)]
pub(crate) struct Core {
    /// Backtest jobs.
    pub(crate) backtests: Arc<Backtests>,
    /// What happens to jobs, as it happens.
    pub(crate) feed: Feed,
    /// Strategies.
    pub(crate) catalogue: Arc<Catalogue>,
    /// Candles that were imported.
    pub(crate) imported: Imported,
    /// What was noted.
    pub(crate) journal: Journal,
    /// Jobs run again.
    pub(crate) verifier: Verifier,
    /// What came of jobs.
    pub(crate) results: Results,
}
