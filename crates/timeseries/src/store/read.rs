//! Reading candles and what is known about them.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join;
use futures_util::{StreamExt, TryStreamExt, stream};
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use super::head::{Stored, Verdict, damaged, layout_of};
use super::layout::{CANDLES, LibraryLayout, SymbolLayout};
use super::manifest::FileEntry;
use super::part::Part;
use super::rows::{CandleFormat, Rows};
use super::types::{AsOf, Listing, Read, SeriesInfo, VersionInfo, is_synthetic};
use super::{CONCURRENCY, Store};
use crate::error::{Damage, Error};
use crate::files::MAX_ROWS;

/// Intact versions that an error names.
const MAX_NAMED: usize = 8;

/// Versions looked at to find those.
const MAX_LOOKED_AT: usize = 64;

/// Bytes of data files read to find them.
const MAX_LOOKED_AT_BYTES: u64 = 256 << 20;

/// Data files asked for at a time: five years of one-minute candles in two round trips. Together they are about as
/// large as the rows that come of them, and a directory outside of a tokio runtime hands them out one by one.
const READ_AHEAD: usize = 32;

/// Attempts to read a version whose files a collector deletes meanwhile.
const MAX_ATTEMPTS: u32 = 3;

impl Store {
    /// Returns the candles of a version that open in `range`, or `None` when there is no such series. Only
    /// files that overlap the range are read.
    ///
    /// # Errors
    /// [`Error::NoVersion`], [`Error::NoSnapshot`]; [`Error::Damaged`] naming the object and the versions that
    /// are intact; [`Error::Storage`].
    pub async fn read(&self, key: &SeriesKey, range: TimeRange, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.read_part(key, Part::In(range), as_of).await
    }

