//! The store as sync code uses it.

use std::path::Path;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use tradai_domain::{CandleSeries, Clock, IdSource, SeriesKey, TimeRange};

use crate::block_on::block_on;
use crate::error::Error;
use crate::store::{
    AppendRequest, AsOf, Checkup, Commit, Listing, Metadata, OnProgress, Pruning, Read, ReadRequest,
    Retention, SeriesInfo, SnapshotInfo, Store, VersionInfo,
};

/// Versioned candles in a directory or in memory. Cheap to clone; every method may be called from many threads
/// and processes at once.
///
/// In a directory a change has reached the disk when its method returns.
#[derive(Debug, Clone)]
pub struct CandleStore {
    store: Store,
}

impl CandleStore {
    /// Opens the store below a directory, which is created when missing. `ids` must give different ids in
    /// different processes ([`tradai_domain::RandomIds`] does).
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be made or opened; [`Error::Damaged`] when another program's
    /// library is in it.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Result<Self, Error> {
        let failed = |source| Error::Io { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let files = LocalFileSystem::new_with_prefix(dir)
            .map_err(|source| failed(std::io::Error::other(source)))?
            .with_fsync(true);
        let opened = Self::over(Store::new(Arc::new(files), clock, ids));
        opened.wait(opened.store.check_library())?;
        Ok(opened)
    }

    /// Returns an empty store in memory.
    #[must_use]
    pub fn in_memory(clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self::over(Store::new(Arc::new(InMemory::new()), clock, ids))
    }

    /// Returns the sync face of a store whose storage needs no runtime.
    #[must_use]
    pub fn over(store: Store) -> Self {
        Self { store }
    }

    /// See [`Store::write`].
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn write(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.wait(self.store.write(key, candles, metadata))
    }

    /// See [`Store::append`].
    ///
    /// # Errors
    /// Those of [`Store::append`].
    pub fn append(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.wait(self.store.append(key, candles, metadata))
    }

    /// See [`Store::upsert`].
    ///
    /// # Errors
    /// Those of [`Store::upsert`].
    pub fn upsert(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.wait(self.store.upsert(key, candles, metadata))
    }

    /// See [`Store::replace_range`].
    ///
    /// # Errors
    /// Those of [`Store::replace_range`].
    pub fn replace_range(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.wait(self.store.replace_range(key, range, candles, metadata))
    }

    /// See [`Store::delete_range`].
    ///
    /// # Errors
    /// Those of [`Store::delete_range`].
    pub fn delete_range(&self, key: &SeriesKey, range: TimeRange) -> Result<Commit, Error> {
        self.wait(self.store.delete_range(key, range))
    }

    /// See [`Store::delete`].
    ///
    /// # Errors
    /// Those of [`Store::delete`].
    pub fn delete(&self, key: &SeriesKey) -> Result<Commit, Error> {
        self.wait(self.store.delete(key))
    }

    /// See [`Store::restore`].
    ///
    /// # Errors
    /// Those of [`Store::restore`].
    pub fn restore(&self, key: &SeriesKey, version: u64) -> Result<Commit, Error> {
        self.wait(self.store.restore(key, version))
    }

    /// See [`Store::append_batch`].
    #[must_use = "each request may have failed"]
    pub fn append_batch(&self, requests: &[AppendRequest]) -> Vec<Result<Commit, Error>> {
        self.wait(self.store.append_batch(requests))
    }

    /// See [`Store::read_batch`].
    #[must_use = "each request may have failed"]
    pub fn read_batch(&self, requests: &[ReadRequest]) -> Vec<Result<Option<Read>, Error>> {
        self.wait(self.store.read_batch(requests))
    }

    /// See [`Store::snapshot`].
    ///
    /// # Errors
    /// Those of [`Store::snapshot`].
    pub fn snapshot(
        &self,
        name: &str,
        keys: Option<&[SeriesKey]>,
        metadata: Option<Metadata>,
    ) -> Result<SnapshotInfo, Error> {
        self.wait(self.store.snapshot(name, keys, metadata))
    }

    /// See [`Store::snapshots`].
    ///
    /// # Errors
    /// Those of [`Store::snapshots`].
    pub fn snapshots(&self) -> Result<Vec<SnapshotInfo>, Error> {
        self.wait(self.store.snapshots())
    }

    /// See [`Store::delete_snapshot`].
    ///
    /// # Errors
    /// Those of [`Store::delete_snapshot`].
    pub fn delete_snapshot(&self, name: &str) -> Result<bool, Error> {
        self.wait(self.store.delete_snapshot(name))
    }

    /// See [`Store::prune`].
    ///
    /// # Errors
    /// Those of [`Store::prune`].
    pub fn prune(&self, keys: Option<&[SeriesKey]>, retention: Retention) -> Result<Pruning, Error> {
        self.wait(self.store.prune(keys, retention))
    }

    /// See [`Store::fsck`].
    ///
    /// # Errors
    /// Those of [`Store::fsck`].
    pub fn fsck(&self, progress: OnProgress<'_>) -> Result<Checkup, Error> {
        self.wait(self.store.fsck(progress))
    }

    /// See [`Store::read`].
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn read(&self, key: &SeriesKey, range: TimeRange, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.wait(self.store.read(key, range, as_of))
    }

    /// See [`Store::info`].
    ///
    /// # Errors
    /// Those of [`Store::info`].
    pub fn info(&self, key: &SeriesKey, as_of: AsOf) -> Result<Option<SeriesInfo>, Error> {
        self.wait(self.store.info(key, as_of))
    }

    /// See [`Store::versions`].
    ///
    /// # Errors
    /// Those of [`Store::versions`].
    pub fn versions(&self, key: &SeriesKey) -> Result<Vec<VersionInfo>, Error> {
        self.wait(self.store.versions(key))
    }

    /// See [`Store::list`].
    ///
    /// # Errors
    /// Those of [`Store::list`].
    pub fn list(&self) -> Result<Listing, Error> {
        self.wait(self.store.list())
    }

    /// Runs an operation of the store to its end.
    fn wait<F: Future>(&self, operation: F) -> F::Output {
        block_on(operation)
    }
}
