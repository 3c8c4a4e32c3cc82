//! The backend, port 8000: takes jobs in, shows how they go, hands out their results. People, scripts and the
//! dashboard call it.
//!
//! Routes are listed in [`api`]; the use cases of jobs are those of `tradai_control_plane::jobs`, and `core` puts them
//! to use. It runs no strategy itself: that is the program `tradai_trading`, which the executor starts.
//!
//! Invariant: a job that was acknowledged ends, whatever dies meanwhile; the service keeps nothing in memory that
//! another process needs.

pub mod api;
mod core;
mod infrastructure;
mod settings;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::executors::BacktestJobSubmitter;
use tradai_control_plane::jobs::{Housekeeping, HousekeepingSettings, JobPorts, Jobs, Sweep};
use tradai_platform::settings::Inputs;
use tradai_platform::wiring::Wiring;
use tradai_service::socket::Sockets;
use tradai_service::{App, Check, Service, Shutdown};

pub use crate::core::JobLogs;
pub use crate::settings::{PeerUrl, Settings};
use api::State;
use core::{Backtests, Core, Feed, Hub, JobMetrics, Results, recover};
use infrastructure::logs::TaskLogs;

/// How long a dependency may take to answer a health check.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);
/// What a request that is held back leaves of the time that it may take, for its reply.
const REPLY_TIME: Duration = Duration::from_secs(1);

/// The outside world of the service: what [`start`] makes of settings, and tests by hand.
#[derive(Clone)]
pub struct Parts {
    /// The platform's ports.
    pub wiring: Wiring,
    /// Who runs jobs; without, jobs are shown and none are taken.
    pub executor: Option<Arc<dyn BacktestJobSubmitter>>,
    /// Deletes what is kept of the executor's old tasks.
    pub sweep_tasks: Option<Sweep>,
    /// What the executor's tasks wrote.
    pub logs: Option<Arc<dyn JobLogs>>,
}

/// Opens what the settings name and returns the service. Must be called within a tokio runtime.
///
/// # Errors
/// When the state cannot be opened, or jobs cannot be handed over as the settings say.
pub async fn start(settings: &Settings, shutdown: &Shutdown) -> Result<App, Box<dyn Error + Send + Sync>> {
    let inputs = Inputs::of_process();
    let wiring = Wiring::open(&settings.state, inputs.environment.clone())?;
    let executor = infrastructure::executor::open(settings, &inputs, &wiring)?;
    let parts = Parts {
        wiring,
        executor: executor.submitter,
        sweep_tasks: Some(executor.sweep),
        logs: Some(Arc::new(TaskLogs::new(settings.state.tasks()))),
    };
    Ok(build(settings, parts, shutdown))
}

/// Returns the service over its parts, and takes up jobs that have not ended. Must be called within a tokio runtime.
#[must_use]
pub fn build(settings: &Settings, parts: Parts, shutdown: &Shutdown) -> App {
    let Parts { wiring, executor, sweep_tasks, logs } = parts;
    let jobs = Jobs::new(job_ports(&wiring), executor, settings.job_settings());
    let metrics = JobMetrics::default();
    let service = Service::new("backend", env!("CARGO_PKG_VERSION"), &settings.http, shutdown)
        .with_sources(wiring.clock.clone(), wiring.ids.clone())
        .metrics(|registry| metrics.register(registry))
        .check(state_check(&wiring));
    let sockets = Sockets::new(settings.max_sockets, settings.socket_ping(), shutdown);
    let service = service.metrics(|registry| sockets.register(registry));
    let (stop, background) = (CancellationToken::new(), TaskTracker::new());
    let hub = Arc::new(Hub::new());
    background.spawn(hub.clone().run(wiring.events.clone(), stop.clone()).in_current_span());
    let backtests = Arc::new(Backtests::new(jobs.clone(), wiring.events.clone(), metrics));
    let core = Core {
        results: Results::new(backtests.clone(), wiring.blobs.clone(), logs),
        backtests,
        feed: Feed::new(jobs.clone(), wiring.events.clone(), wiring.clock.clone(), hub),
    };
    let state = State {
        core,
        cursors: service.cursors(),
        sockets: sockets.clone(),
        shutdown: shutdown.clone(),
        longest_wait: settings.http.limits.request_timeout.saturating_sub(REPLY_TIME),
    };
    background.spawn(recover(jobs.clone(), stop.clone()).in_current_span());
    let housekeeping = housekeeping(settings, &wiring, jobs.clone(), sweep_tasks);
    let stopping = stop.clone();
    background.spawn(async move { housekeeping.run(stopping).await }.in_current_span());
    service
        .routes(api::routes(state))
        .on_stop(move || {
            let (stop, background, jobs) = (stop.clone(), background.clone(), jobs.clone());
            let sockets = sockets.clone();
            async move {
                sockets.ended().await;
                stop.cancel();
                background.close();
                background.wait().await;
                jobs.stop().await;
            }
        })
        .build()
}

/// Jobs and config versions say themselves how long they are kept; the remains of tasks stay as long as jobs do.
fn housekeeping(settings: &Settings, wiring: &Wiring, jobs: Arc<Jobs>, sweep: Option<Sweep>) -> Housekeeping {
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let keep_for = settings.job_settings().keep_for;
    let default = HousekeepingSettings::default();
    let keep_tasks = keep_for.unwrap_or(default.keep_tasks);
    let sweep = sweep.filter(|_| keep_for.is_some());
    let times = HousekeepingSettings { keep_tasks, ..default };
    Housekeeping::new(jobs, configs, sweep, wiring.clock.clone(), times)
}

fn job_ports(wiring: &Wiring) -> JobPorts {
    let wiring = wiring.clone();
    JobPorts {
        jobs: wiring.jobs,
        events: wiring.events,
        blobs: wiring.blobs,
        idempotency: wiring.idempotency,
        audit: wiring.audit,
        clock: wiring.clock,
        ids: wiring.ids,
    }
}

/// Nothing works without the state.
fn state_check(wiring: &Wiring) -> Check {
    let events = wiring.events.clone();
    Check::hard("state", CHECK_PATIENCE, move || {
        let events = events.clone();
        async move { events.newest().await.map(drop).map_err(|error| error.to_string()) }
    })
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mode = self.executor.as_ref().map(|executor| executor.mode());
        f.debug_struct("Parts").field("executor", &mode).finish_non_exhaustive()
    }
}
