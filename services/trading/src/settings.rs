//! What the program finds in its environment, under the names that containers know.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use tradai_control_plane::Error;
use tradai_control_plane::configs::Variables;
use tradai_control_plane::jobs::{BacktestRequest, backtest_environment, backtest_request, variable_of};
use tradai_domain::JobId;
use tradai_domain::jobs::{BacktestConfig, BacktestJobMessage, TraceId};
use tradai_platform::settings::sections::{ArcticSettings, LogSettings, StateSettings};
use tradai_platform::settings::{Reader, Settings, split};
use tradai_timeseries::Location;
use uuid::Uuid;

/// What the program does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradingMode {
    /// It runs one backtest and ends.
    Backtest,
}

impl fmt::Display for TradingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("backtest")
    }
}

impl FromStr for TradingMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("backtest") { Ok(Self::Backtest) } else { Err("allowed is backtest") }
    }
}

/// The settings of one job.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TradingSettings {
    /// What is done.
    pub mode: TradingMode,
    /// The job.
    pub job_id: JobId,
    /// What it is traced by; its id without.
    pub trace_id: TraceId,
    /// What it is asked to do.
    pub request: BacktestRequest,
    /// Where jobs, results and market rules are.
    pub state: StateSettings,
    /// Where the stores of candles are.
    pub candles: Location,
    /// The folder of strategies beside the bundled ones; `None` takes that of the data folder.
    pub strategies: Option<PathBuf>,
    /// Variables that are part of a strategy's config, or that its texts may refer to.
    pub variables: Variables,
    /// How much memory the program may take, in MiB; as much as there is without.
    pub memory: Option<NonZeroU32>,
    /// Logs.
    pub log: LogSettings,
}

/// What the variables of a request are for.
const REQUEST: [(&str, &str); 9] = [
    ("STRATEGY", "name of the strategy"),
    ("STRATEGY_VERSION", "its version; the one that is there without"),
    ("PAIRS", "pairs between commas; the strategy's or all that are stored without"),
    ("TIMEFRAME", "candle length; the strategy's without"),
    ("TIMERANGE", "what to test, such as 20240101-20240701; all candles without"),
    ("SETTINGS", "settings on top of all others, a JSON object by Freqtrade's names"),
    ("PARAMETERS", "parameters of the strategy, a JSON object"),
    ("EXCHANGE", "exchange whose collected candles are meant; imported ones without"),
    ("CONFIG_ID", "stored config version to use; the active one without"),
];

/// What is part of a strategy's config beside the request.
const CONFIG: [&str; 6] =
    ["STAKE_AMOUNT", "MAX_OPEN_TRADES", "STOPLOSS", "WARMUP_DAYS", "FREQAI_MODEL", "MLFLOW_TRACKING_URI"];

impl Settings for TradingSettings {
    const SERVICE: &'static str = "trading";
    const PREFIX: &'static str = "";
    const ABOUT: &'static str =
        "Runs the job that the environment describes (TRADING_MODE, JOB_ID, STRATEGY...), to its end.";

    fn read(reader: &mut Reader<'_>) -> Self {
        let mode = reader.key("TRADING_MODE", "what to do: backtest").required(TradingMode::Backtest);
        let job_id = reader.key("JOB_ID", "the job").required(JobId(Uuid::nil()));
        let trace_id = reader.key("TRACE_ID", "what it is traced by; its id without").optional();
        let mut variables = BTreeMap::new();
        for (name, doc) in REQUEST {
            variables.extend(reader.key(name, doc).optional().map(|text: String| (name.to_owned(), text)));
        }
        let request = read_request(reader, &variables);
        for name in CONFIG {
            let text = reader.key(name, "part of the strategy's config").optional();
            variables.extend(text.map(|text: String| (name.to_owned(), text)));
        }
        let let_in: Vec<String> =
            reader.key("CONFIG_VARIABLES", "variables that configs may read by ${NAME}").list(&[]);
        for name in &let_in {
            variables.extend(reader.foreign(name).map(|text| (name.clone(), text)));
        }
        let state = StateSettings::read(reader);
        Self {
            mode,
            job_id,
            trace_id: trace_id.unwrap_or_else(|| job_id.into()),
            request,
            candles: read_location(reader, &state).0,
            strategies: reader
                .key("STRATEGY_PATH", "folder of strategies; `strategies` in the data folder without")
                .optional::<String>()
                .map(PathBuf::from),
            variables: Variables::of(variables, &let_in),
            memory: reader
                .key("JOB_MEMORY_MIB", "memory that the program may take, in MiB; all there is without")
                .optional(),
            log: LogSettings::read(reader),
            state,
        }
    }
}

