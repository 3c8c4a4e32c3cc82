//! A data folder with made-up candles, and a platform on it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tradai_control_plane::jobs::executors::{ExecutorFactory, ExecutorSettings};
use tradai_control_plane::jobs::{BacktestRequest, JobPorts, JobSettings, Jobs, Requester};
use tradai_domain::jobs::{JobRecord, JobStatus, LocalExecutionMode};
use tradai_domain::{JobId, RandomIds, SeriesKey, SystemClock, Timeframe, parse_date_ms};
use tradai_platform::settings::sections::{LogSettings, StateSettings};
use tradai_platform::settings::{Inputs, Reader, Settings, load};
use tradai_platform::wiring::Wiring;
use tradai_runner::backtest::JobFolder;
pub(crate) use tradai_testkit::{PATIENCE, until};
use tradai_timeseries::{CandleStore, Location, sample};
use tradai_trading::local::{LocalHost, LocalTasks};

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_tradai-trading");

/// A data folder.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) state: StateSettings,
    pub(crate) wiring: Wiring,
}

/// A platform on a data folder; another one may be on the same.
pub(crate) struct Platform {
    pub(crate) jobs: Arc<Jobs>,
    pub(crate) tasks: LocalTasks,
}

impl World {
    /// Candles of five minutes of two markets, some days of January 2024.
    pub(crate) fn new() -> Self {
        let world = Self::empty();
        world.add_candles(None, &["BTC/USDT", "ETH/USDT"], "2024-01-01", "2024-01-11");
        world
    }

    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = StateSettings::new(folder.path().to_owned());
        let wiring = Wiring::open(&state, []).unwrap();
        Self { folder, state, wiring }
    }

    pub(crate) fn store(&self, exchange: Option<&str>) -> CandleStore {
        let whole = Location::Directory(self.state.store());
        let location = exchange.map_or(whole.clone(), |key| whole.of_exchange(&key.parse().unwrap()));
        CandleStore::open_location(&location, Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
    }

    pub(crate) fn add_candles(&self, exchange: Option<&str>, symbols: &[&str], start: &str, end: &str) {
        let store = self.store(exchange);
        for symbol in symbols {
            let key = SeriesKey::traded(&symbol.parse().unwrap(), Timeframe::M5);
            let candles =
                sample::candles(1, &key, parse_date_ms(start).unwrap(), parse_date_ms(end).unwrap());
            let metadata = [("synthetic".to_owned(), json!(true))].into_iter().collect();
            store.write(&key, &candles, Some(metadata)).unwrap();
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn folders(&self) -> JobFolder {
        JobFolder::new(self.path().join("jobs"))
    }

    /// What is visible or hidden in the folder of results.
    pub(crate) fn results(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path().join("jobs")) else { return Vec::new() };
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub(crate) fn ports(&self) -> JobPorts {
        let wiring = &self.wiring;
        JobPorts {
            jobs: wiring.jobs.clone(),
            events: wiring.events.clone(),
            blobs: wiring.blobs.clone(),
            audit: wiring.audit.clone(),
            clock: wiring.clock.clone(),
            ids: wiring.ids.clone(),
        }
    }

    /// A platform whose jobs run as processes of the program.
    pub(crate) fn platform(&self, parallel: usize) -> Platform {
        self.platform_of(PROGRAM.into(), LocalExecutionMode::Subprocess, parallel)
    }

    pub(crate) fn platform_of(
        &self,
        program: PathBuf,
        local_mode: LocalExecutionMode,
        parallel: usize,
    ) -> Platform {
        let environment: BTreeMap<String, String> = std::env::vars().collect();
        let host = LocalHost {
            program,
            state: &self.state,
            strategies: None,
            log: &log(),
            environment: &environment,
        };
        let tasks = LocalTasks::new(&host, &self.wiring);
        let executors = ExecutorSettings { local_mode, ..ExecutorSettings::default() };
        let executor = ExecutorFactory::create(&executors, &tasks.executor_ports()).unwrap();
        let settings = JobSettings { parallel, ..JobSettings::default() };
        Platform { jobs: Jobs::new(self.ports(), Some(executor), settings), tasks }
    }

    /// A job that is stored and that nobody runs.
    pub(crate) async fn stored(&self, request: &BacktestRequest) -> JobRecord {
        let jobs = Jobs::new(self.ports(), Some(Arc::new(Nobody)), JobSettings::default());
        let record = jobs.submit(request, &ann()).await.unwrap().record;
        until(|| async { jobs.get(record.job_id).await.unwrap().execution_arn.is_some() }).await;
        record
    }

    /// The program's environment for a job.
    pub(crate) fn environment(
        &self,
        record: &JobRecord,
        request: &BacktestRequest,
    ) -> BTreeMap<String, String> {
        let message = tradai_domain::jobs::BacktestJobMessage::new(
            record.job_id,
            record.trace_id,
            request.check().unwrap(),
        );
        let mut environment = tradai_control_plane::jobs::backtest_environment(&message);
        environment.insert("TRADAI_DATA_DIR".to_owned(), self.path().display().to_string());
        environment.insert("LOG_FORMAT".to_owned(), "json".to_owned());
        environment
    }

    /// The program, ready to run a job.
    pub(crate) fn command(&self, record: &JobRecord, request: &BacktestRequest) -> std::process::Command {
        let mut command = std::process::Command::new(PROGRAM);
        command.env_clear().envs(self.environment(record, request)).current_dir(self.path());
        command
    }

    pub(crate) async fn record(&self, id: JobId) -> JobRecord {
        Arc::unwrap_or_clone(self.wiring.jobs.get(id).await.unwrap().unwrap())
    }

    /// Waits until a job has ended.
    pub(crate) async fn ended(&self, id: JobId) -> JobRecord {
        until(|| async { self.record(id).await.status.is_terminal() }).await;
        self.record(id).await
    }

    /// Waits until a job has ended, as it should.
    pub(crate) async fn completed(&self, id: JobId) -> JobRecord {
        let record = self.ended(id).await;
        assert_eq!((record.status, record.error.as_deref()), (JobStatus::Completed, None));
        record
    }

    pub(crate) fn read(&self, id: JobId, name: &str) -> Vec<u8> {
        std::fs::read(self.folders().path(&id).join(name)).unwrap()
    }
}

/// An executor that takes jobs and does nothing.
struct Nobody;

#[async_trait::async_trait]
impl tradai_control_plane::jobs::executors::BacktestJobSubmitter for Nobody {
    fn mode(&self) -> tradai_domain::jobs::ExecutorMode {
        tradai_domain::jobs::ExecutorMode::Sqs
    }

    async fn submit(
        &self,
        job: &tradai_domain::jobs::BacktestJobMessage,
    ) -> Result<tradai_domain::jobs::ExecutionId, tradai_domain::ports::PortError> {
        Ok(tradai_domain::jobs::ExecutionId::new(job.job_id.to_string()))
    }

    async fn stop(
        &self,
        _: &tradai_domain::jobs::ExecutionId,
    ) -> Result<(), tradai_domain::ports::PortError> {
        Ok(())
    }

    fn watches(&self) -> bool {
        false
    }

    async fn wait(
        &self,
        _: &tradai_domain::jobs::ExecutionId,
    ) -> Result<Option<tradai_domain::ports::TaskEnd>, tradai_domain::ports::PortError> {
        Ok(None)
    }

    async fn forget(
        &self,
        _: &tradai_domain::jobs::ExecutionId,
    ) -> Result<(), tradai_domain::ports::PortError> {
        Ok(())
    }
}

/// A short backtest.
pub(crate) fn request() -> BacktestRequest {
    BacktestRequest {
        strategy: "EmaCross".to_owned(),
        symbols: vec!["BTC/USDT".to_owned(), "ETH/USDT".to_owned()],
        timerange: Some("20240103-20240110".to_owned()),
        settings: serde_json::from_str(r#"{"stake_amount": 100, "dry_run_wallet": 1000}"#).unwrap(),
        ..BacktestRequest::default()
    }
}

pub(crate) fn ann() -> Requester {
    Requester { actor: "ann".to_owned(), ..Requester::default() }
}

fn log() -> LogSettings {
    struct Log(LogSettings);
    impl Settings for Log {
        const SERVICE: &'static str = "trading";
        const PREFIX: &'static str = "";

        fn read(reader: &mut Reader<'_>) -> Self {
            Self(LogSettings::read(reader))
        }
    }
    load::<Log>(&Inputs::default()).unwrap().settings.0
}
