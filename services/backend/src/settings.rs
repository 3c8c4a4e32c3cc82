//! What the service is told from outside, under the names that the reference documents give.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;
use tradai_control_plane::jobs::JobSettings;
use tradai_control_plane::jobs::executors::ExecutorSettings;
use tradai_domain::ports::Quota;
use tradai_platform::settings::sections::{HttpSettings, LogSettings, MlflowSettings, StateSettings};
use tradai_platform::settings::{Environment, Reader, Settings as HostSettings};
use tradai_platform::topology::topology;
use tradai_service::HttpHost;
use tradai_timeseries::Location;
use tradai_trading::containers::ContainerSettings;
use tradai_trading::{JobVariables, read_location};
use url::Url;

const SECONDS_OF_A_DAY: u64 = 86_400;

/// The settings of the service.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Address and limits.
    pub http: HttpSettings,
    /// Logs.
    pub log: LogSettings,
    /// Where state is kept.
    pub state: StateSettings,
    /// Where the stores of candles are.
    pub candles: Location,
    /// The bucket or location of candles, as jobs are told of it; the folder of the state without.
    pub bucket: Option<String>,
    /// Where figures are logged to.
    pub mlflow: MlflowSettings,
    /// How jobs reach whoever runs them.
    pub executor: ExecutorSettings,
    /// The containers of jobs, where they run in some.
    pub containers: ContainerSettings,
    /// Whether the service goes on without an executor: it shows jobs and takes none.
    pub allow_no_executor: bool,
    /// Where candles are collected.
    pub data_collection_url: PeerUrl,
    /// Where strategies and their configs are.
    pub strategy_service_url: PeerUrl,
    /// Whether the service counts as not ready while one of the two does not answer.
    pub ready_needs_peers: bool,
    /// What the service shows to the others.
    pub peer_api_key: Option<SecretString>,
    /// The name of this instance among those on one state; that of machine and port without.
    pub instance: Option<String>,
    /// The environment of this host, of which jobs get a few variables.
    pub environment: Environment,
    /// What configs of jobs may read of this host's environment.
    pub job_variables: JobVariables,
    /// Jobs that run at the same time.
    pub parallel_jobs: usize,
    /// How much memory the process of a job may take, in MiB: 0 for as much as there is, its share of the machine's
    /// without.
    pub job_memory_mib: Option<u32>,
    /// Jobs that may wait, of all who ask together.
    pub max_waiting_jobs: usize,
    /// Jobs that may wait of each who asks.
    pub max_waiting_jobs_per_caller: usize,
    /// Days that a job and its results are kept; 0 keeps them.
    pub keep_jobs_days: u32,
    /// Folder of declarative strategies.
    pub strategy_path: PathBuf,
    /// WebSockets and event streams that may be open.
    pub max_sockets: usize,
    /// Seconds between two pings of a WebSocket.
    pub socket_ping_seconds: usize,
}

/// The address of another service: `http://127.0.0.1:8002`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerUrl(String);

impl PeerUrl {
    /// Returns the address of a service on this machine.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self(format!("http://127.0.0.1:{port}"))
    }

    /// Returns the address, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PeerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|error| format!("the URL cannot be read: {error}"))?;
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !plain {
            return Err("expected http:// or https:// and a host, without user and `?`".to_owned());
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }
}

impl fmt::Display for PeerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Settings {
    /// Returns the time between two pings of a WebSocket.
    #[must_use]
    pub fn socket_ping(&self) -> Duration {
        Duration::from_secs(self.socket_ping_seconds as u64)
    }

    /// Returns how jobs are dealt with.
    #[must_use]
    pub fn job_settings(&self) -> JobSettings {
        let keep = Duration::from_secs(u64::from(self.keep_jobs_days) * SECONDS_OF_A_DAY);
        JobSettings {
            holder: self.holder(),
            parallel: self.parallel_jobs,
            quota: Quota {
                total: self.max_waiting_jobs as u64,
                each: self.max_waiting_jobs_per_caller as u64,
            },
            keep_for: (self.keep_jobs_days > 0).then_some(keep),
        }
    }

    /// Returns the name under which jobs are held. No two processes listen at one port of one machine, and whoever comes
    /// in the place of this one most likely listens there.
    fn holder(&self) -> String {
        self.instance.clone().unwrap_or_else(|| {
            let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            format!("{}:{}", machine.trim(), self.http.address.port())
        })
    }
}

impl HostSettings for Settings {
    const SERVICE: &'static str = "backend";
    const PREFIX: &'static str = "BACKEND_";
    const ABOUT: &'static str =
        "Takes jobs in, shows how they go, and hands out results; the dashboard and the API of jobs.";

