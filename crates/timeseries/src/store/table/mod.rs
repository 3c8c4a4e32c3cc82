//! Libraries of tables: rows of any columns, versioned as candles are.
//!
//! A table is a symbol of such a library: predictions of a model, trades of a market. Its rows have one UTC
//! millisecond time column and are in order by it; a library may name one more column of integers, the tie, that
//! tells rows of one millisecond apart. Everything else, from the commit protocol to pruning, is the store's.
//!
//! Invariant: what is read is bit for bit what was written, or there is an error that names the object; columns
//! that Parquet cannot give back are refused when they are written.

mod cell;
mod decimals;
mod file;
mod merge;
mod problem;
mod rows;
mod schema;
mod stats;
mod types;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use tradai_domain::TimeRange;

use super::Store;
use super::change::Change;
use super::head::damaged;
use super::layout::{CANDLES, LibraryLayout, SymbolLayout, check_library_name};
use super::library::{Library, TableOptions};
use super::manifest::FORMAT;
use super::part::Part;
use super::period::Periods;
use super::retention::{Pruning, Retention};
use super::snapshot::{SnapshotInfo, Snapshots};
use super::types::{AsOf, Commit, Metadata, OnProgress, VersionInfo};
use crate::error::{Damage, Error};
pub use problem::TableProblem;
pub(crate) use rows::{TableFormat, TableRows};
pub(crate) use schema::{decode as decode_schema, of_candles as candle_columns};
pub use types::{TableInfo, TableListing, TableRead};

/// A library of tables. Cheap to clone; made by [`Store::tables`].
///
/// Symbols are any text of 1 to 80 bytes. Rows come and go as Arrow record batches.
#[derive(Debug, Clone)]
pub struct Tables {
    store: Store,
    name: Arc<str>,
    options: Arc<TableOptions>,
    periods: Periods,
}

impl Store {
    /// Opens a library of tables, which its first write makes. Its options are chosen once: later ones must be
    /// the same.
    ///
    /// # Errors
    /// [`Error::BadLibrary`]; [`Error::LibraryOptions`] when tables cannot be kept that way or the library is
    /// the one of candles; [`Error::OtherOptions`] when it is kept another way; [`Error::Damaged`],
    /// [`Error::Storage`].
    pub async fn tables(&self, name: &str, options: TableOptions) -> Result<Tables, Error> {
        check_name(name)?;
        let periods = options.check(name)?;
        let tables = Tables { store: self.clone(), name: name.into(), options: Arc::new(options), periods };
        if let Some(found) = self.find_library(name).await? {
            tables.check_options(&found)?;
        }
        Ok(tables)
    }

    /// Opens a library of tables with the options it was made with, or returns `None` when there is none.
    ///
    /// # Errors
    /// Those of [`Store::tables`].
    pub async fn find_tables(&self, name: &str) -> Result<Option<Tables>, Error> {
        check_name(name)?;
        let Some(options) = self.find_library(name).await?.and_then(|library| library.table) else {
            return Ok(None);
        };
        self.tables(name, options).await.map(Some)
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    check_library_name(name)?;
    if name == CANDLES {
        let problem = "it keeps candles, not tables".to_owned();
        return Err(Error::LibraryOptions { library: name.to_owned(), problem });
    }
    Ok(())
}

impl Tables {
    /// Returns the library's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns how the library keeps its tables.
    #[must_use]
    pub fn options(&self) -> &TableOptions {
        &self.options
    }

    /// Makes a new version that holds just these rows, whatever columns the old one had. Nothing is made when
    /// the newest version holds just them already, cut into the same files and intact. Without metadata the old
    /// version's is kept.
    ///
    /// # Errors
    /// [`Error::Table`] when the rows are not in order or a column cannot be stored; [`Error::BadSymbol`],
    /// [`Error::OtherOptions`], and those of [`Store::write`].
    pub async fn write(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let rows = self.rows(symbol, rows)?;
        self.commit(symbol, Change::Write(&rows), metadata).await
    }

    /// Adds rows, wherever in time they lie. Those that are stored already must be identical, so that a
    /// repeated append changes nothing.
    ///
    /// # Errors
    /// [`Error::Table`] naming the first row that is stored otherwise or the first column that differs;
    /// [`Error::MixedLabels`], and those of [`Tables::write`].
    pub async fn append(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let rows = self.rows(symbol, rows)?;
        self.commit(symbol, Change::Append(&rows), metadata).await
    }

