//! What can go wrong with a sandbox itself; refusals of requests are replies.

use tradai_domain::ErrorKind;

/// A sandbox could not be made or served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is nothing to replay.
    #[error("no candles to replay: {0}")]
    NoCandles(String),
    /// A setting makes no sense.
    #[error("{name}: {problem}")]
    Settings {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// A fault plan is not one.
    #[error("fault plan: {0}")]
    Faults(String),
    /// Candles cannot be read.
    #[error("cannot read candles")]
    Candles(#[from] tradai_timeseries::Error),
    /// A file or socket fails.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoCandles(_) => ErrorKind::NotFound,
            Self::Settings { .. } | Self::Faults(_) => ErrorKind::Invalid,
            Self::Candles(source) => source.kind(),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Io { .. } => ErrorKind::Unavailable,
        }
    }
}
