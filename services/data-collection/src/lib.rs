//! The data-collection service, port 8002: collects candles from exchanges, keeps them, and says how complete they
//! are. The backend, the workflow's data-collection-proxy and people call it; live sessions read the store directly.
//!
//! Routes are listed in [`api`]; the use cases are those of `tradai_control_plane::data`. Each exchange has a store
//! of its own at `<location>/<exchange>`, which `tradai --store <location>/<exchange> backtest` reads.
//!
//! Invariant: what the service acknowledged as stored is stored, however it ends, and was noted in the platform's audit
//! log before. Besides it has jobs only, in memory: they can be asked for again.

pub mod api;
mod core;
mod infrastructure;
mod settings;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use tradai_control_plane::Audit;
use tradai_control_plane::data::{Collector, Exchanges, Scheduler, Schedules, SyncJobs};
use tradai_domain::ports::{ApiKeyRepository, AuditLog, DocumentStore, ExchangeKey};
use tradai_domain::{Clock, IdSource};
use tradai_platform::wiring::Wiring;
use tradai_service::socket::Sockets;
use tradai_service::{App, Check, IdempotencyStore, Service, Shutdown, StoredIdempotency, StoredKeys};

pub use crate::core::FeedSource;
pub use crate::settings::{ExchangeUrl, Settings};
use api::{Hubs, State};
use core::{Catalog, Changes, SocketMetrics, SyncMetrics};

/// How long a dependency may take to answer a health check.
const CHECK_PATIENCE: Duration = Duration::from_secs(3);

/// The outside world of the service: what [`start`] makes of settings, and tests by hand.
pub struct Parts {
    /// The exchanges, the default first.
    pub exchanges: Exchanges,
    /// The live data of those exchanges that we have a feed of.
    pub feeds: BTreeMap<ExchangeKey, FeedSource>,
    /// Where schedules are kept.
    pub documents: Arc<dyn DocumentStore>,
    /// Who did what.
    pub audit: Arc<dyn AuditLog>,
    /// Replies to requests that may come twice.
    pub idempotency: Arc<dyn IdempotencyStore>,
    /// API keys that are made while services run; without, those of the settings are all.
    pub api_keys: Option<Arc<dyn ApiKeyRepository>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn IdSource>,
}

/// Opens what the settings name and returns the service. Must be called within a tokio runtime.
///
/// # Errors
/// When the state or the store cannot be opened, or an exchange is not known.
pub async fn start(settings: &Settings, shutdown: &Shutdown) -> Result<App, Box<dyn Error + Send + Sync>> {
    let Wiring { audit, idempotency, api_keys, clock, ids, .. } =
        Wiring::open(&settings.state, settings.environment.0.clone())?;
    let opened = infrastructure::open(settings, &clock, &ids).await?;
    let parts = Parts {
        exchanges: opened.exchanges,
        feeds: opened.feeds,
        documents: opened.documents,
        audit,
        idempotency: Arc::new(StoredIdempotency::new(idempotency)),
        api_keys: Some(api_keys),
        clock,
        ids,
    };
    Ok(build(settings, parts, shutdown))
}

/// Returns the service over its parts, and starts its scheduler. Must be called within a tokio runtime.
#[must_use]
pub fn build(settings: &Settings, parts: Parts, shutdown: &Shutdown) -> App {
    let Parts { exchanges, feeds, documents, audit, idempotency, api_keys, clock, ids } = parts;
    let (metrics, socket_metrics) = (SyncMetrics::default(), SocketMetrics::default());
    let linger = Duration::from_secs(settings.stream_linger_seconds);
    let hubs = Hubs::start(feeds, settings.socket_buffer, linger, &clock, &socket_metrics);
    let sockets = Sockets::new(settings.max_sockets, settings.socket_ping(), clock.clone(), shutdown);
    let collector = Collector::new(exchanges, clock.clone(), settings.collect_limits());
    let counted = metrics.clone();
    let jobs = SyncJobs::new(collector.clone(), clock.clone(), ids.clone(), settings.job_limits());
    let jobs = Arc::new(jobs.on_end(move |view| counted.count(view)));
    let schedules = Schedules::new(documents);
    let scheduler =
        Arc::new(Scheduler::new(collector.clone(), jobs.clone(), schedules.clone(), clock.clone()));
    let service = Service::new("data-collection", env!("CARGO_PKG_VERSION"), &settings.http, shutdown)
        .with_sources(clock.clone(), ids)
        .built_from(env!("TRADAI_GIT_COMMIT"))
        .used_tickets(idempotency.clone())
        .metrics(|registry| metrics.register(registry))
        .metrics(|registry| socket_metrics.register(registry))
        .metrics(|registry| sockets.register(registry));
    let stored = api_keys.map(|keys| StoredKeys::new(keys, clock.clone(), &settings.http.auth));
    let service = stored.into_iter().fold(service, Service::stored_keys);
    let service = add_checks(service, collector.exchanges());
    let audit = Audit::new(audit, clock.clone());
    let changes = Changes::new(collector.clone(), jobs.clone(), schedules.clone(), audit);
    let state = State {
        changes,
        catalog: Catalog::new(collector.clone(), settings.max_rows),
        cursors: service.cursors(),
        scheduler_enabled: settings.scheduler,
        collector,
        jobs: jobs.clone(),
        schedules,
        scheduler: scheduler.clone(),
        sync_wait: settings.sync_wait(),
        hubs: Arc::new(hubs),
        sockets: sockets.clone(),
        shutdown: shutdown.clone(),
        clock,
    };
    let stop = CancellationToken::new();
    let background = tokio_util::task::TaskTracker::new();
    if settings.scheduler {
        let stop = stop.clone();
        background.spawn(async move { scheduler.run(stop).await }.in_current_span());
    }
    let (read, create) = api::routes(state);
    service
        .routes(read)
        .idempotent_routes(create, idempotency)
        .on_stop(move || {
            let (stop, jobs, background) = (stop.clone(), jobs.clone(), background.clone());
            let sockets = sockets.clone();
            async move {
                stop.cancel();
                background.close();
                background.wait().await;
                jobs.stop().await;
                sockets.ended().await;
            }
        })
        .build()
}

/// The store is needed for everything. Exchanges are not: what is stored can be read without them.
fn add_checks(service: Service, exchanges: &Exchanges) -> Service {
    let stores: Vec<_> = exchanges.iter().map(|exchange| exchange.candles.clone()).collect();
    let service = service.check(Check::hard("store", CHECK_PATIENCE, move || {
        let stores = stores.clone();
        async move {
            for candles in stores {
                candles.ping().await.map_err(|error| error.to_string())?;
            }
            Ok(())
        }
    }));
    exchanges.iter().fold(service, |service, exchange| {
        let source = exchange.source.clone();
        service.check(Check::soft(core::check_name(exchange.key()), CHECK_PATIENCE, move || {
            let source = source.clone();
            async move { source.exchange_time().await.map(drop).map_err(|error| error.to_string()) }
        }))
    })
}
