//! Committing: data first, then the next manifest by create-if-absent, then the hint.

use std::collections::BTreeSet;

use bytes::Bytes;
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use super::Store;
use super::change::{Change, Plan};
use super::data;
use super::head::{Stored, damaged, layout_of};
use super::layout::{SymbolLayout, library_key};
use super::manifest::{FORMAT, HISTORY, Manifest, Parent};
use super::objects::Created;
use super::types::{Commit, Metadata, VersionInfo};
use crate::error::{Damage, Error};

/// Attempts before giving up. Each lost attempt means that another writer got on, so that as many writers
/// may race for one symbol as this and all of them succeed.
const MAX_ATTEMPTS: u32 = 256;

/// How often one manifest is sent when the storage fails and does not have it afterwards.
const MAX_SENDS: u32 = 3;

impl Store {
    /// Makes a new version that holds just these candles. Nothing is made when the newest version holds just
    /// them already. Without metadata the old version's is kept.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Storage`], [`Error::UnknownOutcome`], [`Error::Damaged`], [`Error::BadTime`].
    pub async fn write(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit(key, Change::Write(candles), metadata).await
    }

    /// Adds candles, wherever in time they lie. Those that are stored already must be identical, so that a
    /// repeated append changes nothing.
    ///
    /// # Errors
    /// [`Error::Conflict`] naming the first differing candle, [`Error::MixedLabels`], and those of
    /// [`Store::write`].
    pub async fn append(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit(key, Change::Append(candles), metadata).await
    }

    /// Adds candles; a stored candle with the same open time gives way.
    ///
    /// # Errors
    /// [`Error::MixedLabels`] and those of [`Store::write`].
    pub async fn upsert(
        &self,
        key: &SeriesKey,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit(key, Change::Upsert(candles), metadata).await
    }

    /// Puts candles in the place of all stored ones that open in `range`; no candles remove the range.
    ///
    /// # Errors
    /// [`Error::OutsideRange`], [`Error::MixedLabels`] and those of [`Store::write`].
    pub async fn replace_range(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        candles: &CandleSeries,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        self.commit(key, Change::ReplaceRange(range, candles), metadata).await
    }

    async fn commit(
        &self,
        key: &SeriesKey,
        change: Change<'_>,
        metadata: Option<Metadata>,
    ) -> Result<Commit, Error> {
        let layout = layout_of(key)?;
        let outcome = self.try_commit(&layout, key, change, metadata.as_ref()).await;
        self.with_readable(&layout, outcome).await
    }

    async fn try_commit(
        &self,
        layout: &SymbolLayout,
        key: &SeriesKey,
        change: Change<'_>,
        metadata: Option<&Metadata>,
    ) -> Result<Commit, Error> {
        self.make_library().await?;
        let commit_id = self.ids.next(self.clock.as_ref()).to_string();
        let mut uploaded = BTreeSet::new();
        for _ in 0..MAX_ATTEMPTS {
            let head = self.head(layout).await?;
            let parent = head.as_ref().map(|head| &head.manifest);
            let Some(mut plan) = self.plan(layout, key, parent, change, metadata).await? else {
                let (version, rows) = parent.map_or((0, 0), |head| (head.version, head.rows()));
                return Ok(Commit { version, changed: false, rows });
            };
            for file in plan.new_files.drain(..) {
                // The name is the content's hash, so that putting it twice is harmless; overwriting also
                // heals a damaged leftover under that name.
                if uploaded.insert(file.entry.key.clone()) {
                    self.objects.put(&layout.data(&file.entry.key), file.bytes).await?;
                }
            }
            let next = self.next_manifest(key, head.as_ref(), change, plan, &commit_id);
            // Invariant: nothing that overlaps or lies outside its period is ever committed, rebased or not.
            next.check().map_err(|damage| damaged(&layout.manifest(next.version), damage))?;
            if self.create_manifest(layout, &next).await? {
                return Ok(Commit { version: next.version, changed: true, rows: next.rows() });
            }
        }
        Err(Error::Busy { symbol: layout.symbol().to_owned(), attempts: MAX_ATTEMPTS })
    }