    /// Returns the oldest candles of a version, `rows` of them or all when there are fewer. Only the files
    /// that hold them are read.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn first_rows(&self, key: &SeriesKey, rows: usize, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.read_part(key, Part::First(rows), as_of).await
    }

    /// Returns the newest candles of a version, `rows` of them or all when there are fewer. Only the files
    /// that hold them are read.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn last_rows(&self, key: &SeriesKey, rows: usize, as_of: AsOf) -> Result<Option<Read>, Error> {
        self.read_part(key, Part::Last(rows), as_of).await
    }

    async fn read_part(&self, key: &SeriesKey, part: Part, as_of: AsOf) -> Result<Option<Read>, Error> {
        let layout = layout_of(key)?;
        let format = CandleFormat::to_read(key);
        let read = self.read_rows::<CandleSeries>(&layout, &format, part, &as_of).await?;
        Ok(read.map(|(stored, series)| {
            let manifest = &stored.manifest;
            Read {
                series,
                version: manifest.version,
                data_hash: manifest.data_hash(),
                synthetic: is_synthetic(&manifest.metadata),
                metadata: manifest.metadata.clone(),
            }
        }))
    }

    /// Returns what is known of a version without reading candles, or `None` when there is no such series.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn info(&self, key: &SeriesKey, as_of: AsOf) -> Result<Option<SeriesInfo>, Error> {
        let layout = layout_of(key)?;
        let found = self.resolve(&layout, &as_of).await;
        Ok(self.with_readable(&layout, found).await?.and_then(|stored| stored.manifest.info()))
    }

    /// Returns every version of a series, oldest first; empty when there is no such series.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Storage`].
    pub async fn versions(&self, key: &SeriesKey) -> Result<Vec<VersionInfo>, Error> {
        let layout = layout_of(key)?;
        let history = self.history(&layout).await;
        self.with_readable(&layout, history).await
    }

    /// Returns the newest version of every series, by name, and apart from them what is damaged.
    ///
    /// # Errors
    /// [`Error::Storage`]; [`Error::Damaged`] when this is no library of ours.
    pub async fn list(&self) -> Result<Listing, Error> {
        self.check_library().await?;
        let (heads, damaged) = self.newest_of_all(LibraryLayout(CANDLES)).await?;
        Ok(Listing { series: heads.iter().filter_map(|head| head.manifest.info()).collect(), damaged })
    }

    /// Returns the newest version of every symbol that is not deleted, by name, and one error for each that is
    /// damaged.
    pub(crate) async fn newest_of_all(
        &self,
        library: LibraryLayout<'_>,
    ) -> Result<(Vec<Arc<Stored>>, Vec<Error>), Error> {
        let layouts = self.symbols(library).await?;
        let found: Vec<_> =
            stream::iter(&layouts).map(|layout| self.head(layout)).buffered(CONCURRENCY).collect().await;
        let (mut heads, mut damaged) = (Vec::new(), Vec::new());
        for (layout, head) in layouts.iter().zip(found) {
            match self.with_readable(layout, head).await {
                // A writer that died before its first commit leaves a folder without a version.
                Ok(head) => heads.extend(head.filter(|head| !head.manifest.is_deleted())),
                Err(error @ Error::Damaged { .. }) => damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok((heads, damaged))
    }

    /// Returns every symbol of a library that has a folder, by name.
    pub(crate) async fn symbols(&self, library: LibraryLayout<'_>) -> Result<Vec<SymbolLayout>, Error> {
        let folders = self.objects.folders(&library.symbols()).await?;
        Ok(folders.iter().filter_map(|folder| library.symbol_of(folder)).collect())
    }

    /// Returns some rows of a version; the error of a damaged object says which versions are intact.
    pub(crate) async fn read_rows<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        part: Part,
        as_of: &AsOf,
    ) -> Result<Option<(Arc<Stored>, R)>, Error> {
        let read = self.try_read_rows(layout, format, part, as_of).await;
        let read = self.with_readable(layout, read).await?;
        Ok(read.map(|(stored, rows)| (stored, part.cut(rows))))
    }

    async fn try_read_rows<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        part: Part,
        as_of: &AsOf,
    ) -> Result<Option<(Arc<Stored>, R)>, Error> {
        if *as_of == AsOf::Latest
            && let Some(read) = self.read_at_once(layout, format, part).await?
        {
            return Ok(Some(read));
        }
        let mut attempt = 1;
        loop {
            let Some(stored) = self.resolve(layout, as_of).await? else { return Ok(None) };
            let format = R::stored(format, layout, &stored.manifest)?;
            match self.load(layout, &format, part.files(&stored.manifest), part.range()).await {
                Ok(rows) => return Ok(Some((stored, rows))),
                Err(Error::Damaged { damage: Damage::Missing, .. }) if attempt < MAX_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Reads what is probably the newest version while asking whether it is: one round trip when the symbol is
    /// remembered, two when it is not. Returns `None` when it was not.
    async fn read_at_once<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        part: Part,
    ) -> Result<Option<(Arc<Stored>, R)>, Error> {
        let Some(candidate) = self.candidate(layout).await? else { return Ok(None) };
        let stored = Arc::clone(&candidate.stored);
        if stored.manifest.is_deleted() {
            return Ok(None);
        }
        // What is wrong with a version that is not the newest is nobody's concern.
        let Ok(format) = R::stored(format, layout, &stored.manifest) else { return Ok(None) };
        let rows = self.load(layout, &format, part.files(&stored.manifest), part.range());
        let (verdict, rows) = join(self.judge(layout, &candidate), rows).await;
        match (verdict?, rows) {
            (Verdict::Followed(_) | Verdict::Unknown, _) => Ok(None),
            (Verdict::Newest, Err(Error::Damaged { damage: Damage::Missing, .. })) => {
                // Somebody may have put another store in the place of the one that is remembered.
                self.cache.forget(layout);
                Ok(None)
            }
            (Verdict::Newest, rows) => Ok(Some((stored, rows?))),
        }
    }

    /// Reads, checks and decodes some files; they must be in order of time.
    pub(crate) async fn load<R: Rows>(
        &self,
        layout: &SymbolLayout,
        format: &R::Format,
        files: &[FileEntry],
        range: TimeRange,
    ) -> Result<R, Error> {
        let rows: u64 = files.iter().map(|file| rows_in(file, range)).sum();
        // A manifest may claim more than its files hold; beyond so much, room is made as they are read.
        let mut builder = R::builder(format, usize::try_from(rows).unwrap_or(MAX_ROWS).min(MAX_ROWS));
        let mut fetched = stream::iter(files).map(|file| self.fetch(layout, file)).buffered(READ_AHEAD);
        while let Some((file, bytes)) = fetched.try_next().await? {
            R::add(&mut builder, file, bytes, range)
                .map_err(|damage| damaged(&layout.data(&file.key), damage))?;
        }
        let first = files.first().map_or_else(|| layout.head(), |file| layout.data(&file.key));
        R::finish(builder, layout, &first)
    }

    pub(crate) async fn fetch<'a>(
        &self,
        layout: &SymbolLayout,
        file: &'a FileEntry,
    ) -> Result<(&'a FileEntry, Bytes), Error> {
        let path = layout.data(&file.key);
        let found = self.objects.get_sized(&path, file.bytes).await?;
        let bytes = found.ok_or_else(|| damaged(&path, Damage::Missing))?;
        Ok((file, bytes))
    }

    /// Adds to an error about a damaged object which versions are intact.
    pub(crate) async fn with_readable<T>(
        &self,
        layout: &SymbolLayout,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        match outcome {
            Err(Error::Damaged { key, damage, .. }) => {
                // Whatever happens here, the damage is what the caller has to know of.
                let readable = self.readable_versions(layout, &key).await.unwrap_or_default();
                Err(Error::Damaged { key, damage, readable })
            }
            other => other,
        }
    }

    /// Returns the newest versions whose manifest and files are all intact, oldest first: as many as can be found
    /// without reading the whole series. `damaged` is an object that is not intact.
    async fn readable_versions(&self, layout: &SymbolLayout, damaged: &str) -> Result<Vec<u64>, Error> {
        let numbers = self.readable_numbers(layout).await?;
        let mut found = stream::iter(numbers.into_iter().rev().take(MAX_LOOKED_AT))
            .map(|version| self.find_manifest(layout, version))
            .buffered(CONCURRENCY);
        let (mut readable, mut intact) = (Vec::new(), BTreeSet::new());
        let mut bytes_left = MAX_LOOKED_AT_BYTES;
        while let Some(found) = found.next().await {
            let Ok(Some(stored)) = found else { continue };
            let unknown: Vec<&FileEntry> =
                stored.manifest.files.iter().filter(|file| !intact.contains(&file.key)).collect();
            if unknown.iter().any(|file| layout.data(&file.key).as_ref() == damaged) {
                continue;
            }
            let bytes = unknown.iter().map(|file| file.bytes).sum();
            let Some(rest) = bytes_left.checked_sub(bytes) else { break };
            bytes_left = rest;
            if self.are_intact(layout, unknown.iter().copied()).await? {
                intact.extend(unknown.iter().map(|file| file.key.clone()));
                readable.push(stored.manifest.version);
            }
            if readable.len() == MAX_NAMED {
                break;
            }
        }
        readable.reverse();
        Ok(readable)
    }
}

