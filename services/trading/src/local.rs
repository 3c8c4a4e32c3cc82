//! Jobs on the machine of whoever takes them in: in a process or container each, or within the host's own process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;
use tradai_control_plane::jobs::Sweep;
use tradai_control_plane::jobs::executors::ExecutorPorts;
use tradai_domain::ErrorKind;
use tradai_domain::jobs::LocalExecutionMode;
use tradai_domain::ports::{PortError, TaskEnd, TaskRunner, TaskSpec};
use tradai_embedded::{AnyTasks, DockerTasks, InProcessTasks, ProcessSettings, ProcessTasks, Work};
use tradai_platform::settings::sections::{LogSettings, StateSettings};
use tradai_platform::settings::{Inputs, load, split};
use tradai_platform::wiring::Wiring;
use tradai_runner::backtest::JobFolder;

use crate::containers::ContainerSettings;
use crate::{TradingSettings, run_job};

/// How long a job's process may take to end after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Variables of the host that a job gets, beside those whose names begin with one of [`PASSED_PREFIXES`] and those that
/// `CONFIG_VARIABLES` lets configs read. Nothing else of the host's environment reaches a job: it may hold secrets.
const PASSED: [&str; 11] = [
    "CONFIG_VARIABLES",
    "HOME",
    "LD_LIBRARY_PATH",
    "MLFLOW_TRACKING_URI",
    "PATH",
    "RAYON_NUM_THREADS",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TRADAI_SETTINGS_DIR",
    "TZ",
];
/// Where candles are, the credentials for it, and where telemetry goes.
const PASSED_PREFIXES: [&str; 4] = ["ARCTIC_", "ARCTICDB_", "AWS_", "OTEL_"];

/// What jobs of this machine get from their host.
#[derive(Debug, Clone)]
pub struct LocalHost<'a> {
    /// The program whose argument `job` runs one, by [`crate::run`]: the host's own.
    pub program: PathBuf,
    /// Where the state is.
    pub state: &'a StateSettings,
    /// The folder of strategies; `None` for that of the data folder.
    pub strategies: Option<&'a Path>,
    /// How logs are written.
    pub log: &'a LogSettings,
    /// The host's environment, of which jobs get a few variables.
    pub environment: &'a BTreeMap<String, String>,
}

/// The ways in which jobs run on this machine. Whichever one new jobs go, those that run already are found.
#[derive(Debug, Clone)]
pub struct LocalTasks {
    folder: PathBuf,
    results: JobFolder,
    processes: Arc<ProcessTasks>,
    in_process: Arc<InProcessTasks>,
    containers: Option<Arc<DockerTasks>>,
}

impl LocalTasks {
    /// Returns the ways; jobs that run within the host's process use its wiring.
    #[must_use]
    pub fn new(host: &LocalHost<'_>, wiring: &Wiring) -> Self {
        let environment = environment(host);
        let processes = ProcessTasks::new(ProcessSettings {
            program: host.program.clone(),
            arguments: vec!["job".to_owned()],
            environment: environment.clone(),
            folder: host.state.tasks(),
            stop_grace: STOP_GRACE,
        });
        let wiring = wiring.clone();
        let work: Work = Arc::new(move |task: TaskSpec| {
            let (wiring, mut environment) = (wiring.clone(), environment.clone());
            environment.extend(task.environment);
            Box::pin(async move { in_this_process(environment, &wiring).await })
        });
        let in_process = InProcessTasks::new(work, host.state.tasks());
        Self {
            folder: host.state.tasks(),
            results: JobFolder::new(host.state.data_dir.join("jobs")),
            processes: Arc::new(processes),
            in_process: Arc::new(in_process),
            containers: None,
        }
    }

    /// Adds containers to the ways. Nobody asks for the daemon yet.
    #[must_use]
    pub fn with_containers(mut self, host: &LocalHost<'_>, containers: &ContainerSettings) -> Self {
        let docker = containers.docker(host, &environment(host), STOP_GRACE);
        self.containers = Some(Arc::new(DockerTasks::new(docker)));
        self
    }

    /// Returns what [`ExecutorFactory`](tradai_control_plane::jobs::executors::ExecutorFactory) chooses from.
    #[must_use]
    pub fn executor_ports(&self) -> ExecutorPorts {
        let containers = self.containers.clone().map(|containers| containers as Arc<dyn TaskRunner>);
        let any = |new: Arc<dyn TaskRunner>| -> Arc<dyn TaskRunner> {
            let (processes, in_process) = (self.processes.clone(), self.in_process.clone());
            Arc::new(AnyTasks::new(self.folder.clone(), new, processes, in_process, containers.clone()))
        };
        let mut local = BTreeMap::from([
            (LocalExecutionMode::Subprocess, any(self.processes.clone())),
            (LocalExecutionMode::InProcess, any(self.in_process.clone())),
        ]);
        if let Some(containers) = &self.containers {
            local.insert(LocalExecutionMode::Docker, any(containers.clone()));
        }
        ExecutorPorts { local, ..ExecutorPorts::default() }
    }

    /// Returns containers, where they are among the ways.
    #[must_use]
    pub fn containers(&self) -> Option<Arc<DockerTasks>> {
        self.containers.clone()
    }

