//! Candles from the store, and which version of them was read.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};
use tradai_engine::CandleProvider;
use tradai_timeseries::{AsOf, CandleStore};

use crate::Error;

/// One series that a job read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataVersion {
    /// The series.
    #[serde(flatten)]
    pub key: SeriesKey,
    /// Version in the store.
    pub version: u64,
    /// Hash of the version's candles, whatever store they are in.
    pub data_hash: String,
    /// Whether the candles are made up.
    pub synthetic: bool,
}

/// The store as the engine reads it. Every series is read at one version, however often it is asked for.
#[derive(Debug)]
pub struct StoreCandles<'a> {
    store: &'a CandleStore,
    pinned: BTreeMap<SeriesKey, DataVersion>,
    read: Mutex<BTreeMap<SeriesKey, DataVersion>>,
}

impl<'a> StoreCandles<'a> {
    /// Returns the store at given versions, and at the newest for everything else.
    #[must_use]
    pub fn new(store: &'a CandleStore, pinned: &[DataVersion]) -> Self {
        let pinned = pinned.iter().map(|version| (version.key.clone(), version.clone())).collect();
        Self { store, pinned, read: Mutex::default() }
    }

    /// Returns what is stored.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn keys(&self) -> Result<Vec<SeriesKey>, Error> {
        Ok(self.store.list()?.series.into_iter().map(|series| series.key).collect())
    }

    /// Returns what was read, ordered by series.
    #[must_use]
    pub fn into_versions(self) -> Vec<DataVersion> {
        self.read.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect()
    }

    fn version_of(&self, key: &SeriesKey) -> Option<u64> {
        let read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read.get(key).or(self.pinned.get(key)).map(|version| version.version)
    }

    /// Notes what was read; returns the version that the job goes by, which is that of the first read.
    fn note(&self, version: DataVersion) -> Result<u64, String> {
        if let Some(pinned) = self.pinned.get(&version.key)
            && pinned.data_hash != version.data_hash
        {
            return Err(format!(
                "version {} of the stored candles is not what the job ran on (data hash {} in the manifest, {} in \
                 the store)",
                pinned.version, pinned.data_hash, version.data_hash
            ));
        }
        let mut read = self.read.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(read.entry(version.key.clone()).or_insert(version).version)
    }
}

impl CandleProvider for StoreCandles<'_> {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        let at = |as_of| self.store.read(key, range, as_of).map_err(|error| error.to_string());
        let Some(read) = at(self.version_of(key).map_or(AsOf::Latest, AsOf::Version))? else {
            return Ok(None);
        };
        let (version, data_hash, synthetic) = (read.version, read.data_hash, read.synthetic);
        let first = self.note(DataVersion { key: key.clone(), version, data_hash, synthetic })?;
        if first == version {
            return Ok(Some(read.series));
        }
        // Somebody wrote between two reads of one job: both must see the same candles.
        Ok(at(AsOf::Version(first))?.map(|read| read.series))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tradai_domain::{ManualClock, SequentialIds};

    #[test]
    fn a_job_keeps_to_the_version_it_read_first() {
        let store = CandleStore::in_memory(Arc::new(ManualClock::at(1)), Arc::new(SequentialIds::default()));
        let key: SeriesKey =
            serde_json::from_str(r#"{"symbol": "A/B", "timeframe": "5m", "kind": "spot"}"#).unwrap();
        let candles = |price: f64| {
            let mut candles = CandleSeries::default();
            candles.push(300_000, [price; 5]);
            candles
        };
        store.write(&key, &candles(1.0), None).unwrap();
        let job = StoreCandles::new(&store, &[]);
        let close = |job: &StoreCandles<'_>| job.load(&key, TimeRange::ALL).unwrap().unwrap().close()[0];
        assert_eq!(close(&job), 1.0);
        store.write(&key, &candles(2.0), None).unwrap();
        assert_eq!(close(&job), 1.0);
        // A slower first read of a newer version is told the one that counts.
        let late = DataVersion { key: key.clone(), version: 2, data_hash: String::new(), synthetic: false };
        assert_eq!(job.note(late), Ok(1));
        assert_eq!(close(&StoreCandles::new(&store, &job.into_versions())), 1.0);
    }
}
