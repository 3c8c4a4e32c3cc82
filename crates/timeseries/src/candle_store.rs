//! The store as sync code uses it.

use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use tradai_domain::{CandleSeries, Clock, IdSource, SeriesKey, TimeRange};

use crate::block_on::block_on;
use crate::error::Error;
use crate::files::Profile;
use crate::open::Location;
#[cfg(feature = "s3")]
use crate::s3::Runtime;
use crate::store::{
    AppendRequest, AsOf, Checkup, Commit, Listing, Metadata, MetadataChange, OnProgress, Pruning, Read,
    ReadRequest, Retention, SeriesInfo, SnapshotInfo, Snapshots, Store, TableOptions, TableRead, VersionInfo,
};
use crate::table_store::TableStore;

/// Versioned candles in a directory, in a bucket or in memory. Cheap to clone; every method may be called from
/// many threads and processes at once.
///
/// In a directory a change has reached the disk when its method returns.
///
/// Methods block their thread. They may be called, and stores dropped, on any thread; within a tokio runtime
/// better on one of `spawn_blocking`, so that other tasks go on.
#[derive(Debug, Clone)]
pub struct CandleStore {
    store: Store,
    /// Serves the connections to a bucket.
    #[cfg(feature = "s3")]
    runtime: Option<Arc<Runtime>>,
}

impl CandleStore {
    /// Opens the store below a directory, which is created when missing. `ids` must give different ids in
    /// different processes ([`tradai_domain::RandomIds`] does).
    ///
    /// # Errors
    /// [`Error::Io`] when the directory cannot be made or opened. A directory with another program's library
    /// opens, so that it can be checked; it is neither listed nor changed.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Result<Self, Error> {
        Self::open_location(&Location::Directory(dir.to_owned()), clock, ids)
    }

    /// Opens the store at a location; see [`Location::parse`] for how people write one, and
    /// [`CandleStore::open`] for `ids`. A bucket is asked whether it can be read and listed.
    ///
    /// # Errors
    /// [`Error::NoStorage`] when a bucket cannot be used, with what to do about it; those of
    /// [`CandleStore::open`].
    pub fn open_location(
        location: &Location,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Result<Self, Error> {
        let objects = location.open()?;
        #[cfg(feature = "s3")]
        if let Location::S3(settings) = location {
            let store = Store::new(Arc::clone(&objects), clock, ids);
            let opened = Self { store, runtime: Some(Arc::new(settings.start_runtime()?)) };
            // Together they take as long as one of them.
            let (probed, checked) = opened.wait(futures_util::future::join(
                settings.probe(objects.as_ref()),
                opened.store.check_library(),
            ));
            probed?;
            unless_damaged(checked).map_err(|error| settings.explain(error))?;
            return Ok(opened);
        }
        let mut store = Store::new(objects, clock, ids);
        if let Location::Directory(directory) = location {
            store = store.in_directory(directory);
        }
        let opened = Self::over(store);
        unless_damaged(opened.wait(opened.store.check_library()))?;
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
        Self {
            store,
            #[cfg(feature = "s3")]
            runtime: None,
        }
    }

    /// See [`Store::with_profile`].
    #[must_use]
    pub fn with_profile(mut self, profile: Profile) -> Self {
        self.store = self.store.with_profile(profile);
        self
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
        metadata: impl Into<MetadataChange>,
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
        metadata: impl Into<MetadataChange>,
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
    pub fn snapshots(&self) -> Result<Snapshots, Error> {
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
    pub fn prune(
        &self,
        keys: Option<&[SeriesKey]>,
        retention: Retention,
        progress: OnProgress<'_>,
    ) -> Result<Pruning, Error> {
        self.wait(self.store.prune(keys, retention, progress))
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

    /// See [`Store::read_columns`].
    ///
    /// # Errors
    /// Those of [`Store::read_columns`].
    pub fn read_columns(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        as_of: AsOf,
        columns: &[&str],
    ) -> Result<Option<TableRead>, Error> {
        self.wait(self.store.read_columns(key, range, as_of, columns))
    }

    /// See [`Store::first_rows`].
    ///
    /// # Errors
    /// Those of [`Store::first_rows`].
    pub fn first_rows(&self, key: &SeriesKey, rows: usize, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.wait(self.store.first_rows(key, rows, as_of))
    }

    /// See [`Store::last_rows`].
    ///
    /// # Errors
    /// Those of [`Store::last_rows`].
    pub fn last_rows(&self, key: &SeriesKey, rows: usize, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.wait(self.store.last_rows(key, rows, as_of))
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

    /// Opens a library of tables in the same place; see [`Store::tables`].
    ///
    /// # Errors
    /// Those of [`Store::tables`].
    pub fn tables(&self, name: &str, options: TableOptions) -> Result<TableStore, Error> {
        Ok(TableStore::new(self.clone(), self.wait(self.store.tables(name, options))?))
    }

    /// See [`Store::find_tables`].
    ///
    /// # Errors
    /// Those of [`Store::find_tables`].
    pub fn find_tables(&self, name: &str) -> Result<Option<TableStore>, Error> {
        let found = self.wait(self.store.find_tables(name))?;
        Ok(found.map(|tables| TableStore::new(self.clone(), tables)))
    }

    /// Runs an operation of the store to its end.
    pub(crate) fn wait<F: Future>(&self, operation: F) -> F::Output {
        #[cfg(feature = "s3")]
        let _entered = self.runtime.as_ref().and_then(|runtime| runtime.enter());
        block_on(operation)
    }
}

fn unless_damaged(checked: Result<(), Error>) -> Result<(), Error> {
    if let Err(Error::Damaged { .. }) = checked { Ok(()) } else { checked }
}