    fn read(reader: &mut Reader<'_>) -> Self {
        let port = |service: &str| topology().port(service).unwrap_or_default();
        let state = StateSettings::read(reader);
        let strategies = state.strategies().to_string_lossy().into_owned();
        let mlflow = MlflowSettings::read(reader);
        let (candles, bucket) = read_location(reader, &state);
        let job_variables = JobVariables::read(reader, mlflow.tracking_uri.as_deref());
        let settings = Self {
            http: HttpSettings::read(reader, port("backend-api")),
            log: LogSettings::read(reader),
            candles,
            bucket,
            mlflow,
            job_variables,
            environment: reader.environment(),
            executor: read_executor(reader),
            containers: ContainerSettings::read(reader),
            allow_no_executor: reader
                .key("ALLOW_NO_EXECUTOR", "for development: start without an executor, and take no jobs")
                .or(false),
            data_collection_url: reader
                .key("DATA_COLLECTION_URL", "where candles are collected")
                .or(PeerUrl::loopback(port("data-collection"))),
            strategy_service_url: reader
                .key("STRATEGY_SERVICE_URL", "where strategies and their configs are")
                .or(PeerUrl::loopback(port("strategy-service"))),
            ready_needs_peers: reader
                .key("READY_NEEDS_PEERS", "/api/v1/ready answers 503 while one of the two does not answer")
                .or(false),
            peer_api_key: reader.key("PEER_API_KEY", "API key that the other services know").secret(),
            instance: read_instance(reader),
            parallel_jobs: at_least_one(reader, "PARALLEL_JOBS", "jobs that run at the same time", 2),
            job_memory_mib: reader
                .key(
                    "JOB_MEMORY_MIB",
                    "memory that the process of a job may take, in MiB; 0: all; a share of the machine's without",
                )
                .optional(),
            max_waiting_jobs: at_least_one(reader, "MAX_WAITING_JOBS", "jobs that may wait", 5_000),
            max_waiting_jobs_per_caller: at_least_one(
                reader,
                "MAX_WAITING_JOBS_PER_CALLER",
                "jobs that may wait of each caller",
                1_000,
            ),
            keep_jobs_days: reader
                .key("KEEP_JOBS_DAYS", "days that jobs, their results and ended runs of workflows are kept; 0 for good")
                .or(7),
            strategy_path: PathBuf::from(
                reader.key("STRATEGY_PATH", "folder of declarative strategies").or(strategies),
            ),
            max_sockets: at_least_one(
                reader,
                "MAX_SOCKETS",
                "WebSockets and event streams that may be open",
                1_000,
            ),
            socket_ping_seconds: at_least_one(
                reader,
                "SOCKET_PING_SECONDS",
                "seconds between pings of a WebSocket",
                20,
            ),
            state,
        };
        check_executor(reader, &settings);
        settings
    }
}

fn at_least_one(reader: &mut Reader<'_>, name: &'static str, doc: &'static str, default: usize) -> usize {
    let count = reader.key(name, doc).or(default);
    if count == 0 {
        reader.fault(name, "0 is not allowed: at least 1");
    }
    count
}

fn read_instance(reader: &mut Reader<'_>) -> Option<String> {
    let doc = "name of this instance among those on one data folder; that of machine and port without";
    let instance: Option<String> = reader.key("INSTANCE", doc).optional();
    let is_name =
        |name: &String| (1..=100).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if !instance.as_ref().is_none_or(is_name) {
        reader.fault("INSTANCE", "1 to 100 characters are allowed, of ASCII and without spaces");
    }
    instance
}

fn read_executor(reader: &mut Reader<'_>) -> ExecutorSettings {
    let default = ExecutorSettings::default();
    ExecutorSettings {
        mode: reader
            .key("EXECUTOR_MODE", "how jobs are run: local, ecs, sqs or stepfunctions")
            .or(default.mode),
        local_mode: reader
            .key("LOCAL_EXECUTION_MODE", "how local jobs are run: subprocess, docker or inprocess")
            .or(default.local_mode),
        ecs_cluster: reader.key("ECS_CLUSTER", "cluster of the mode ecs").optional(),
        ecs_subnets: reader.key("ECS_SUBNETS", "subnets of the mode ecs").list(&[]),
        ecs_security_groups: reader.key("ECS_SECURITY_GROUPS", "security groups of the mode ecs").list(&[]),
        queue_url: reader.key("BACKTEST_QUEUE_URL", "queue of the mode sqs").optional(),
        state_machine_arn: reader
            .key("STEPFUNCTIONS_STATE_MACHINE_ARN", "state machine of the mode stepfunctions")
            .optional(),
    }
}

/// Names everything that the mode needs, at once.
fn check_executor(reader: &mut Reader<'_>, settings: &Settings) {
    if settings.allow_no_executor {
        return;
    }
    let mode = settings.executor.mode;
    for name in settings.executor.missing() {
        let name = name.strip_prefix(Settings::PREFIX).unwrap_or(name);
        reader.fault(name, format!("is not set; BACKEND_EXECUTOR_MODE={mode} needs it"));
    }
}

impl HttpHost for Settings {
    fn http(&self) -> &HttpSettings {
        &self.http
    }

    fn log(&self) -> &LogSettings {
        &self.log
    }
}