/// Reads the request, with the faults that whoever took the job in would have found too.
fn read_request(reader: &mut Reader<'_>, variables: &BTreeMap<String, String>) -> BacktestRequest {
    let read = backtest_request(&|name| variables.get(name).cloned());
    let checked = read.and_then(|request| request.check().map(|_| request));
    checked.unwrap_or_else(|error| {
        match error {
            Error::Request(faults) => {
                for fault in faults {
                    let index = fault.index.map(|index| format!("item {index}: ")).unwrap_or_default();
                    reader.fault(variable_of(fault.field), format!("{index}{}", fault.reason));
                }
            }
            other => reader.fault("STRATEGY", other.to_string()),
        }
        BacktestRequest::default()
    })
}

/// Reads where the stores of candles are: the bucket of the documented settings, or the data folder's store. For every
/// host that looks at what jobs ran on, so that it looks where they do. Of a bucket also returns the text that a job finds
/// it by, as `ARCTIC_S3_BUCKET`, under whatever name the host was told of it.
pub fn read_location(reader: &mut Reader<'_>, state: &StateSettings) -> (Location, Option<String>) {
    let arctic = ArcticSettings::read(reader);
    let bucket = arctic.parsed(reader, Location::parse);
    (bucket.unwrap_or_else(|| Location::Directory(state.store())), arctic.location())
}

/// What configs of jobs may read of a host's environment. Not shown: it may hold secrets.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct JobVariables {
    values: BTreeMap<String, String>,
    let_in: Vec<String>,
}

impl JobVariables {
    /// Reads what this host's jobs get, beside `tracking_uri`, which they are told where it is known.
    pub fn read(reader: &Reader<'_>, tracking_uri: Option<&str>) -> Self {
        let list = reader.foreign("CONFIG_VARIABLES").unwrap_or_default();
        let let_in = split(&list);
        let mut values: BTreeMap<String, String> =
            let_in.iter().filter_map(|name| Some((name.clone(), reader.foreign(name)?))).collect();
        let uri = tracking_uri.map(str::to_owned).or_else(|| reader.foreign("MLFLOW_TRACKING_URI"));
        values.extend(uri.map(|uri| ("MLFLOW_TRACKING_URI".to_owned(), uri)));
        Self { values, let_in }
    }

    /// Returns what a job's config is merged with, which is what its program finds in its environment.
    #[must_use]
    pub fn of(&self, job: &BacktestJobMessage) -> Variables {
        let host = self.values.clone();
        Variables::of(host.into_iter().chain(backtest_environment(job)), &self.let_in)
    }
}

impl fmt::Debug for JobVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl TradingSettings {
    /// Returns what the job is asked to do, checked.
    ///
    /// # Errors
    /// [`Error::Request`]; settings that were loaded have none.
    pub fn config(&self) -> Result<BacktestConfig, Error> {
        self.request.check()
    }

    /// Returns the folder of strategies beside the bundled ones, if it is there: whoever keeps strategies makes it.
    #[must_use]
    pub fn strategies(&self) -> Option<PathBuf> {
        let folder = self.strategies.clone().unwrap_or_else(|| self.state.strategies());
        folder.is_dir().then_some(folder)
    }
}