    /// Returns what deletes the remains of old tasks, and what those left that died while they wrote a result, for
    /// [`Housekeeping`](tradai_control_plane::jobs::Housekeeping).
    #[must_use]
    pub fn sweep(&self) -> Sweep {
        let tasks = self.clone();
        Arc::new(move |before| {
            let tasks = tasks.clone();
            let moment = DateTime::from_timestamp_millis(before).unwrap_or_default();
            Box::pin(async move { tasks.sweep_all(moment).await })
        })
    }

    async fn sweep_all(&self, before: DateTime<Utc>) -> Result<usize, PortError> {
        // Processes' remains are not to wait for a daemon.
        let (containers, rest) = tokio::join!(self.sweep_containers(before), self.sweep_folders(before));
        rest.map(|rest| rest + containers)
    }

    async fn sweep_containers(&self, before: DateTime<Utc>) -> usize {
        let Some(containers) = &self.containers else { return 0 };
        containers.sweep(before).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what is left of containers stays for now: {error}");
            0
        })
    }

    async fn sweep_folders(&self, before: DateTime<Utc>) -> Result<usize, PortError> {
        let (processes, results) = (self.processes.clone(), self.results.clone());
        let sweep = move || {
            let died = results.sweep();
            if died > 0 {
                tracing::info!(died, "removed half-written results of {died} jobs' processes that died");
            }
            processes.sweep(before)
        };
        let swept = tokio::task::spawn_blocking(sweep).await;
        let stopped = |_| PortError::new(ErrorKind::Internal, "the call was stopped");
        swept.map_err(stopped)?.map_err(|error| PortError::new(error.kind(), error.to_string()))
    }
}

/// The environment of every job; the job's own variables come on top.
fn environment(host: &LocalHost<'_>) -> BTreeMap<String, String> {
    let let_in = host.environment.get("CONFIG_VARIABLES").map_or_else(Vec::new, |text| split(text));
    let is_passed = |name: &str| {
        PASSED.contains(&name)
            || PASSED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || let_in.iter().any(|known| known == name)
    };
    let mut environment = host.environment.clone();
    environment.retain(|name, _| is_passed(name));
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value);
    set("TRADAI_DATA_DIR", host.state.data_dir.display().to_string());
    set("LOG_FORMAT", host.log.format.to_string());
    set("LOG_LEVEL", host.log.levels.to_string());
    if let Some(endpoint) = &host.log.otlp_endpoint {
        // The host may be told of it by a name that is its own.
        set("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.clone());
    }
    if let Some(strategies) = host.strategies {
        set("STRATEGY_PATH", strategies.display().to_string());
    }
    environment
}

async fn in_this_process(environment: BTreeMap<String, String>, wiring: &Wiring) -> TaskEnd {
    let ended = |code: u8, reason: String| TaskEnd { exit_code: Some(code.into()), reason };
    let loaded = match load::<TradingSettings>(&Inputs { environment, arguments: Vec::new() }) {
        Ok(loaded) => loaded,
        Err(faults) => return ended(ErrorKind::Invalid.exit_code(), format!("has {faults}")),
    };
    match run_job(&loaded.settings, wiring, &CancellationToken::new()).await {
        Ok(()) => ended(0, "ended".to_owned()),
        Err(error) => ended(error.exit_code(), format!("ended: {}", error.chain())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gets_few_variables_and_no_secrets() {
        let host: BTreeMap<String, String> = [
            ("PATH", "/bin"),
            ("BACKEND_API_KEYS", "hush"),
            ("BACKEND_PEER_API_KEY", "hush"),
            ("ARCTIC_S3_BUCKET", "candles"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("CONFIG_VARIABLES", "REGION, PAIR"),
            ("REGION", "eu"),
            ("JOB_ID", "another"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let found = passed(&host);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            found,
            [
                ("ARCTIC_S3_BUCKET", "candles"),
                ("AWS_ACCESS_KEY_ID", "id"),
                ("CONFIG_VARIABLES", "REGION, PAIR"),
                ("LOG_FORMAT", "human"),
                ("LOG_LEVEL", "tradai=debug,warn"),
                ("PATH", "/bin"),
                ("REGION", "eu"),
                ("STRATEGY_PATH", "/strategies"),
                ("TRADAI_DATA_DIR", "/data"),
            ]
        );
    }

    #[test]
    fn variables_that_configs_may_read_are_listed_as_in_other_settings() {
        for list in ["REGION,PAIR", r#"["REGION", "PAIR"]"#] {
            let host = [("CONFIG_VARIABLES", list), ("REGION", "eu"), ("PAIR", "BTC/USDT"), ("OTHER", "x")];
            let found = passed(&host.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
            let has = |name: &str| found.contains_key(name);
            assert!(has("REGION") && has("PAIR") && !has("OTHER"), "{list}: {found:?}");
        }
    }

    /// What a job gets of a host's environment.
    fn passed(host: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let log =
            load::<Log>(&Inputs::default().variable("LOG_LEVEL", "warn,tradai=debug")).unwrap().settings.0;
        let state = StateSettings::new("/data".into());
        environment(&LocalHost {
            program: PathBuf::from("tradai"),
            state: &state,
            strategies: Some(Path::new("/strategies")),
            log: &log,
            environment: host,
        })
    }

    /// The one section, as a host's settings.
    struct Log(LogSettings);

    impl tradai_platform::settings::Settings for Log {
        const SERVICE: &'static str = "trading";
        const PREFIX: &'static str = "";

        fn read(reader: &mut tradai_platform::settings::Reader<'_>) -> Self {
            Self(LogSettings::read(reader))
        }
    }
}
