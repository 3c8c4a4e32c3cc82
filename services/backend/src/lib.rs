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
mod dashboard;
mod infrastructure;
mod settings;

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, warn};
use tradai_control_plane::Audit;
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::executors::BacktestJobSubmitter;
use tradai_control_plane::jobs::{
    Batches as BatchUseCases, Housekeeping, HousekeepingSettings, JobPorts, Jobs, Prepare, Sweep,
};
use tradai_platform::settings::sections::{AuthSettings, Role};
use tradai_platform::wiring::Wiring;
use tradai_service::socket::Sockets;
use tradai_service::{App, Check, Service, Shutdown, StoredIdempotency, StoredKeys};

pub use crate::core::JobLogs;
pub use crate::settings::{PeerUrl, Settings};
use api::{ExecutorsBody, KeyRing, Shared};
use core::{
    Backtests, Batches, CandleCollection, Catalogue, Checks, Core, Feed, Hub, Imported, JobMetrics, Journal,
    Results, Runs, Verifier, VerifierPlaces, Workflows, complete, recover,
};
use dashboard::{Dashboard, Peers};
use infrastructure::peer::Peer;

/// How long a dependency may take to answer a health check.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);
/// How long another service may take to: less, so that its breaker hears of it.
const PEER_PATIENCE: Duration = Duration::from_secs(2);
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
    /// Whether the executor can be worked with; without, nobody asks.
    pub check: Option<Check>,
}

/// Opens what the settings name and returns the service. Must be called within a tokio runtime.
///
/// # Errors
/// When the state cannot be opened, or jobs cannot be handed over as the settings say.
pub async fn start(settings: &Settings, shutdown: &Shutdown) -> Result<App, Box<dyn Error + Send + Sync>> {
    let wiring = Wiring::open(&settings.state, settings.environment.0.clone())?;
    let executor = infrastructure::executor::open(settings, &wiring).await?;
    let parts = Parts {
        wiring,
        executor: executor.submitter,
        sweep_tasks: Some(executor.sweep),
        logs: Some(Arc::new(executor.logs)),
        check: executor.check,
    };
    Ok(build(settings, parts, shutdown))
}

/// Returns the service over its parts, and takes up jobs that have not ended. Must be called within a tokio runtime.
#[must_use]
pub fn build(settings: &Settings, parts: Parts, shutdown: &Shutdown) -> App {
    let (peers, metrics) = (peers(settings, &parts.wiring), JobMetrics::default());
    let Parts { wiring, executor, sweep_tasks, check, .. } = parts.clone();
    let takes_jobs = executor.is_some();
    let (stop, background) = (CancellationToken::new(), TaskTracker::new());
    let hub = Arc::new(Hub::new(metrics.clone()));
    background.spawn(hub.clone().run(wiring.events.clone(), stop.clone()).in_current_span());
    let runs = Runs::new(end_of(shutdown, &background), background.clone());
    let (core, jobs, batches) = use_cases(settings, parts, &peers, &metrics, hub, runs);
    let sockets = Sockets::new(settings.max_sockets, settings.socket_ping(), wiring.clock.clone(), shutdown);
    let keys = StoredKeys::new(wiring.api_keys.clone(), wiring.clock.clone(), &settings.http.auth);
    let service = Service::new("backend", env!("CARGO_PKG_VERSION"), &settings.http, shutdown)
        .with_sources(wiring.clock.clone(), wiring.ids.clone())
        .built_from(tradai_runner::GIT_COMMIT)
        .used_tickets(Arc::new(StoredIdempotency::new(wiring.idempotency.clone())))
        .stored_keys(keys.clone())
        .metrics(|registry| metrics.register(registry))
        .metrics(|registry| sockets.register(registry))
        .check(state_check(&wiring))
        .check(peer_check(settings, "data-collection", &peers.data_collection, Role::Trader))
        .check(peer_check(settings, "strategy-service", &peers.strategy_service, Role::Trader));
    let service = check.into_iter().fold(service, Service::check);
    let executor = dashboard::Executor::new(settings, takes_jobs);
    let pages = dashboard::routes(Dashboard::new(core.clone(), peers, executor, &wiring));
    let state = Arc::new(Shared {
        core,
        keys: KeyRing::new(&wiring, keys, &settings.http.auth),
        executors: ExecutorsBody::new(&settings.executor, takes_jobs, settings.parallel_jobs),
        cursors: service.cursors(),
        sockets: sockets.clone(),
        written: api::Written::default(),
        shutdown: shutdown.clone(),
        longest_wait: settings.http.limits.request_timeout.saturating_sub(REPLY_TIME),
    });
    background.spawn(recover(jobs.clone(), stop.clone()).in_current_span());
    background.spawn(complete(batches.clone(), stop.clone()).in_current_span());
    let housekeeping = housekeeping(settings, &wiring, jobs.clone(), sweep_tasks).with_batches(batches);
    let stopping = stop.clone();
    background.spawn(async move { housekeeping.run(stopping).await }.in_current_span());
    service
        .routes(api::routes(state))
        .pages(pages)
        .sign_in(dashboard::sign_in_page)
        .on_stop(move || {
            let (stop, background, jobs) = (stop.clone(), background.clone(), jobs.clone());
            let sockets = sockets.clone();
            async move {
                // First of all, so that no job begins while streams say goodbye.
                jobs.stop().await;
                sockets.ended().await;
                stop.cancel();
                background.close();
                background.wait().await;
            }
        })
        .build()
}