/// Returns about how many rows of a file lie in a range: exactly those of a file without gaps.
fn rows_in(file: &FileEntry, range: TimeRange) -> u64 {
    let (first, last) = (i128::from(file.ts_min), i128::from(file.ts_max));
    let start = range.start.map_or(first, |start| first.max(start.into()));
    let end = range.end.map_or(last, |end| last.min(i128::from(end) - 1));
    if start > end || first == last {
        return if start > end { 0 } else { file.rows };
    }
    let steps = i128::from(file.rows.saturating_sub(1));
    let row_at = |at: i128| (at - first) * steps / (last - first);
    let before = if start == first { 0 } else { row_at(start - 1) + 1 };
    u64::try_from(row_at(end) - before + 1).unwrap_or(0).min(file.rows)
}

#[cfg(test)]
mod tests {
    use super::super::gaps::Gaps;
    use super::*;

    #[test]
    fn rows_of_a_file_in_a_range() {
        // Ten rows at 100, 110, … 190.
        let file = FileEntry {
            key: String::new(),
            period: String::new(),
            ts_min: 100,
            ts_max: 190,
            rows: 10,
            bytes: 0,
            blake3: String::new(),
            columns: Vec::new(),
            gaps: Gaps::default(),
            rows_hash: None,
        };
        let one = FileEntry { ts_max: 100, rows: 1, ..file.clone() };
        for (start, end, rows) in [
            (0, 1_000, 10),
            (100, 191, 10),
            (100, 190, 9),
            (101, 190, 8),
            (110, 111, 1),
            (111, 120, 0),
            (111, 121, 1),
            (191, 300, 0),
            (i64::MIN, i64::MAX, 10),
        ] {
            assert_eq!(rows_in(&file, TimeRange::new(start, end)), rows, "{start}..{end}");
        }
        assert_eq!(rows_in(&file, TimeRange::ALL), 10);
        assert_eq!(rows_in(&one, TimeRange::new(100, 101)), 1);
        assert_eq!(rows_in(&one, TimeRange::new(101, 102)), 0);
    }
}
