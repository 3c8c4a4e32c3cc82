//! Snapshots: versions of many symbols under one name, which collectors leave alone.
//!
//! A snapshot counts once it has been checked after its creation that no collector has released one of its
//! versions: a collector that releases them later will see it, because it looks for snapshots after saying
//! what it releases. A snapshot whose maker died before that check may name versions that are gone; it holds
//! the manifests' checksums, so that reading such a version is an error and never another version.
//!
//! A deletion that its sender heard nothing of may come late, when the name is taken again. So a name's objects are
//! numbered, and a deletion is the creation of the next one: it can take away the snapshot that it was meant for and
//! no other. The newest object of a name stays for good; that its number never falls is what all of this rests on.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use tradai_domain::{Millis, SeriesKey};

use super::CONCURRENCY;
use super::Store;
use super::head::{Stored, damaged, layout_of};
use super::layout::{CANDLES, LibraryLayout, SnapshotLayout, SymbolLayout, version_of};
use super::manifest::FORMAT;
use super::objects::Created;
use super::sealed::{seal, unseal};
use super::types::Metadata;
use crate::error::{Damage, Error};

/// Attempts to take a snapshot of newest versions while collectors release them.
const MAX_ATTEMPTS: u32 = 8;

/// A snapshot as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    format: u32,
    pub(crate) name: String,
    created: Millis,
    /// Tells our own creation from somebody else's.
    id: String,
    metadata: Metadata,
    pub(crate) symbols: BTreeMap<String, Held>,
}

/// A version that a snapshot holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) version: u64,
    /// Checksum of the manifest.
    pub(crate) blake3: String,
}

/// What takes the place of a deleted snapshot.
#[derive(Debug, Serialize)]
struct Deleted<'a> {
    format: u32,
    name: &'a str,
    deleted: Millis,
}

/// Returns whether the newest generation of a name is a snapshot.
fn is_live(generation: u64) -> bool {
    !generation.is_multiple_of(2)
}

/// What callers see of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SnapshotInfo {
    /// Its name.
    pub name: String,
    /// When it was taken.
    pub created: Millis,
    /// Store symbols (`BTC_USDT_1h`) and the version of each.
    pub symbols: BTreeMap<String, u64>,
    /// What the user noted.
    pub metadata: Metadata,
}

/// All snapshots of a library.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// By name.
    pub snapshots: Vec<SnapshotInfo>,
    /// One error for each that cannot be read; deleting it by name helps.
    pub damaged: Vec<Error>,
}

impl Store {
    /// Gives the newest versions of some series of candles, or of all, a common name that keeps them from
    /// being pruned. A series without candles is left out when all are taken.
    ///
    /// # Errors
    /// [`Error::SnapshotExists`]; [`Error::NoSeries`] when a series named in `keys` is not there or when
    /// there is none at all; [`Error::BadSymbol`] for a name that is empty or too long; [`Error::Damaged`],
    /// [`Error::Storage`].
    pub async fn snapshot(
        &self,
        name: &str,
        keys: Option<&[SeriesKey]>,
        metadata: Option<Metadata>,
    ) -> Result<SnapshotInfo, Error> {
        let layouts = match keys {
            Some(keys) => keys.iter().map(layout_of).collect::<Result<Vec<_>, _>>()?,
            None => self.symbols(LibraryLayout(CANDLES)).await?,
        };
        self.take_snapshot(LibraryLayout(CANDLES), name, &layouts, keys.is_some(), metadata).await
    }

