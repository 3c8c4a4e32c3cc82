//! A backend on a port of its own, over a folder with made-up candles, that runs jobs for real.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tradai_backend::{Settings, start};
use tradai_control_plane::jobs::JobReports;
use tradai_domain::jobs::{
    BacktestConfig, BacktestJobMessage, JobChange, JobRecord, JobStatus, WorkflowType,
};
use tradai_domain::ports::{Lease, NewJob};
use tradai_domain::{JobId, RandomIds, SeriesKey, SystemClock, Timeframe, parse_date_ms};
use tradai_platform::settings::sections::StateSettings;
use tradai_platform::settings::{Inputs, load};
use tradai_platform::wiring::Wiring;
use tradai_service::Shutdown;
use tradai_testkit::sample::new_job;
use tradai_timeseries::store::SYNTHETIC;
use tradai_timeseries::{CandleStore, Metadata, sample};

/// Longer than any machine takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A running backend. Dropping it stops it.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) wiring: Wiring,
    pub(crate) folder: TempDir,
    running: Option<(Shutdown, JoinHandle<()>)>,
}

impl World {
    /// Starts a backend that runs jobs in its own process; peers are not there unless `variables` say where.
    pub(crate) async fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wiring = Wiring::open(&StateSettings::new(folder.path().to_owned()), []).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut world = Self { address: listener.local_addr().unwrap(), wiring, folder, running: None };
        world.serve(listener, variables).await;
        world
    }

    /// Stops the backend as its host does; nobody listens at its address then.
    pub(crate) async fn stop(&mut self) {
        let (shutdown, serving) = self.running.take().unwrap();
        shutdown.stop();
        serving.await.unwrap();
    }

    /// Starts it again where it was.
    pub(crate) async fn start_again(&mut self, variables: &[(&str, &str)]) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener, variables).await;
    }

    async fn serve(&mut self, listener: TcpListener, variables: &[(&str, &str)]) {
        let nobody = nobody().await;
        let mut inputs = Inputs::default()
            .variable("TRADAI_DATA_DIR", self.folder.path().to_str().unwrap())
            .variable("BACKEND_LOCAL_EXECUTION_MODE", "inprocess")
            .variable("BACKEND_DATA_COLLECTION_URL", &nobody)
            .variable("BACKEND_STRATEGY_SERVICE_URL", &nobody);
        for (name, value) in variables {
            inputs = inputs.variable(name, value);
        }
        let settings = load::<Settings>(&inputs).unwrap().settings;
        let shutdown = Shutdown::manual();
        let app = start(&settings, &shutdown).await.unwrap();
        let serving = tradai_service::serve(listener, app, shutdown.clone());
        self.running = Some((shutdown, tokio::spawn(async move { serving.await.unwrap() })));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Puts made-up candles of 2023 into the store of imported ones.
    pub(crate) fn add_candles(&self, pairs: &[&str], timeframe: Timeframe, days: i64) {
        add_candles(&store(&self.folder.path().join("store")), pairs, timeframe, days);
    }

    pub(crate) fn next_id(&self) -> JobId {
        JobId(self.wiring.ids.next(self.wiring.clock.as_ref()))
    }

    /// Stores a job as another process would have left it; nobody runs it.
    pub(crate) async fn add_job(&self, strategy: &str, status: JobStatus) -> JobId {
        let id = self.next_id();
        let config = BacktestConfig { strategy: strategy.parse().unwrap(), ..config() };
        self.add_job_of(id, config, status).await;
        id
    }

    /// Stores a job that was asked for in this way.
    pub(crate) async fn add_job_of(&self, id: JobId, config: BacktestConfig, status: JobStatus) {
        let clock = &self.wiring.clock;
        let message = BacktestJobMessage::new(id, id.into(), config);
        let name = message.config.strategy.clone();
        let record = JobRecord::pending(id, WorkflowType::Backtest, name, id.into(), clock.now_ms());
        let job = NewJob { message, ..new_job(record) };
        // Held by somebody who lives longer than a test, so that the service leaves it alone.
        let (now, workflow_type) = (clock.now_ms(), WorkflowType::Backtest);
        let lease = Lease { holder: job.holder.clone(), workflow_type, now, until: now + 86_400_000 };
        self.wiring.jobs.take_up(&lease).await.unwrap();
        self.wiring.jobs.create(&job).await.unwrap();
        match status {
            JobStatus::Pending => {}
            JobStatus::Failed => self.report(id, JobChange::failed(HOSTILE, clock.now_ms())).await,
            status => self.report(id, JobChange::status(status, clock.now_ms())).await,
        }
    }

    /// Reports what a job's program would.
    pub(crate) async fn report(&self, id: JobId, change: JobChange) {
        let wiring = self.wiring.clone();
        let reports = JobReports::new(wiring.jobs, wiring.events, wiring.clock);
        reports.report(id, change).await.unwrap().unwrap();
    }

    /// Puts a completed job there whose result is of a real run.
    pub(crate) async fn add_result(&self, strategy: &str) -> JobId {
        let id = self.add_job(strategy, JobStatus::Running).await;
        self.complete(id, None).await;
        id
    }

    /// Leaves what a job's program wrote.
    pub(crate) fn write_log(&self, id: JobId, text: &str) {
        let folder = self.folder.path().join("tasks").join(id.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("output"), text).unwrap();
    }

    /// Completes a job with the result of a real run, which took this config version.
    pub(crate) async fn complete(&self, id: JobId, config_id: Option<&str>) {
        write_result(&self.folder.path().join("jobs"), id, config_id);
        let completed = JobChange::status(JobStatus::Completed, self.wiring.clock.now_ms());
        self.report(id, JobChange { result_s3_path: Some(format!("jobs/{id}")), ..completed }).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((shutdown, _)) = &self.running {
            shutdown.stop();
        }
    }
}

