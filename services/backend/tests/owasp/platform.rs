//! The three services over one folder, and how to ask them as somebody.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tradai_backend::Parts;
use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, TaskSubmitter};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::settings::{Inputs, Settings, load};
use tradai_platform::wiring::Wiring;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::axum::http::request::Builder;
use tradai_service::{App, Shutdown};
use tradai_testkit::MemoryTasks;
pub(crate) use tradai_testkit::http::{Reply, send};
pub(crate) use tradai_testkit::until;

pub(crate) const BACKTESTS: &str = "/api/v1/backtests";

/// Who asks; the name is also their key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    Viewer,
    Trader,
    OtherTrader,
    Admin,
}

impl Who {
    fn key(self) -> Option<&'static str> {
        match self {
            Self::Nobody => None,
            Self::Viewer => Some("key-of-vera"),
            Self::Trader => Some("key-of-tom"),
            Self::OtherTrader => Some("key-of-tina"),
            Self::Admin => Some("key-of-ada"),
        }
    }
}

pub(crate) fn keys() -> String {
    let item = |name: &str, role: &str| {
        format!("{name}:{role}:{}", blake3::hash(format!("key-of-{name}").as_bytes()).to_hex())
    };
    [item("vera", "viewer"), item("tom", "trader"), item("tina", "trader"), item("ada", "admin")].join(",")
}

/// The services. Their addresses are not asked: requests come in process.
pub(crate) struct Platform {
    pub(crate) backend: App,
    pub(crate) data_collection: App,
    pub(crate) strategy_service: App,
    pub(crate) tasks: MemoryTasks,
    pub(crate) folder: TempDir,
    pub(crate) inputs: Inputs,
}

impl Platform {
    pub(crate) async fn new() -> Self {
        Self::with(&[]).await
    }

    /// With variables on top of those of every test.
    pub(crate) async fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut inputs = Inputs::default()
            .variable("TRADAI_DATA_DIR", folder.path().to_str().unwrap())
            .variable("TRADAI_SETTINGS_DIR", "/nonexistent")
            // Nobody listens there, unless a test says so.
            .variable("BACKEND_STRATEGY_SERVICE_URL", "http://127.0.0.1:1")
            .variable("BACKEND_DATA_COLLECTION_URL", "http://127.0.0.1:1")
            .variable("DATA_COLLECTION_EXCHANGE_URLS", "binance_futures=http://127.0.0.1:1")
            .variable("DATA_COLLECTION_SCHEDULER", "false");
        for prefix in ["BACKEND", "DATA_COLLECTION", "STRATEGY_SERVICE"] {
            inputs = inputs.variable(&format!("{prefix}_API_KEYS"), &keys());
        }
        let inputs = variables.iter().fold(inputs, |inputs, (name, value)| inputs.variable(name, value));
        let shutdown = Shutdown::manual();
        let tasks = MemoryTasks::default();
        let data_collection = tradai_data_collection::start(&settings(&inputs), &shutdown).await.unwrap();
        let strategy_service = tradai_strategy_service::start(&settings(&inputs), &shutdown).await.unwrap();
        let backend = backend(&inputs, &tasks, &shutdown);
        Self { backend, data_collection, strategy_service, tasks, folder, inputs }
    }

    pub(crate) fn services(&self) -> [(&'static str, &App); 3] {
        [
            ("backend", &self.backend),
            ("data-collection", &self.data_collection),
            ("strategy-service", &self.strategy_service),
        ]
    }

    /// Asks the backend.
    pub(crate) async fn get(&self, who: Who, path: &str) -> Reply {
        ask(&self.backend, who, Request::get(path), Body::empty()).await
    }

    /// Sends JSON to the backend.
    pub(crate) async fn post(&self, who: Who, path: &str, body: &Value) -> Reply {
        let request = Request::post(path).header("content-type", "application/json");
        ask(&self.backend, who, request, Body::from(body.to_string())).await
    }

    /// Submits a backtest that is taken in, and returns the path of its job.
    pub(crate) async fn submit(&self, who: Who) -> String {
        let reply = self.post(who, BACKTESTS, &backtest()).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.header("location").to_owned()
    }
}

pub(crate) fn settings<S: Settings>(inputs: &Inputs) -> S {
    load::<S>(inputs).map(|loaded| loaded.settings).unwrap_or_else(|faults| panic!("{faults}"))
}

fn backend(inputs: &Inputs, tasks: &MemoryTasks, shutdown: &Shutdown) -> App {
    let folder = PathBuf::from(&inputs.environment["TRADAI_DATA_DIR"]);
    let wiring = Wiring::open(&StateSettings::new(folder), []).unwrap();
    let executor: Arc<dyn BacktestJobSubmitter> =
        Arc::new(TaskSubmitter::local(Arc::new(tasks.clone()), Default::default()));
    let parts = Parts { wiring, executor: Some(executor), sweep_tasks: None, logs: None, check: None };
    tradai_backend::build(&settings(inputs), parts, shutdown)
}

pub(crate) fn backtest() -> Value {
    json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"], "timerange": "20240101-20240201"})
}

/// Asks a service as somebody.
pub(crate) async fn ask(app: &App, who: Who, request: Builder, body: Body) -> Reply {
    let request = match who.key() {
        Some(key) => request.header("authorization", format!("Bearer {key}")),
        None => request,
    };
    let request = request.header("host", "localhost").body(body).unwrap();
    send(app.router.clone(), request).await
}
