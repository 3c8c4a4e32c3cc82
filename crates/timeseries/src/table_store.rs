//! Libraries of tables as sync code uses them.

use arrow_array::RecordBatch;
use tradai_domain::TimeRange;

use crate::candle_store::CandleStore;
use crate::error::Error;
use crate::store::{
    AsOf, Commit, Metadata, OnProgress, Pruning, Retention, SnapshotInfo, Snapshots, TableInfo, TableListing,
    TableOptions, TableRead, Tables, VersionInfo,
};

/// A library of tables beside the candles of a [`CandleStore`], which opens it with
/// [`CandleStore::tables`]. Cheap to clone; every method may be called from many threads and processes at once.
#[derive(Debug, Clone)]
pub struct TableStore {
    candles: CandleStore,
    tables: Tables,
}

impl TableStore {
    pub(crate) fn new(candles: CandleStore, tables: Tables) -> Self {
        Self { candles, tables }
    }

    /// Returns the library's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.tables.name()
    }

    /// Returns how the library keeps its tables.
    #[must_use]
    pub fn options(&self) -> &TableOptions {
        self.tables.options()
    }

    /// See [`Tables::write`].
    ///
    /// # Errors
    /// Those of [`Tables::write`].
    pub fn write(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.candles.wait(self.tables.write(symbol, rows, metadata))
    }

    /// See [`Tables::append`].
    ///
    /// # Errors
    /// Those of [`Tables::append`].
    pub fn append(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.candles.wait(self.tables.append(symbol, rows, metadata))
    }

    /// See [`Tables::upsert`].
    ///
    /// # Errors
    /// Those of [`Tables::upsert`].
    pub fn upsert(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.candles.wait(self.tables.upsert(symbol, rows, metadata))
    }

    /// See [`Tables::replace_range`].
    ///
    /// # Errors
    /// Those of [`Tables::replace_range`].
    pub fn replace_range(
        &self,
        symbol: &str,
        range: TimeRange,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.candles.wait(self.tables.replace_range(symbol, range, rows, metadata))
    }

    /// See [`Tables::delete_range`].
    ///
    /// # Errors
    /// Those of [`Tables::delete_range`].
    pub fn delete_range(&self, symbol: &str, range: TimeRange) -> Result<Commit, Error> {
        self.candles.wait(self.tables.delete_range(symbol, range))
    }

    /// See [`Tables::delete`].
    ///
    /// # Errors
    /// Those of [`Tables::delete`].
    pub fn delete(&self, symbol: &str) -> Result<Commit, Error> {
        self.candles.wait(self.tables.delete(symbol))
    }

    /// See [`Tables::restore`].
    ///
    /// # Errors
    /// Those of [`Tables::restore`].
    pub fn restore(&self, symbol: &str, version: u64) -> Result<Commit, Error> {
        self.candles.wait(self.tables.restore(symbol, version))
    }

    /// See [`Tables::read`].
    ///
    /// # Errors
    /// Those of [`Tables::read`].
    pub fn read(
        &self,
        symbol: &str,
        range: TimeRange,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.candles.wait(self.tables.read(symbol, range, as_of, columns))
    }

    /// See [`Tables::first_rows`].
    ///
    /// # Errors
    /// Those of [`Tables::first_rows`].
    pub fn first_rows(
        &self,
        symbol: &str,
        rows: usize,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.candles.wait(self.tables.first_rows(symbol, rows, as_of, columns))
    }

    /// See [`Tables::last_rows`].
    ///
    /// # Errors
    /// Those of [`Tables::last_rows`].
    pub fn last_rows(
        &self,
        symbol: &str,
        rows: usize,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.candles.wait(self.tables.last_rows(symbol, rows, as_of, columns))
    }

    /// See [`Tables::info`].
    ///
    /// # Errors
    /// Those of [`Tables::info`].
    pub fn info(&self, symbol: &str, as_of: AsOf) -> Result<Option<TableInfo>, Error> {
        self.candles.wait(self.tables.info(symbol, as_of))
    }

    /// See [`Tables::versions`].
    ///
    /// # Errors
    /// Those of [`Tables::versions`].
    pub fn versions(&self, symbol: &str) -> Result<Vec<VersionInfo>, Error> {
        self.candles.wait(self.tables.versions(symbol))
    }

    /// See [`Tables::list`].
    ///
    /// # Errors
    /// Those of [`Tables::list`].
    pub fn list(&self) -> Result<TableListing, Error> {
        self.candles.wait(self.tables.list())
    }

    /// See [`Tables::snapshot`].
    ///
    /// # Errors
    /// Those of [`Tables::snapshot`].
    pub fn snapshot(
        &self,
        name: &str,
        symbols: Option<&[&str]>,
        metadata: Option<Metadata>,
    ) -> Result<SnapshotInfo, Error> {
        self.candles.wait(self.tables.snapshot(name, symbols, metadata))
    }

    /// See [`Tables::snapshots`].
    ///
    /// # Errors
    /// Those of [`Tables::snapshots`].
    pub fn snapshots(&self) -> Result<Snapshots, Error> {
        self.candles.wait(self.tables.snapshots())
    }

    /// See [`Tables::delete_snapshot`].
    ///
    /// # Errors
    /// Those of [`Tables::delete_snapshot`].
    pub fn delete_snapshot(&self, name: &str) -> Result<bool, Error> {
        self.candles.wait(self.tables.delete_snapshot(name))
    }

    /// See [`Tables::prune`].
    ///
    /// # Errors
    /// Those of [`Tables::prune`].
    pub fn prune(
        &self,
        symbols: Option<&[&str]>,
        retention: Retention,
        progress: OnProgress<'_>,
    ) -> Result<Pruning, Error> {
        self.candles.wait(self.tables.prune(symbols, retention, progress))
    }
}