/// The strategy-service itself, with what ships.
pub(crate) struct Strategies {
    url: String,
    shutdown: Shutdown,
    _folder: TempDir,
}

impl Strategies {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inputs = Inputs::default().variable("TRADAI_DATA_DIR", folder.path().to_str().unwrap());
        let settings = load::<tradai_strategy_service::Settings>(&inputs).unwrap().settings;
        let shutdown = Shutdown::manual();
        let app = tradai_strategy_service::start(&settings, &shutdown).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tradai_service::serve(listener, app, shutdown.clone());
        tokio::spawn(async move { serving.await.unwrap() });
        Self { url, shutdown, _folder: folder }
    }

    /// What tells a backend where it is.
    pub(crate) fn variables(&self) -> [(&str, &str); 1] {
        [("BACKEND_STRATEGY_SERVICE_URL", &self.url)]
    }
}

impl Drop for Strategies {
    fn drop(&mut self) {
        self.shutdown.stop();
    }
}

/// A text that does harm wherever it is taken for markup.
pub(crate) const HOSTILE: &str = "</script><img src=x onerror=\"document.title='owned'\"><b>&amp;";

/// Pairs of a strategy and nothing else.
pub(crate) fn config() -> BacktestConfig {
    serde_json::from_value(json!({"strategy": "EmaCross", "symbols": ["BTC/USDT"]})).unwrap()
}

fn store(path: &Path) -> CandleStore {
    CandleStore::open(path, Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}

fn add_candles(store: &CandleStore, pairs: &[&str], timeframe: Timeframe, days: i64) {
    for pair in pairs {
        let key = SeriesKey::traded(&pair.parse().unwrap(), timeframe);
        let start = parse_date_ms("2023-01-01").unwrap();
        let candles = sample::candles(1, &key, start, start + days * 86_400_000);
        let metadata = Metadata::from_iter([(SYNTHETIC.to_owned(), json!(true))]);
        store.append(&key, &candles, Some(metadata)).unwrap();
    }
}

/// The address of a port that nobody listens on.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Runs a strategy over half a year of made-up candles and writes its folder.
fn write_result(jobs: &Path, id: JobId, config_id: Option<&str>) {
    use tradai_runner::backtest::{BacktestRequest, JobFolder, run};
    use tradai_runner::strategies;

    static STORE: OnceLock<(TempDir, CandleStore)> = OnceLock::new();
    let (_, store) = STORE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        add_candles(&store, &["BTC/USDT", "ETH/USDT"], Timeframe::H1, 180);
        (folder, store)
    });
    let settings = json!({"timeframe": "1h", "dry_run_wallet": 1000, "stake_amount": 250});
    let (registry, _) = strategies::registry(Some(jobs.parent().unwrap())).unwrap();
    let located = strategies::locate(&registry, "EmaCross").unwrap();
    let (strategy, source) = located.with_parameters(BTreeMap::new()).unwrap();
    let request = BacktestRequest {
        job_id: id,
        created_at: 0,
        strategy,
        source,
        layers: vec![settings.as_object().unwrap().clone()],
        rules: Default::default(),
        exchange: None,
        config_id: config_id.map(|id| id.parse().unwrap()),
        data: Vec::new(),
    };
    let mut finished = run(&request, store, &()).unwrap();
    finished.write(&JobFolder::new(jobs.to_owned())).unwrap();
}
