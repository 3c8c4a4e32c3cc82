//! What only the command line can get wrong.

use tradai_domain::{ErrorKind, SeriesKey};
use tradai_timeseries::{Error, ResampleError};

/// An error of a `data` command that is not the store's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataError {
    /// The store has no such series.
    #[error("there are no {0} candles in the store; `tradai data list` shows what there is")]
    NoSeries(SeriesKey),
    /// A snapshot does not hold the series.
    #[error(
        "the snapshot `{name}` holds no {key} candles; `tradai data snapshot show {name}` says what it holds"
    )]
    NotInSnapshot {
        /// The series.
        key: SeriesKey,
        /// The snapshot.
        name: String,
    },
    /// No stored series is what the arguments name.
    #[error("the store has no {0}; `tradai data list` shows what there is")]
    NothingChosen(String),
    /// A file does not tell what it holds.
    #[error(
        "the name does not say symbol and timeframe (BTC_USDT-5m.csv does); give --symbol and --timeframe"
    )]
    Unnamed,
    /// A path does not exist.
    #[error("there is no file or folder {0}")]
    NoPath(String),
    /// A path holds no candle file.
    #[error("no candle file found in {0}")]
    NoFiles(String),
    /// Synthetic candles would replace or join others.
    #[error("{key} holds {what}; give --replace to put new sample candles in their place")]
    Occupied {
        /// The series.
        key: SeriesKey,
        /// What it holds.
        what: String,
    },
    /// An earlier file was to replace the series and failed.
    #[error("{0} could not be replaced by an earlier file; this one is not added to what is still stored")]
    NotReplaced(SeriesKey),
    /// A flag's value makes no sense with another's.
    #[error("{0}")]
    Flags(String),
}

impl DataError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSeries(_) | Self::NotInSnapshot { .. } | Self::NothingChosen(_) | Self::NoPath(_) => {
                ErrorKind::NotFound
            }
            Self::Unnamed | Self::NoFiles(_) | Self::Flags(_) => ErrorKind::Invalid,
            Self::Occupied { .. } | Self::NotReplaced(_) => ErrorKind::Conflict,
        }
    }
}

/// Returns the kind of an error that a `data` command ended with, for the exit code.
pub(crate) fn error_kind(error: &anyhow::Error) -> Option<ErrorKind> {
    error.chain().find_map(|cause| {
        let ours = cause.downcast_ref::<DataError>().map(DataError::kind);
        let resampling = || cause.downcast_ref::<ResampleError>().map(ResampleError::kind);
        let stores = || cause.downcast_ref::<Error>().map(Error::kind);
        ours.or_else(resampling).or_else(stores)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::Timeframe;

    #[test]
    fn kinds_of_errors_survive_context() {
        let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1);
        let error = anyhow::Error::from(DataError::NoSeries(key)).context("while showing");
        assert_eq!(error_kind(&error), Some(ErrorKind::NotFound));
    }
}
