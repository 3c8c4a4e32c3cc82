//! Why a run did not happen.

use std::path::{Path, PathBuf};

use tradai_domain::ErrorKind;

/// A run failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else than it must.
    #[error("{}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong and what is allowed.
        message: String,
    },
    /// Settings are wrong.
    #[error("{source_name}:\n{faults}")]
    Settings {
        /// Where they came from.
        source_name: String,
        /// One line per fault.
        faults: tradai_strategy::SettingsError,
    },
    /// The backtest cannot be prepared.
    #[error(transparent)]
    Prepare(tradai_engine::PrepareError),
    /// The request asks for something that cannot be.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asked for the run does not want it any more.
    #[error("the run was stopped")]
    Stopped,
    /// No job has this id.
    #[error("no job `{text}` in {}; see `tradai backtest list`", root.display())]
    NoJob {
        /// What was asked for.
        text: String,
        /// Where it was looked for.
        root: PathBuf,
    },
    /// No such strategy, or its file is wrong.
    #[error(transparent)]
    Registry(#[from] tradai_strategy::RegistryError),
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] tradai_timeseries::Error),
}

impl From<tradai_engine::PrepareError> for Error {
    fn from(error: tradai_engine::PrepareError) -> Self {
        match error {
            tradai_engine::PrepareError::Stopped => Self::Stopped,
            error => Self::Prepare(error),
        }
    }
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), message: message.into() }
    }

    /// Returns what a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        use tradai_engine::PrepareError as P;
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            Self::Io { .. } | Self::Stopped => ErrorKind::Unavailable,
            Self::NoJob { .. } | Self::Prepare(P::NoCandles { .. }) => ErrorKind::NotFound,
            Self::Prepare(P::Candles { .. }) => ErrorKind::Data,
            Self::Store(error) => error.kind(),
            Self::Registry(error) => error.kind(),
            _ => ErrorKind::Invalid,
        }
    }
}
