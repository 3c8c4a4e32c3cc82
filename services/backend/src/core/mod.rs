//! What the service does, without HTTP and settings: the API and the dashboard present it.
//!
//! Jobs themselves are `tradai_control_plane::jobs`; what is here is how this host puts them to use.

mod backtests;
mod feed;
mod metrics;
mod recovery;
mod results;

use std::sync::Arc;

pub(crate) use backtests::Backtests;
pub(crate) use feed::{Feed, Hub, JobStream, Told};
pub(crate) use metrics::JobMetrics;
pub(crate) use recovery::recover;
pub use results::JobLogs;
pub(crate) use results::{ResultFile, Results};

/// The use cases. Clones share everything.
#[derive(Clone)]
pub(crate) struct Core {
    /// Backtest jobs.
    pub(crate) backtests: Arc<Backtests>,
    /// What happens to jobs, as it happens.
    pub(crate) feed: Feed,
    /// What came of them.
    pub(crate) results: Results,
}
