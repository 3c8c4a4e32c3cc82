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

    fn note(&self, version: DataVersion) -> Result<(), String> {
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
        read.insert(version.key.clone(), version);
        Ok(())
    }
}

impl CandleProvider for StoreCandles<'_> {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        let as_of = self.version_of(key).map_or(AsOf::Latest, AsOf::Version);
        let read = self.store.read(key, range, as_of).map_err(|error| error.to_string())?;
        let Some(read) = read else { return Ok(None) };
        let (version, data_hash, synthetic) = (read.version, read.data_hash, read.synthetic);
        self.note(DataVersion { key: key.clone(), version, data_hash, synthetic })?;
        Ok(Some(read.series))
    }
}