    /// Returns the snapshots of candles, by name, and apart from them what is damaged.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn snapshots(&self) -> Result<Snapshots, Error> {
        self.snapshots_of(LibraryLayout(CANDLES)).await
    }

    pub(crate) async fn snapshots_of(&self, library: LibraryLayout<'_>) -> Result<Snapshots, Error> {
        let generations = self.live_snapshots(library).await?;
        let mut read = stream::iter(&generations)
            .map(|(name, generation)| self.read_snapshot(library, name, *generation))
            .buffered(CONCURRENCY);
        let mut found = Snapshots::default();
        while let Some(snapshot) = read.next().await {
            match snapshot {
                Ok(snapshot) => found.snapshots.extend(snapshot.as_ref().map(Snapshot::info)),
                Err(error @ Error::Damaged { .. }) => found.damaged.push(error),
                Err(error) => return Err(error),
            }
        }
        drop(read);
        Ok(found)
    }

    /// Deletes a snapshot; its versions may then be pruned. Returns whether there was one.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn delete_snapshot(&self, name: &str) -> Result<bool, Error> {
        self.delete_snapshot_of(LibraryLayout(CANDLES), name).await
    }

    pub(crate) async fn delete_snapshot_of(
        &self,
        library: LibraryLayout<'_>,
        name: &str,
    ) -> Result<bool, Error> {
        let layout = library.snapshot(name)?;
        let generations = self.generations(&layout).await?;
        let newest = generations.last().copied().unwrap_or(0);
        if !is_live(newest) {
            return Ok(false);
        }
        self.end_generation(&layout, name, newest).await?;
        // Nothing below the newest is ever read; what stays here, pruning deletes.
        let old = generations.into_iter().map(|number| layout.generation(number)).collect();
        drop(self.objects.delete_all(&layout.folder(), old).await);
        Ok(true)
    }

    /// Says that a snapshot is deleted; that somebody else has said so is as good.
    async fn end_generation(
        &self,
        layout: &SnapshotLayout,
        name: &str,
        generation: u64,
    ) -> Result<(), Error> {
        let deleted = Deleted { format: FORMAT, name, deleted: self.now() };
        let bytes = seal(&deleted, || format!("the deletion of the snapshot {name}"))?.0;
        self.objects.create(&layout.generation(generation + 1), bytes).await.map(drop)
    }

    pub(crate) async fn take_snapshot(
        &self,
        library: LibraryLayout<'_>,
        name: &str,
        layouts: &[SymbolLayout],
        all_needed: bool,
        metadata: Option<Metadata>,
    ) -> Result<SnapshotInfo, Error> {
        let layout = library.snapshot(name)?;
        let taken = || Error::SnapshotExists { name: name.to_owned() };
        let metadata = metadata.unwrap_or_default();
        for _ in 0..MAX_ATTEMPTS {
            let before = self.newest_generation(&layout).await?;
            if is_live(before) {
                return Err(taken());
            }
            let generation = before + 1;
            let snapshot = Snapshot {
                format: FORMAT,
                name: name.to_owned(),
                created: self.now(),
                id: self.next_id(),
                metadata: metadata.clone(),
                symbols: self.newest_of(layouts, all_needed).await?,
            };
            let bytes = seal(&snapshot, || format!("the snapshot {name}"))?.0;
            if !self.create_own(&layout.generation(generation), &bytes).await? {
                return Err(taken());
            }
            if self.newest_generation(&layout).await? != generation {
                // It was deleted already, or took a number that was used and swept while we slept.
                continue;
            }
            if self.holds(layouts, &snapshot).await? {
                return Ok(snapshot.info());
            }
            self.end_generation(&layout, name, generation).await?;
        }
        Err(Error::Busy { symbol: name.to_owned(), attempts: MAX_ATTEMPTS })
    }

    async fn newest_of(
        &self,
        layouts: &[SymbolLayout],
        all_needed: bool,
    ) -> Result<BTreeMap<String, Held>, Error> {
        let heads: Vec<Option<Arc<Stored>>> =
            stream::iter(layouts).map(|layout| self.head(layout)).buffered(CONCURRENCY).try_collect().await?;
        let mut symbols = BTreeMap::new();
        for (layout, head) in layouts.iter().zip(heads) {
            let head = head.filter(|head| !head.manifest.is_deleted());
            if let Some(head) = head {
                let held = Held { version: head.manifest.version, blake3: head.hash.clone() };
                symbols.insert(layout.symbol().to_owned(), held);
            } else if all_needed {
                return Err(Error::NoSeries { symbol: layout.symbol().to_owned() });
            }
        }
        if symbols.is_empty() {
            return Err(Error::NoSeries { symbol: "any symbol".to_owned() });
        }
        Ok(symbols)
    }

    /// Returns whether no collector has released a version of a snapshot.
    async fn holds(&self, layouts: &[SymbolLayout], snapshot: &Snapshot) -> Result<bool, Error> {
        let released: Vec<u64> = stream::iter(layouts)
            .map(|layout| self.released(layout))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        let mut holds = true;
        for (layout, released) in layouts.iter().zip(released) {
            holds &= snapshot.symbols.get(layout.symbol()).is_none_or(|held| held.version > released);
        }
        Ok(holds)
    }

    /// Creates an object that only we can have written; returns `false` when somebody else's is there.
    async fn create_own(&self, path: &Path, bytes: &Bytes) -> Result<bool, Error> {
        match self.objects.create(path, bytes.clone()).await {
            Ok(Created::Yes) => Ok(true),
            Ok(Created::Exists) => Ok(self.objects.get(path).await?.as_ref() == Some(bytes)),
            // The answer was lost: what is there tells.
            Err(failure) => match self.objects.get(path).await? {
                Some(found) => Ok(found == *bytes),
                None => Err(failure),
            },
        }
    }

    /// Returns the version of a symbol that a snapshot holds, or `None` when it holds none.
    pub(crate) async fn in_snapshot(
        &self,
        layout: &SymbolLayout,
        name: &str,
    ) -> Result<Option<Arc<Stored>>, Error> {
        let Some(snapshot) = self.find_snapshot(layout.library(), name).await? else {
            let names = self.snapshot_names(layout.library()).await?;
            return Err(Error::NoSnapshot { name: name.to_owned(), names });
        };
        let Some(held) = snapshot.symbols.get(layout.symbol()) else { return Ok(None) };
        let path = layout.manifest(held.version);
        match self.find_manifest(layout, held.version).await? {
            Some(found) if found.hash == held.blake3 => Ok(Some(found)),
            Some(_) => Err(damaged(&path, Damage::Foreign(format!("the snapshot {name} holds another one")))),
            None => Err(damaged(&path, Damage::Missing)),
        }
    }

    /// Returns the versions of a symbol that snapshots hold, with the checksums of their manifests.
    pub(crate) async fn held_versions(&self, layout: &SymbolLayout) -> Result<BTreeMap<u64, String>, Error> {
        let mut held = BTreeMap::new();
        for snapshot in self.all_snapshots(layout.library()).await? {
            if let Some(version) = snapshot.symbols.get(layout.symbol()) {
                held.insert(version.version, version.blake3.clone());
            }
        }
        Ok(held)
    }

    /// Returns every snapshot of a library, by name.
    pub(crate) async fn all_snapshots(&self, library: LibraryLayout<'_>) -> Result<Vec<Snapshot>, Error> {
        let generations = self.live_snapshots(library).await?;
        let found: Vec<Option<Snapshot>> = stream::iter(&generations)
            .map(|(name, generation)| self.read_snapshot(library, name, *generation))
            .buffered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    pub(crate) async fn snapshot_names(&self, library: LibraryLayout<'_>) -> Result<Vec<String>, Error> {
        Ok(self.live_snapshots(library).await?.into_keys().collect())
    }

    /// Returns the generation of each snapshot, by name.
    pub(crate) async fn live_snapshots(
        &self,
        library: LibraryLayout<'_>,
    ) -> Result<BTreeMap<String, u64>, Error> {
        let keys = self.objects.keys(&library.snapshots()).await?;
        // In order of numbers, so that the newest of a name stays.
        let mut newest: BTreeMap<String, u64> =
            keys.iter().filter_map(|key| library.snapshot_of(key)).collect();
        newest.retain(|_, generation| is_live(*generation));
        Ok(newest)
    }

    /// Deletes what is below the newest generation of a name; nobody reads that.
    pub(crate) async fn sweep_snapshots(&self, library: LibraryLayout<'_>) -> Result<(), Error> {
        let keys = self.objects.keys(&library.snapshots()).await?;
        let newest: BTreeMap<String, u64> = keys.iter().filter_map(|key| library.snapshot_of(key)).collect();
        let is_old = |key: &Path| {
            library
                .snapshot_of(key)
                .is_some_and(|(name, number)| newest.get(&name).is_some_and(|&newest| number < newest))
        };
        let old = keys.into_iter().filter(is_old).collect();
        self.objects.delete_all(&library.snapshots(), old).await
    }

    async fn generations(&self, layout: &SnapshotLayout) -> Result<Vec<u64>, Error> {
        let names = self.objects.names(&layout.folder()).await?;
        Ok(names.iter().filter_map(|name| version_of(name)).collect())
    }

    /// Returns the newest generation of a name, 0 when it never was one.
    async fn newest_generation(&self, layout: &SnapshotLayout) -> Result<u64, Error> {
        Ok(self.generations(layout).await?.last().copied().unwrap_or(0))
    }

    pub(crate) async fn find_snapshot(
        &self,
        library: LibraryLayout<'_>,
        name: &str,
    ) -> Result<Option<Snapshot>, Error> {
        let newest = self.newest_generation(&library.snapshot(name)?).await?;
        if is_live(newest) { self.read_snapshot(library, name, newest).await } else { Ok(None) }
    }

    /// Reads a snapshot; `None` when it has been deleted meanwhile.
    pub(crate) async fn read_snapshot(
        &self,
        library: LibraryLayout<'_>,
        name: &str,
        generation: u64,
    ) -> Result<Option<Snapshot>, Error> {
        let path = library.snapshot(name)?.generation(generation);
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(None) };
        let decoded = unseal::<Snapshot>(&bytes, "snapshot").and_then(|(snapshot, _)| {
            let foreign = || Damage::Foreign(format!("it is the snapshot {}", snapshot.name));
            if snapshot.name == name { Ok(snapshot) } else { Err(foreign()) }
        });
        decoded.map(Some).map_err(|damage| damaged(&path, damage))
    }
}

impl Snapshot {
    fn info(&self) -> SnapshotInfo {
        SnapshotInfo {
            name: self.name.clone(),
            created: self.created,
            symbols: self.symbols.iter().map(|(symbol, held)| (symbol.clone(), held.version)).collect(),
            metadata: self.metadata.clone(),
        }
    }
}
