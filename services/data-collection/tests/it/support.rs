//! The service in process, over hand-written exchanges and a store in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tradai_control_plane::data::{Exchange, Exchanges};
use tradai_data_collection::{Parts, Settings, build};
use tradai_domain::ports::{AuditEntry, AuditLog, PortError};
use tradai_domain::{ErrorKind, ManualClock, SequentialIds};
use tradai_platform::settings::{Inputs, load};
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::{App, MemoryIdempotency, Shutdown};
pub(crate) use tradai_testkit::http::{Reply, send};
use tradai_timeseries::port::{StoreDocuments, StoreRepository};
use tradai_timeseries::{CandleStore, Location};

use crate::exchange::FakeExchange;

/// 2024-01-01.
pub(crate) const START: i64 = 1_704_067_200_000;

/// A service, and what is behind it.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) exchange: Arc<FakeExchange>,
    pub(crate) shutdown: Shutdown,
    pub(crate) audit: Arc<MemoryAudit>,
}

/// An audit log in memory.
#[derive(Default)]
pub(crate) struct MemoryAudit {
    pub(crate) entries: Mutex<Vec<AuditEntry>>,
    /// Whether it takes no more.
    pub(crate) is_broken: AtomicBool,
}

#[async_trait::async_trait]
impl AuditLog for MemoryAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<u64, PortError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(PortError::new(ErrorKind::Unavailable, "the disk is full"));
        }
        let mut entries = self.entries.lock().unwrap();
        entries.push(entry.clone());
        Ok(entries.len() as u64)
    }

    async fn list(&self, _: Option<u64>, _: usize) -> Result<Vec<(u64, AuditEntry)>, PortError> {
        unreachable!("this service shows nobody the log")
    }
}

/// Returns settings as a process with these variables would have them.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    let mut inputs = Inputs::default().variable("DATA_COLLECTION_ARCTIC_S3_BUCKET", "memory:");
    for (name, value) in variables {
        inputs = inputs.variable(name, value);
    }
    load::<Settings>(&inputs).unwrap().settings
}

impl World {
    /// The service 1000 hours after 2024-01-01, with the exchanges binance_futures and okx_futures.
    pub(crate) fn new() -> Self {
        Self::with(&settings(&[]))
    }

    pub(crate) fn with(settings: &Settings) -> Self {
        Self::of(settings, ["binance_futures", "okx_futures"])
    }

    /// With other exchanges; the first answers for [`World::exchange`].
    pub(crate) fn of(settings: &Settings, exchanges: [&str; 2]) -> Self {
        Self::on(settings, exchanges, |clock, ids| CandleStore::in_memory(clock, ids))
    }

    /// With stores of one's own, one for each exchange.
    pub(crate) fn on(
        settings: &Settings,
        exchanges: [&str; 2],
        store: impl Fn(Arc<ManualClock>, Arc<SequentialIds>) -> CandleStore,
    ) -> Self {
        let clock = Arc::new(ManualClock::at(START + 1_000 * 3_600_000));
        let ids = Arc::new(SequentialIds::default());
        let [exchange, other] = exchanges.map(|key| FakeExchange::new(key, &clock));
        let exchanges = [exchange.clone(), other].map(|source| {
            let store = store(clock.clone(), ids.clone());
            Exchange { source, candles: Arc::new(StoreRepository::new(store)) }
        });
        let documents = Arc::new(StoreDocuments::open(&Location::Memory).unwrap());
        let shutdown = Shutdown::manual();
        let exchanges = Exchanges::new(exchanges.into());
        let audit = Arc::new(MemoryAudit::default());
        let parts = Parts {
            exchanges,
            feeds: BTreeMap::new(),
            documents,
            audit: audit.clone(),
            idempotency: Arc::new(MemoryIdempotency::default()),
            api_keys: None,
            clock: clock.clone(),
            ids,
        };
        let app = build(settings, parts, &shutdown);
        Self { app, clock, exchange, shutdown, audit }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        send(self.app.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Reply {
        self.send(json_request("POST", path, body)).await
    }

    /// Collects hourly candles of some hours of January 2024; the reply must be 200.
    pub(crate) async fn sync(&self, symbols: &str, hours: std::ops::Range<i64>) -> Value {
        let date = |hour: i64| format!("2024-01-{:02}T{:02}:00:00Z", hour / 24 + 1, hour % 24);
        let (start, end) = (date(hours.start), date(hours.end));
        let body =
            format!(r#"{{"symbols": {symbols}, "timeframe": "1h", "start": "{start}", "end": "{end}"}}"#);
        let reply = self.post("/api/v1/sync", &body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// Asks again and again until a reply is as it should be.
    pub(crate) async fn until(&self, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let reply = self.get(path).await.json();
                if is_there(&reply) {
                    return reply;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), asking).await.expect("it never came")
    }
}

pub(crate) fn json_request(method: &str, path: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(Body::from(body.to_owned())).unwrap()
}
