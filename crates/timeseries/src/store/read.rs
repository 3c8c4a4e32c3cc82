//! Reading candles and what is known about them.

use std::collections::BTreeMap;

use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use super::Store;
use super::data;
use super::head::{damaged, layout_of};
use super::layout::{SymbolLayout, symbols_prefix};
use super::manifest::FileEntry;
use super::types::{AsOf, Listing, Read, SeriesInfo, VersionInfo, is_synthetic};
use crate::error::{Damage, Error};
use crate::files::RawCandles;

impl Store {
    /// Returns the candles of a version that open in `range`, or `None` when there is no such series. Only
    /// files that overlap the range are read.
    ///
    /// # Errors
    /// [`Error::NoVersion`]; [`Error::Damaged`] naming the object and the versions that are intact;
    /// [`Error::Storage`].
    pub async fn read(&self, key: &SeriesKey, range: TimeRange, as_of: AsOf) -> Result<Option<Read>, Error> {
        let layout = layout_of(key)?;
        let read = self.try_read(&layout, range, as_of).await;
        self.with_readable(&layout, read).await
    }

    /// Returns what is known of a version without reading candles, or `None` when there is no such series.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn info(&self, key: &SeriesKey, as_of: AsOf) -> Result<Option<SeriesInfo>, Error> {
        let layout = layout_of(key)?;
        let found = self.resolve(&layout, as_of).await;
        Ok(self.with_readable(&layout, found).await?.map(|stored| stored.manifest.info()))
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
        let mut listing = Listing::default();
        for folder in self.objects.folders(&symbols_prefix()).await? {
            let Some(layout) = SymbolLayout::from_folder(&folder) else { continue };
            let head = self.head(&layout).await;
            match self.with_readable(&layout, head).await {
                Ok(Some(head)) => listing.series.push(head.manifest.info()),
                // A writer that died before its first commit leaves a folder without a version.
                Ok(None) => {}
                Err(error @ Error::Damaged { .. }) => listing.damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(listing)
    }

    async fn try_read(
        &self,
        layout: &SymbolLayout,
        range: TimeRange,
        as_of: AsOf,
    ) -> Result<Option<Read>, Error> {
        let Some(stored) = self.resolve(layout, as_of).await? else { return Ok(None) };
        let manifest = stored.manifest;
        Ok(Some(Read {
            series: self.load(layout, manifest.files_in(range), range).await?,
            version: manifest.version,
            data_hash: manifest.data_hash(),
            synthetic: is_synthetic(&manifest.metadata),
            metadata: manifest.metadata,
        }))
    }

    /// Reads, checks and decodes some files; they must be in order of time.
    pub(crate) async fn load<'a>(
        &self,
        layout: &SymbolLayout,
        files: impl IntoIterator<Item = &'a FileEntry>,
        range: TimeRange,
    ) -> Result<CandleSeries, Error> {
        let files: Vec<&FileEntry> = files.into_iter().collect();
        let mut raw = RawCandles::default();
        if range == TimeRange::ALL {
            raw.reserve(files.iter().filter_map(|file| usize::try_from(file.rows).ok()).sum());
        }
        for file in &files {
            let path = layout.data(&file.key);
            let bytes = self.objects.get(&path).await?.ok_or_else(|| damaged(&path, Damage::Missing))?;
            data::decode(file, bytes, range, &mut raw).map_err(|damage| damaged(&path, damage))?;
        }
        let out_of_order = |fault: tradai_domain::SeriesFault| {
            let path = files.first().map_or_else(|| layout.head(), |file| layout.data(&file.key));
            damaged(&path, Damage::Foreign(fault.to_string()))
        };
        raw.into_series().map_err(out_of_order)
    }

    /// Adds to an error about a damaged object which versions are intact.
    pub(crate) async fn with_readable<T>(
        &self,
        layout: &SymbolLayout,
        outcome: Result<T, Error>,
    ) -> Result<T, Error> {
        match outcome {
            Err(Error::Damaged { key, damage, .. }) => {
                let readable = self.readable_versions(layout).await?;
                Err(Error::Damaged { key, damage, readable })
            }
            other => other,
        }
    }

    /// Returns the versions whose manifest and files are all intact, oldest first. Reads every object of the
    /// symbol once.
    async fn readable_versions(&self, layout: &SymbolLayout) -> Result<Vec<u64>, Error> {
        let mut intact: BTreeMap<String, bool> = BTreeMap::new();
        let mut readable = Vec::new();
        for version in self.version_numbers(layout).await? {
            let Ok(Some(stored)) = self.find_manifest(layout, version).await else { continue };
            let mut all_intact = true;
            for file in &stored.manifest.files {
                let known = match intact.get(&file.key) {
                    Some(&known) => known,
                    None => {
                        let found = self.objects.get(&layout.data(&file.key)).await;
                        let fine = matches!(found, Ok(Some(bytes)) if data::check(file, &bytes).is_ok());
                        intact.insert(file.key.clone(), fine);
                        fine
                    }
                };
                all_intact &= known;
            }
            if all_intact {
                readable.push(version);
            }
        }
        Ok(readable)
    }
}
