//! What the service does, without HTTP and settings: the API and the dashboard present it.
//!
//! Jobs themselves are `tradai_control_plane::jobs`; what is here is how this host puts them to use.

mod backtests;
mod housekeeping;
mod metrics;

use std::sync::Arc;

pub(crate) use backtests::Backtests;
pub(crate) use housekeeping::Housekeeping;
pub use housekeeping::SweepTasks;
pub(crate) use metrics::JobMetrics;

/// The use cases. Clones share everything.
#[derive(Clone)]
pub(crate) struct Core {
    /// Backtest jobs.
    pub(crate) backtests: Arc<Backtests>,
}