    /// Adds rows; a stored row of the same time and tie gives way.
    ///
    /// # Errors
    /// Those of [`Tables::append`].
    pub async fn upsert(
        &self,
        symbol: &str,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let rows = self.rows(symbol, rows)?;
        self.commit(symbol, Change::Upsert(&rows), metadata).await
    }

    /// Puts rows in the place of all stored ones whose time lies in `range`; no rows remove the range.
    ///
    /// # Errors
    /// [`Error::OutsideRange`] and those of [`Tables::append`].
    pub async fn replace_range(
        &self,
        symbol: &str,
        range: TimeRange,
        rows: &RecordBatch,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let rows = self.rows(symbol, rows)?;
        self.commit(symbol, Change::ReplaceRange(range, &rows), metadata).await
    }

    /// Deletes the rows whose time lies in `range`. Earlier versions keep them until they are pruned.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn delete_range(&self, symbol: &str, range: TimeRange) -> Result<Commit, Error> {
        let none = TableRows::none(&self.options);
        self.commit(symbol, Change::ReplaceRange(range, &none), None).await
    }

    /// Deletes a table: it is no longer listed or read. Its earlier versions stay readable by number until they
    /// are pruned, and a later write continues their numbers.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn delete(&self, symbol: &str) -> Result<Commit, Error> {
        self.commit(symbol, Change::Delete, None).await
    }

    /// Makes an earlier version the newest again, even when the newest is damaged.
    ///
    /// # Errors
    /// Those of [`Store::restore`].
    pub async fn restore(&self, symbol: &str, version: u64) -> Result<Commit, Error> {
        let layout = self.layout(symbol)?;
        let outcome = self.store.try_restore::<TableRows>(&layout, &self.format(None, None), version).await;
        self.store.with_readable(&layout, outcome).await
    }

    /// Returns the rows of a version whose time lies in `range`, or `None` when there is no such table. With
    /// `columns` the batch has the time column and those, in the order given. Only files that overlap the range
    /// are read, and only these columns decoded.
    ///
    /// # Errors
    /// [`Error::Table`] naming a column that is not there, and those of [`Store::read`].
    pub async fn read(
        &self,
        symbol: &str,
        range: TimeRange,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.read_part(symbol, Part::In(range), as_of, columns).await
    }

    /// Returns the oldest rows of a version, `rows` of them or all when there are fewer. Only the files that
    /// hold them are read.
    ///
    /// # Errors
    /// Those of [`Tables::read`].
    pub async fn first_rows(
        &self,
        symbol: &str,
        rows: usize,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.read_part(symbol, Part::First(rows), as_of, columns).await
    }

    /// Returns the newest rows of a version, `rows` of them or all when there are fewer. Only the files that
    /// hold them are read.
    ///
    /// # Errors
    /// Those of [`Tables::read`].
    pub async fn last_rows(
        &self,
        symbol: &str,
        rows: usize,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        self.read_part(symbol, Part::Last(rows), as_of, columns).await
    }

    /// Returns what is known of a version without reading rows, or `None` when there is no such table.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn info(&self, symbol: &str, as_of: AsOf) -> Result<Option<TableInfo>, Error> {
        let layout = self.layout(symbol)?;
        let found = self.store.resolve(&layout, &as_of).await;
        let found = self.store.with_readable(&layout, found).await?;
        found.map(|stored| TableInfo::of(&layout, &stored.manifest)).transpose()
    }

    /// Returns every version of a table, oldest first; empty when there is no such table.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Storage`].
    pub async fn versions(&self, symbol: &str) -> Result<Vec<VersionInfo>, Error> {
        let layout = self.layout(symbol)?;
        let history = self.store.history(&layout).await;
        self.store.with_readable(&layout, history).await
    }

    /// Returns the newest version of every table, by name, and apart from them what is damaged.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn list(&self) -> Result<TableListing, Error> {
        let (heads, damaged) = self.store.newest_of_all(self.library()).await?;
        let mut listing = TableListing { tables: Vec::new(), damaged };
        for head in heads {
            match TableInfo::of(&self.layout(&head.manifest.symbol)?, &head.manifest) {
                Ok(table) => listing.tables.push(table),
                Err(error) => listing.damaged.push(error),
            }
        }
        Ok(listing)
    }

    /// Gives the newest versions of some tables, or of all, a common name that keeps them from being pruned.
    ///
    /// # Errors
    /// Those of [`Store::snapshot`].
    pub async fn snapshot(
        &self,
        name: &str,
        symbols: Option<&[&str]>,
        metadata: Option<Metadata>,
    ) -> Result<SnapshotInfo, Error> {
        let layouts = self.layouts(symbols).await?;
        self.store.take_snapshot(self.library(), name, &layouts, symbols.is_some(), metadata).await
    }

    /// Returns the library's snapshots, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Storage`].
    pub async fn snapshots(&self) -> Result<Snapshots, Error> {
        self.store.snapshots_of(self.library()).await
    }

    /// Deletes a snapshot; its versions may then be pruned. Returns whether there was one.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn delete_snapshot(&self, name: &str) -> Result<bool, Error> {
        self.store.delete_snapshot_of(self.library(), name).await
    }

    /// Prunes some tables, or all. See [`Store::prune`].
    ///
    /// # Errors
    /// Those of [`Store::prune`].
    pub async fn prune(
        &self,
        symbols: Option<&[&str]>,
        retention: Retention,
        progress: OnProgress<'_>,
    ) -> Result<Pruning, Error> {
        let layouts = self.layouts(symbols).await?;
        self.store.prune_symbols(&layouts, retention, progress).await
    }

    fn library(&self) -> LibraryLayout<'_> {
        LibraryLayout(&self.name)
    }

    fn layout(&self, symbol: &str) -> Result<SymbolLayout, Error> {
        SymbolLayout::new(&self.name, symbol)
    }

    /// Returns where some symbols are, or all that the library has.
    async fn layouts(&self, symbols: Option<&[&str]>) -> Result<Vec<SymbolLayout>, Error> {
        match symbols {
            Some(symbols) => symbols.iter().map(|symbol| self.layout(symbol)).collect(),
            None => self.store.symbols(self.library()).await,
        }
    }

    fn format(&self, schema: Option<SchemaRef>, columns: Option<&[&str]>) -> TableFormat {
        let columns = columns.map(|columns| columns.iter().map(|&name| name.to_owned()).collect());
        TableFormat { options: Arc::clone(&self.options), periods: self.periods, schema, columns }
    }

    /// Takes a caller's rows.
    fn rows(&self, symbol: &str, batch: &RecordBatch) -> Result<TableRows, Error> {
        let refused = |problem| Error::of_table(symbol, problem);
        TableRows::new(batch.clone(), &self.options).map_err(refused)
    }

    async fn commit(
        &self,
        symbol: &str,
        change: Change<'_, TableRows>,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let layout = self.layout(symbol)?;
        // Rows without columns stand for none.
        let schema =
            change.rows().map(|rows| rows.batch().schema()).filter(|schema| !schema.fields().is_empty());
        let found = match schema {
            Some(_) => Some(self.store.make_library(&self.description()).await?),
            None => self.store.library_to_change(&self.name).await?,
        };
        if let Some(found) = found {
            self.check_options(&found)?;
        }
        self.store.commit(&layout, &self.format(schema, None), &change, &metadata.into()).await
    }

    async fn read_part(
        &self,
        symbol: &str,
        part: Part,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<TableRead>, Error> {
        let layout = self.layout(symbol)?;
        let format = self.format(None, columns);
        let read = self.store.read_rows::<TableRows>(&layout, &format, part, &as_of).await?;
        Ok(read.map(|(stored, rows)| TableRead::of(&stored.manifest, rows)))
    }

    fn description(&self) -> Library {
        let (library, profile) = (self.name.to_string(), "table".to_owned());
        Library { format: FORMAT, library, profile, table: Some(self.options.as_ref().clone()) }
    }

    fn check_options(&self, found: &Library) -> Result<(), Error> {
        let path = || self.library().description();
        let stored = found.table.clone();
        let stored =
            stored.ok_or_else(|| damaged(&path(), Damage::Foreign("it has no options".to_owned())))?;
        if stored == *self.options {
            return Ok(());
        }
        let given = Box::new(self.options.as_ref().clone());
        Err(Error::OtherOptions { library: self.name.to_string(), stored: Box::new(stored), given })
    }
}
