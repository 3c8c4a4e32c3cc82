//! Candles straight from a folder of files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tradai_domain::{CandleSeries, SeriesKey, TimeRange};
use tradai_engine::CandleProvider;
use tradai_timeseries::files::{parse_file_name, read_parquet_candles};

use crate::Error;

/// Parquet files named `<dataset>__<symbol>-<timeframe>[-<kind>].parquet`, the data set being optional.
#[derive(Debug, Clone)]
pub struct CandleFolder {
    files: BTreeMap<SeriesKey, PathBuf>,
}

impl CandleFolder {
    /// Lists the files of one data set; without one, those that name none.
    ///
    /// # Errors
    /// [`Error`] when the folder cannot be read, or holds nothing of the data set (it names those there are).
    pub fn open(folder: &Path, dataset: Option<&str>) -> Result<Self, Error> {
        let mut files = BTreeMap::new();
        let mut datasets = std::collections::BTreeSet::new();
        for entry in std::fs::read_dir(folder).map_err(Error::io(folder))? {
            let path = entry.map_err(Error::io(folder))?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some((found, key)) = parse_file_name(name).filter(|_| name.ends_with(".parquet")) else {
                continue;
            };
            if found.as_deref() == dataset {
                files.insert(key, path);
            } else {
                datasets.insert(found.unwrap_or_else(|| "(none)".to_owned()));
            }
        }
        if files.is_empty() {
            let there: Vec<String> = datasets.into_iter().collect();
            let wanted = dataset.unwrap_or("(none)");
            let message =
                format!("no candle files of the data set `{wanted}`; there are: {}", there.join(", "));
            return Err(Error::file(folder, message));
        }
        Ok(Self { files })
    }
}

impl CandleProvider for CandleFolder {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        let Some(path) = self.files.get(key) else { return Ok(None) };
        read_parquet_candles(path, range).map(Some).map_err(|error| error.to_string())
    }
}
