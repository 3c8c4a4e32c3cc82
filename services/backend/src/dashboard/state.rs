//! What pages are made of.

use std::sync::Arc;

use tradai_control_plane::jobs::executors::ExecutorSettings;
use tradai_domain::jobs::{ExecutorMode, LocalExecutionMode};
use tradai_domain::ports::EventBus;
use tradai_domain::{Clock, IdSource, JobId, format_utc};
use tradai_platform::wiring::Wiring;

use super::peers::Peers;
use super::results::Results;
use crate::core::Core;
use crate::settings::Settings;

/// The use cases and what pages read besides, shared by all requests.
#[derive(Clone)]
pub(crate) struct Dashboard {
    pub(super) core: Core,
    pub(super) results: Arc<Results>,
    pub(super) peers: Peers,
    pub(super) executor: Executor,
    pub(super) events: Arc<dyn EventBus>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ids: Arc<dyn IdSource>,
    /// When the service began, RFC 3339.
    pub(super) started_at: String,
}

/// How jobs are run.
#[derive(Debug, Clone)]
pub(crate) struct Executor {
    pub(super) mode: ExecutorMode,
    pub(super) local_mode: LocalExecutionMode,
    /// Jobs that run at the same time.
    pub(super) parallel: usize,
    pub(super) takes_jobs: bool,
    /// The folder that results are in, as this machine knows it.
    pub(super) data_dir: String,
}

impl Executor {
    pub(crate) fn new(settings: &Settings, takes_jobs: bool) -> Self {
        let ExecutorSettings { mode, local_mode, .. } = settings.executor;
        let data_dir = &settings.state.data_dir;
        // As it is written when there is no current folder to go by.
        let data_dir = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.clone());
        Self {
            mode,
            local_mode,
            parallel: settings.parallel_jobs,
            takes_jobs,
            data_dir: data_dir.display().to_string(),
        }
    }
}

impl Dashboard {
    pub(crate) fn new(core: Core, peers: Peers, executor: Executor, wiring: &Wiring) -> Self {
        Self {
            peers,
            executor,
            started_at: format_utc(wiring.clock.now_ms()).replace(' ', "T"),
            results: Arc::new(Results::new(core.results.clone())),
            core,
            events: wiring.events.clone(),
            clock: wiring.clock.clone(),
            ids: wiring.ids.clone(),
        }
    }

    /// Returns the address that tells of all jobs, or of one, what happens from now on. Asked before a page is made,
    /// so that nothing is lost between the two.
    pub(super) async fn events_address(&self, job: Option<JobId>) -> String {
        let since = self.events.newest().await.unwrap_or_default();
        match job {
            Some(id) => format!("/ws/backtests/{id}?since_seq={since}"),
            None => format!("/ws/jobs?since_seq={since}"),
        }
    }
}
