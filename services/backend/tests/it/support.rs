//! The service in process, over the state of one machine and tasks that a test plays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;
use tradai_backend::{Parts, Settings, build};
use tradai_control_plane::jobs::JobReports;
use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, TaskSubmitter};
use tradai_domain::jobs::{JobChange, JobStatus};
use tradai_domain::ports::{ApiKeyRepository, EventBus};
use tradai_domain::{Clock, JobId, RandomIds, SeriesKey, SystemClock, Timeframe, parse_date_ms};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::settings::{Inputs, load};
use tradai_platform::wiring::Wiring;
use tradai_service::axum::body::Body;
use tradai_service::axum::http::Request;
use tradai_service::axum::http::request::Builder;
use tradai_service::{App, Shutdown};
use tradai_testkit::MemoryTasks;
pub(crate) use tradai_testkit::http::Reply;
use tradai_testkit::http::send;
pub(crate) use tradai_testkit::{PATIENCE, until};
use tradai_timeseries::store::SYNTHETIC;
use tradai_timeseries::{CandleStore, Metadata, sample};

pub(crate) const BACKTESTS: &str = "/api/v1/backtests";

/// A service, and what is behind it.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) wiring: Wiring,
    pub(crate) tasks: MemoryTasks,
    pub(crate) shutdown: Shutdown,
    pub(crate) folder: TempDir,
}

/// Returns settings as a process with these variables would have them.
pub(crate) fn settings(variables: &[(&str, &str)]) -> Settings {
    // Nobody listens on the port 9 of this machine.
    let nobody = "http://127.0.0.1:9";
    let mut inputs = Inputs::default()
        .variable("BACKEND_DATA_COLLECTION_URL", nobody)
        .variable("BACKEND_STRATEGY_SERVICE_URL", nobody);
    for (name, value) in variables {
        inputs = inputs.variable(name, value);
    }
    load::<Settings>(&inputs).unwrap().settings
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(variables: &[(&str, &str)]) -> Self {
        Self::on(tempfile::tempdir().unwrap(), MemoryTasks::default(), variables)
    }

    /// The service over a folder and tasks that may have been used before.
    pub(crate) fn on(folder: TempDir, tasks: MemoryTasks, variables: &[(&str, &str)]) -> Self {
        let settings = settings(variables);
        let wiring = Wiring::open(&StateSettings::new(PathBuf::from(folder.path())), []).unwrap();
        let shutdown = Shutdown::manual();
        let executor: Arc<dyn BacktestJobSubmitter> =
            Arc::new(TaskSubmitter::local(Arc::new(tasks.clone()), Default::default()));
        let parts = Parts {
            wiring: wiring.clone(),
            executor: Some(executor),
            sweep_tasks: None,
            logs: None,
            check: None,
        };
        let app = build(&settings, parts, &shutdown);
        Self { app, wiring, tasks, shutdown, folder }
    }

    /// The same with another log of events.
    pub(crate) fn with_events(self, events: Arc<dyn EventBus>) -> Self {
        let wiring = Wiring { events, ..self.wiring.clone() };
        let executor: Arc<dyn BacktestJobSubmitter> =
            Arc::new(TaskSubmitter::local(Arc::new(self.tasks.clone()), Default::default()));
        let parts = Parts {
            wiring: wiring.clone(),
            executor: Some(executor),
            sweep_tasks: None,
            logs: None,
            check: None,
        };
        Self { app: build(&settings(&[]), parts, &self.shutdown), wiring, ..self }
    }

    /// The same by another clock, with these variables.
    pub(crate) fn with_clock(self, clock: Arc<dyn Clock>, variables: &[(&str, &str)]) -> Self {
        let wiring = Wiring { clock, ..self.wiring.clone() };
        let parts =
            Parts { wiring: wiring.clone(), executor: None, sweep_tasks: None, logs: None, check: None };
        Self { app: build(&settings(variables), parts, &self.shutdown), wiring, ..self }
    }

    /// The same with API keys that are kept elsewhere, with these variables.
    pub(crate) fn with_api_keys(
        self,
        api_keys: Arc<dyn ApiKeyRepository>,
        variables: &[(&str, &str)],
    ) -> Self {
        let wiring = Wiring { api_keys, ..self.wiring.clone() };
        let parts =
            Parts { wiring: wiring.clone(), executor: None, sweep_tasks: None, logs: None, check: None };
        Self { app: build(&settings(variables), parts, &self.shutdown), wiring, ..self }
    }

    /// The same without anybody who runs jobs.
    pub(crate) fn without_executor(self) -> Self {
        let parts =
            Parts { wiring: self.wiring.clone(), executor: None, sweep_tasks: None, logs: None, check: None };
        Self { app: build(&settings(&[]), parts, &self.shutdown), ..self }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        send(self.app.router.clone(), request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(json_request(Request::post(path), body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Request::delete(path).body(Body::empty()).unwrap()).await
    }

    /// Submits a backtest that is taken in, and returns its id.
    pub(crate) async fn submit(&self, strategy: &str) -> JobId {
        let reply = self.post(BACKTESTS, &request(strategy)).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        reply.json()["job_id"].as_str().unwrap().parse().unwrap()
    }

    /// Waits until a job's task was started.
    pub(crate) async fn started(&self, id: JobId) {
        let name = id.to_string();
        until(|| async { self.tasks.started().iter().any(|task| task.name == name) }).await;
    }

    /// Reports what a job's program would, and lets its task end where that ends it.
    pub(crate) async fn report(&self, id: JobId, status: JobStatus) {
        let now = self.wiring.clock.now_ms();
        let change = match status {
            JobStatus::Failed => JobChange::failed("no candles", now),
            JobStatus::Completed => JobChange {
                result_s3_path: Some(format!("file:///jobs/{id}")),
                ..JobChange::status(status, now)
            },
            _ => JobChange::status(status, now),
        };
        self.change(id, change).await;
        if status.is_terminal() {
            self.tasks.end(&id.to_string(), Some(0), "ended with exit code 0");
        }
    }

    pub(crate) async fn change(&self, id: JobId, change: JobChange) {
        let wiring = self.wiring.clone();
        let reports = JobReports::new(wiring.jobs, wiring.events, wiring.clock);
        reports.report(id, change).await.unwrap().unwrap();
    }

    /// Stops the service as its host does, and returns what outlives it.
    pub(crate) async fn stop(self) -> (TempDir, MemoryTasks) {
        self.shutdown.stop();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        tradai_service::serve(listener, self.app, self.shutdown).await.unwrap();
        (self.folder, self.tasks)
    }
}

pub(crate) fn json_request(request: Builder, body: &Value) -> Request<Body> {
    request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap()
}

pub(crate) fn request(strategy: &str) -> Value {
    json!({"strategy": strategy, "symbols": ["BTC/USDT"], "timerange": "20240101-20240201"})
}

/// Puts made-up candles of BTC/USDT into a data folder, five minutes each, from 2024-01-01 on.
pub(crate) fn add_candles(folder: &Path, days: i64) {
    let store = CandleStore::open(&folder.join("store"), Arc::new(SystemClock), Arc::new(RandomIds)).unwrap();
    let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::M5);
    let start = parse_date_ms("2024-01-01").unwrap();
    let candles = sample::candles(1, &key, start, start + days * 86_400_000);
    let metadata = Metadata::from_iter([(SYNTHETIC.to_owned(), json!(true))]);
    store.append(&key, &candles, Some(metadata)).unwrap();
}
