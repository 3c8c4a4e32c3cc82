//! Why a job did not complete.

use tradai_domain::configs::ConfigId;
use tradai_domain::jobs::JobStatus;
use tradai_domain::ports::{ExchangeKey, PortError};
use tradai_domain::{CandleKind, ErrorKind, JobId, SeriesKey, StrategyName, TimeRange};

/// Exit code of a job that was told to stop: that of a program which SIGTERM ended.
const STOPPED: u8 = 128 + 15;

/// A job did not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody asked for the job.
    #[error("there is no job {id}")]
    NoSuchJob {
        /// What was to be run.
        id: JobId,
    },
    /// The job has ended: cancelled by somebody, or failed before.
    #[error("the job {id} is {status} already")]
    Ended {
        /// The job.
        id: JobId,
        /// How it ended.
        status: JobStatus,
    },
    /// The program was told to stop.
    #[error("the job was stopped before its end")]
    Stopped,
    /// Another version of the strategy is asked for than there is.
    #[error("version {asked} of {strategy} is asked for; {there}")]
    OtherVersion {
        /// The strategy.
        strategy: StrategyName,
        /// The version that is asked for.
        asked: String,
        /// What is there.
        there: String,
    },
    /// There is no such config version.
    #[error("there is no config version {config_id} of {strategy}")]
    NoSuchConfig {
        /// The strategy.
        strategy: StrategyName,
        /// What is asked for.
        config_id: ConfigId,
    },
    /// The config version that was settled for the job has another content by now.
    #[error(
        "the config version {config_id} of {strategy} is not the one any more that the job is to run with"
    )]
    OtherConfig {
        /// The strategy.
        strategy: StrategyName,
        /// The version.
        config_id: ConfigId,
    },
    /// The stored config, or what the request says, cannot be used.
    #[error(transparent)]
    Config(#[from] tradai_control_plane::Error),
    /// Candles of an exchange are not there.
    #[error(
        "no {key} candles of {exchange} {range}: it has none then, or they were not collected. Choose other days or pairs, of \
         which `tradai data list --exchange {exchange}` shows what is stored, or collect them: `tradai data sync --exchange \
         {exchange} --symbols {} --timeframe {}{} --start DAY`",
        key.symbol, key.timeframe, price_option(key.kind)
    )]
    NotCollected {
        /// The exchange.
        exchange: ExchangeKey,
        /// The series.
        key: SeriesKey,
        /// The stretch of time that is asked for.
        range: TimeRange,
    },
    /// The run failed.
    #[error(transparent)]
    Run(#[from] tradai_runner::Error),
    /// The store of candles cannot be opened.
    #[error(transparent)]
    Store(#[from] tradai_timeseries::Error),
    /// The state cannot be read or written.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A fault of ours.
    #[error("the backtest panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
}

/// What tells `tradai data sync` which candles are meant.
fn price_option(kind: CandleKind) -> &'static str {
    match kind {
        CandleKind::Mark => " --price mark",
        CandleKind::FundingRate => " --price funding_rate",
        _ => "",
    }
}

impl Error {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSuchJob { .. } | Self::NoSuchConfig { .. } | Self::NotCollected { .. } => {
                ErrorKind::NotFound
            }
            Self::Ended { .. } | Self::OtherConfig { .. } => ErrorKind::Conflict,
            Self::Stopped => ErrorKind::Unavailable,
            Self::OtherVersion { .. } => ErrorKind::Invalid,
            Self::Config(error) => error.kind(),
            Self::Run(error) => error.kind(),
            Self::Store(error) => error.kind(),
            Self::Port(error) => error.kind,
            Self::Panicked { .. } => ErrorKind::Internal,
        }
    }

    /// Returns the error with its causes, each said once: some errors quote their cause themselves.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = std::error::Error::source(self);
        while let Some(cause) = next {
            let said = cause.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            next = cause.source();
        }
        text
    }

    /// Returns the exit code of a program that ends this way.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Stopped => STOPPED,
            _ => self.kind().exit_code(),
        }
    }
}
