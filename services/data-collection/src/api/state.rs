//! What handlers work with.

use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::data::{Collector, Scheduler, Schedules, SyncJobs};
use tradai_domain::Clock;
use tradai_service::socket::Sockets;
use tradai_service::{Cursors, Shutdown};

use super::Hubs;
use crate::core::{Catalog, Changes};

/// The use cases, shared by all requests.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) collector: Collector,
    pub(crate) jobs: Arc<SyncJobs>,
    pub(crate) catalog: Catalog,
    pub(crate) changes: Changes,
    pub(crate) schedules: Schedules,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) scheduler_enabled: bool,
    pub(crate) cursors: Cursors,
    /// How long a sync is waited for, when the client does not say.
    pub(crate) sync_wait: Duration,
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) sockets: Sockets,
    pub(crate) shutdown: Shutdown,
    pub(crate) clock: Arc<dyn Clock>,
}