/// Puts the use cases on top of the ports.
fn use_cases(
    settings: &Settings,
    parts: Parts,
    peers: &Peers,
    metrics: &JobMetrics,
    hub: Arc<Hub>,
    runs: Runs,
) -> (Core, Arc<Jobs>, BatchUseCases) {
    let Parts { wiring, executor, logs, .. } = parts;
    let (clock, ids, events) = (wiring.clock.clone(), wiring.ids.clone(), wiring.events.clone());
    let checks = Checks::new(
        peers.strategy_service.clone(),
        peers.data_collection.clone(),
        clock.clone(),
        ids.clone(),
    );
    let checks = Arc::new(checks);
    let catalogue =
        Catalogue::new(peers.strategy_service.clone(), checks.clone(), clock.clone(), ids.clone());
    let catalogue = Arc::new(catalogue);
    let collection = CandleCollection::new(
        peers.data_collection.clone(),
        catalogue.clone(),
        &wiring,
        settings.job_variables.clone(),
    );
    let collection = Arc::new(collection);
    let prepare: Option<Arc<dyn Prepare>> = Some(collection.clone());
    let jobs = Jobs::with_preparation(job_ports(&wiring), executor, settings.job_settings(), prepare);
    let backtests = Backtests::new(
        jobs.clone(),
        events.clone(),
        metrics.clone(),
        catalogue.clone(),
        collection.clone(),
        checks,
    );
    let backtests = Arc::new(backtests);
    let batches = BatchUseCases::new(jobs.clone(), wiring.batches.clone());
    let verified =
        VerifierPlaces { jobs: settings.state.data_dir.join("jobs"), candles: settings.candles.clone() };
    let audit = Audit::new(wiring.audit.clone(), clock.clone());
    let core = Core {
        imported: Imported::new(settings.candles.clone(), clock.clone(), ids.clone()),
        workflows: Workflows::new(wiring.workflows.clone(), audit.clone()),
        journal: Journal::new(wiring.audit.clone(), jobs.clone()),
        verifier: Verifier::new(backtests.clone(), verified, clock.clone(), ids, runs, audit),
        results: Results::new(backtests.clone(), wiring.blobs.clone(), logs),
        batches: Batches::new(batches.clone(), backtests.clone()),
        backtests,
        feed: Feed::new(jobs.clone(), events, clock, hub, collection),
        catalogue,
    };
    (core, jobs, batches)
}

/// Returns a token that is cancelled as soon as the service is told to stop: before its requests have ended.
fn end_of(shutdown: &Shutdown, background: &TaskTracker) -> CancellationToken {
    let (end, shutdown) = (CancellationToken::new(), shutdown.clone());
    let told = end.clone();
    background.spawn(async move {
        shutdown.stopping().await;
        told.cancel();
    });
    end
}

fn peers(settings: &Settings, wiring: &Wiring) -> Peers {
    let peer = |name, url: &PeerUrl| {
        let key = settings.peer_api_key.clone();
        Peer::new(name, url.clone(), key, wiring.clock.clone(), wiring.ids.clone())
    };
    Peers {
        data_collection: peer("data-collection", &settings.data_collection_url),
        strategy_service: peer("strategy-service", &settings.strategy_service_url),
    }
}

/// Jobs and config versions say themselves how long they are kept; the remains of tasks and ended runs of workflows stay
/// as long as jobs do.
fn housekeeping(settings: &Settings, wiring: &Wiring, jobs: Arc<Jobs>, sweep: Option<Sweep>) -> Housekeeping {
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let keep = settings.job_settings().keep_for.unwrap_or(Duration::MAX);
    let times =
        HousekeepingSettings { keep_tasks: keep, keep_workflows: keep, ..HousekeepingSettings::default() };
    Housekeeping::new(jobs, configs, sweep, wiring.clock.clone(), times)
        .with_workflows(wiring.workflows.clone())
}

fn job_ports(wiring: &Wiring) -> JobPorts {
    let wiring = wiring.clone();
    JobPorts {
        jobs: wiring.jobs,
        events: wiring.events,
        blobs: wiring.blobs,
        audit: wiring.audit,
        clock: wiring.clock,
        ids: wiring.ids,
    }
}

/// Without another service, less works: what is said there. It must let us in, too, as somebody of this role.
fn peer_check(settings: &Settings, name: &'static str, peer: &Peer, role: Role) -> Check {
    let is_closed = matches!(settings.http.auth, AuthSettings::Required(_));
    let (peer, is_told) = (peer.clone(), Arc::new(AtomicBool::new(false)));
    let ask = move || {
        let (peer, is_told) = (peer.clone(), is_told.clone());
        async move {
            let asks = peer.check(role, PEER_PATIENCE).await.map_err(|error| error.to_string())?;
            if is_closed && !asks && !is_told.swap(true, Ordering::Relaxed) {
                warn!(
                    "{name} asks nobody who they are, and this service does: all programs of its machine may change \
                     what it keeps, and its audit log cannot tell who did; give it keys, too"
                );
            }
            Ok(())
        }
    };
    if settings.ready_needs_peers {
        Check::hard(name, CHECK_PATIENCE, ask)
    } else {
        Check::soft(name, CHECK_PATIENCE, ask)
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