    fn next_manifest(
        &self,
        key: &SeriesKey,
        head: Option<&Stored>,
        change: Change<'_>,
        plan: Plan,
        commit_id: &str,
    ) -> Manifest {
        let parent = head.map(|head| &head.manifest);
        let version = parent.map_or(1, |parent| parent.version + 1);
        let commit_ts = parent.map_or(0, |parent| parent.commit_ts + 1).max(self.clock.now_ms());
        let mut history = parent.map(|parent| parent.history.clone()).unwrap_or_default();
        history.push(VersionInfo { version, committed: commit_ts });
        history.drain(..history.len().saturating_sub(HISTORY));
        Manifest {
            format: FORMAT,
            series: key.clone(),
            version,
            parent: head.map(|head| Parent { version: head.manifest.version, blake3: head.hash.clone() }),
            commit_id: commit_id.to_owned(),
            commit_ts,
            writer: concat!("tradai ", env!("CARGO_PKG_VERSION")).to_owned(),
            op: change.op(),
            schema: data::schema(),
            period_months: plan.periods.months(),
            metadata: plan.metadata,
            history,
            files: plan.files,
        }
    }

    /// Sends a manifest; returns whether it is the version now, or `false` when another writer was first.
    ///
    /// A storage that fails may have stored it all the same: only reading it back tells.
    async fn create_manifest(&self, layout: &SymbolLayout, manifest: &Manifest) -> Result<bool, Error> {
        let path = layout.manifest(manifest.version);
        let bytes = Bytes::from(manifest.encode()?.0);
        let mut sends = 0;
        loop {
            sends += 1;
            let failure = match self.objects.create(&path, bytes.clone()).await {
                Ok(Created::Yes) => break,
                Ok(Created::Exists) => None,
                Err(failure) => Some(failure),
            };
            match (self.objects.get(&path).await, failure) {
                // Equal bytes have our commit id: an earlier send of ours arrived.
                (Ok(Some(found)), _) if found == bytes => break,
                (Ok(Some(_)), _) => return Ok(false),
                (Ok(None), Some(failure)) if sends == MAX_SENDS => return Err(failure),
                (Ok(None), _) => {}
                (Err(_), Some(failure)) => {
                    return Err(Error::UnknownOutcome {
                        symbol: layout.symbol().to_owned(),
                        version: manifest.version,
                        source: Box::new(failure),
                    });
                }
                (Err(failure), None) => return Err(failure),
            }
        }
        // The hint only saves later readers a listing; a failure to leave it is no failure of the commit.
        drop(self.objects.put(&layout.head(), bytes).await);
        Ok(true)
    }

    /// Leaves the library's description, or checks the one that is there.
    async fn make_library(&self) -> Result<(), Error> {
        let path = library_key();
        if self.check_library().await? {
            return Ok(());
        }
        let text = format!("{{\"format\":{FORMAT},\"library\":\"ohlcv\",\"profile\":\"f64\"}}\n");
        match self.objects.create(&path, Bytes::from(text)).await? {
            Created::Yes => Ok(()),
            Created::Exists => self.check_library().await.map(drop),
        }
    }

    /// Returns whether there is a library, after checking that it is of our format.
    pub(crate) async fn check_library(&self) -> Result<bool, Error> {
        #[derive(serde::Deserialize)]
        struct Library {
            format: u32,
        }
        let path = library_key();
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(false) };
        let library: Library = serde_json::from_slice(&bytes)
            .map_err(|e| damaged(&path, Damage::Foreign(format!("no library of candles: {e}"))))?;
        if library.format != FORMAT {
            let what = format!("format {}, while this program reads {FORMAT}", library.format);
            return Err(damaged(&path, Damage::Foreign(what)));
        }
        Ok(true)
    }
}
