//! Pruning: releasing old versions, and deleting what nothing names any more.
//!
//! Deleting is the one thing that can hurt a reader or writer that knows nothing of it, so that it goes in
//! steps with time between them:
//!
//! 1. A boundary object says which versions are released. From then on they are read only through snapshots,
//!    and writers that find themselves below it know that they are late.
//! 2. Snapshots are listed after that: whoever takes one checks the boundary afterwards, so that each side sees
//!    the other.
//! 3. A grace period later the released manifests that no snapshot holds are deleted. Whoever held on to an old
//!    manifest has dropped it by then. Their files go first, so that whoever dies in between leaves something
//!    to find.
//! 4. Data files that no manifest names are deleted when they are older than the grace period and a version was
//!    stored an hour or more after them: whatever number their writer aims at is taken then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use tradai_domain::{Millis, SeriesKey};

use super::cache::TRUST_MS;
use super::data::len_u64;
use super::head::{Stored, damaged, layout_of};
use super::layout::{CANDLES, LibraryLayout, SymbolLayout, version_of};
use super::manifest::FORMAT;
use super::objects::Listed;
use super::sealed::{seal, unseal};
use super::staging::Staged;
use super::types::OnProgress;
use super::{CONCURRENCY, Store};
use crate::error::{Damage, Error};

/// Series pruned at a time. Each of them asks for several objects at a time as well.
const SYMBOLS_AT_A_TIME: usize = 4;

/// Shortest time between releasing and deleting.
pub const MIN_GRACE_MS: Millis = 2 * TRUST_MS;

/// The usual time between releasing and deleting: a day.
pub const GRACE_MS: Millis = 24 * 3_600_000;

/// Which versions to keep. A version is kept when one of the rules keeps it; the newest always is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Keep so many of the newest.
    pub versions: Option<u64>,
    /// Keep what was readable in the last so many milliseconds: the versions committed since then, and the
    /// one that was the newest when they began.
    pub millis: Option<Millis>,
    /// Milliseconds between releasing and deleting; at least [`MIN_GRACE_MS`].
    pub grace: Millis,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// What pruning did.
#[derive(Debug, Default)]
pub struct Pruning {
    /// The series that were pruned, by name.
    pub series: Vec<Pruned>,
    /// Store symbols that could not be, and why; what was done to them is safe.
    pub failed: Vec<(String, Error)>,
}

/// What pruning a series did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pruned {
    /// The store symbol.
    pub symbol: String,
    /// Versions up to this one are released; 0 when none is.
    pub released: u64,
    /// Manifests deleted.
    pub versions_deleted: u64,
    /// Released manifests that wait for their grace period to end.
    pub versions_waiting: u64,
    /// Released versions that snapshots hold.
    pub versions_held: u64,
    /// Data files deleted, and files that killed writers left half-written.
    pub files_deleted: u64,
    /// Bytes of those.
    pub bytes_deleted: u64,
    /// Files that nothing names but are too young to delete.
    pub files_waiting: u64,
    /// Bytes of those.
    pub bytes_waiting: u64,
}

/// The object that releases versions; its name has the number.
#[derive(Debug, Serialize, Deserialize)]
struct Boundary {
    format: u32,
    released: u64,
    created: Millis,
}

impl Store {
    /// Prunes some series of candles, or all, several at a time. A series that cannot be pruned, because it is
    /// damaged or because the storage fails, does not stop the others.
    ///
    /// # Errors
    /// [`Error::Retention`] when the rules keep nothing or the grace period is too short;
    /// [`Error::Storage`] when series or snapshots cannot be listed, [`Error::Damaged`] when a snapshot is.
    pub async fn prune(
        &self,
        keys: Option<&[SeriesKey]>,
        retention: Retention,
        progress: OnProgress<'_>,
    ) -> Result<Pruning, Error> {
        let layouts = match keys {
            Some(keys) => keys.iter().map(layout_of).collect::<Result<Vec<_>, _>>()?,
            None => self.symbols(LibraryLayout(CANDLES)).await?,
        };
        self.prune_symbols(&layouts, retention, progress).await
    }

    pub(crate) async fn prune_symbols(
        &self,
        layouts: &[SymbolLayout],
        retention: Retention,
        progress: OnProgress<'_>,
    ) -> Result<Pruning, Error> {
        retention.check()?;
        let Some(library) = layouts.first().map(SymbolLayout::library) else { return Ok(Pruning::default()) };
        // A damaged snapshot might hold anything: one error says so, before anything is released.
        self.all_snapshots(library).await?;
        let release = |layout| async move { (layout, self.release_old(layout, retention).await) };
        let released: Vec<_> = stream::iter(layouts).map(release).buffered(SYMBOLS_AT_A_TIME).collect().await;
        let held = self.held_for_sure(library).await?;
        if !retention.dry_run {
            self.sweep_snapshots(library).await?;
            self.sweep_library(library, retention)?;
        }
        let held = &held;
        let mut outcomes = stream::iter(released)
            .map(|(layout, released)| async move {
                let outcome = match released {
                    Ok(to) => self.prune_symbol(layout, retention, to, held.get(layout.symbol())).await,
                    Err(error) => Err(error),
                };
                (layout, self.with_readable(layout, outcome).await)
            })
            .buffered(SYMBOLS_AT_A_TIME);
        let (mut pruning, mut done, total) = (Pruning::default(), 0, len_u64(layouts.len()));
        while let Some((layout, outcome)) = outcomes.next().await {
            match outcome {
                Ok(pruned) => pruning.series.push(pruned),
                Err(error) => pruning.failed.push((layout.symbol().to_owned(), error)),
            }
            done += 1;
            progress(done, total);
        }
        Ok(pruning)
    }

    /// Releases what no rule keeps; returns the newest version that is released, or would be in a dry run.
    async fn release_old(&self, layout: &SymbolLayout, retention: Retention) -> Result<u64, Error> {
        let before = self.released(layout).await?;
        let release = self.release_to(layout, retention, before).await?.max(before);
        if release > before && !retention.dry_run {
            self.release(layout, release).await?;
        }
        Ok(release)
    }

    /// Deletes what was released long enough ago. Which versions are held must have been asked after they were
    /// released.
    async fn prune_symbol(
        &self,
        layout: &SymbolLayout,
        retention: Retention,
        released: u64,
        held: Option<&BTreeSet<u64>>,
    ) -> Result<Pruned, Error> {
        let mut pruned = Pruned { symbol: layout.symbol().to_owned(), released, ..Pruned::default() };
        let mature = self.mature(layout, retention.grace).await?;
        // What is deleted in a dry run is left out below, as if it were gone.
        let mut old = Old { released, gone: BTreeSet::new(), held };
        for number in self.version_numbers(layout).await?.into_iter().filter(|&number| number <= released) {
            if old.is_held(number) {
                pruned.versions_held += 1;
            } else if number <= mature {
                pruned.versions_deleted += 1;
                old.gone.insert(number);
            } else {
                pruned.versions_waiting += 1;
            }
        }
        self.collect(layout, retention, &old, &mut pruned).await?;
        self.sweep(layout, retention, &mut pruned)?;
        if !retention.dry_run {
            let manifests = old.gone.iter().map(|&number| layout.manifest(number)).collect();
            self.objects.delete_all(&layout.manifests(), manifests).await?;
            self.forget_boundaries(layout, mature).await?;
        }
        Ok(pruned)
    }

    /// Returns the newest version that no rule keeps, 0 when all are kept.
    async fn release_to(
        &self,
        layout: &SymbolLayout,
        retention: Retention,
        released: u64,
    ) -> Result<u64, Error> {
        let Some(head) = self.head(layout).await? else { return Ok(0) };
        let newest = head.manifest.version;
        let by_number = retention.versions.map(|keep| newest.saturating_sub(keep.max(1)));
        let by_age = match retention.millis {
            Some(millis) => {
                let at = self.now().saturating_sub(millis);
                Some(self.older_than(layout, head, at, released).await?)
            }
            None => None,
        };
        Ok(by_number.into_iter().chain(by_age).min().unwrap_or(0).min(newest - 1))
    }

    /// Returns the newest version that was followed by another one before `at`; those that are released already
    /// are not looked at.
    async fn older_than(
        &self,
        layout: &SymbolLayout,
        head: Arc<Stored>,
        at: Millis,
        released: u64,
    ) -> Result<u64, Error> {
        let mut stored = head;
        loop {
            let current = stored.manifest.history.iter().rev().find(|past| past.committed <= at);
            if let Some(current) = current {
                return Ok(current.version.saturating_sub(1));
            }
            let oldest = stored.manifest.history.first().map_or(0, |past| past.version);
            let before = oldest.saturating_sub(1);
            if before <= released {
                return Ok(released);
            }
            match self.find_manifest(layout, before).await? {
                Some(earlier) => stored = earlier,
                None => return Ok(before),
            }
        }
    }

    /// Reads a boundary; that it was made superfluous meanwhile is as good.
    pub(crate) async fn check_boundary(&self, layout: &SymbolLayout, released: u64) -> Result<(), Error> {
        let path = layout.boundary(released);
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(()) };
        let (boundary, _) =
            unseal::<Boundary>(&bytes, "boundary").map_err(|damage| damaged(&path, damage))?;
        if boundary.released == released {
            return Ok(());
        }
        Err(damaged(&path, Damage::Foreign(format!("it is the boundary of version {}", boundary.released))))
    }

    async fn release(&self, layout: &SymbolLayout, released: u64) -> Result<(), Error> {
        let boundary = Boundary { format: FORMAT, released, created: self.now() };
        let bytes: Bytes = seal(&boundary, || format!("a boundary of {}", layout.symbol()))?.0;
        // That another collector has said the same is as good.
        self.objects.create(&layout.boundary(released), bytes).await.map(drop)
    }

    /// Returns the newest version that was released so long ago that it may be deleted: since its boundary was
    /// stored, which may be long after its collector wrote it.
    async fn mature(&self, layout: &SymbolLayout, grace: Millis) -> Result<u64, Error> {
        let now = self.now();
        let boundaries = self.objects.list(&layout.boundaries()).await?;
        let old = boundaries.iter().filter(|boundary| now.saturating_sub(boundary.modified) >= grace);
        Ok(old.filter_map(|boundary| version_of(&boundary.name)).max().unwrap_or(0))
    }

    /// Returns which versions of which symbols snapshots hold. They are listed twice: one that is copied from
    /// another one, which is then deleted, could slip past a single listing.
    async fn held_for_sure(
        &self,
        library: LibraryLayout<'_>,
    ) -> Result<BTreeMap<String, BTreeSet<u64>>, Error> {
        let mut held: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
        for _ in 0..2 {
            for (symbol, version) in self.all_snapshots(library).await?.into_iter().flat_map(|it| it.symbols)
            {
                held.entry(symbol).or_default().insert(version.version);
            }
        }
        Ok(held)
    }

    /// Deletes the boundaries that a newer one makes superfluous.
    async fn forget_boundaries(&self, layout: &SymbolLayout, mature: u64) -> Result<(), Error> {
        let names = self.objects.names(&layout.boundaries()).await?;
        let old = names.iter().filter_map(|name| version_of(name)).filter(|&number| number < mature);
        self.objects
            .delete_all(&layout.boundaries(), old.map(|number| layout.boundary(number)).collect())
            .await
    }

    /// Deletes the data files that only released versions name, and those that no manifest names and none ever
    /// will.
    ///
    /// A commit succeeds only with the number after the version that it began with. A writer uses what it stored
    /// for [`TRUST_MS`]; whatever it began with then is older than a version stored [`MIN_GRACE_MS`] later, so
    /// that its number is taken. How long the writer or we have slept since does not matter.
    async fn collect(
        &self,
        layout: &SymbolLayout,
        retention: Retention,
        old: &Old<'_>,
        pruned: &mut Pruned,
    ) -> Result<(), Error> {
        let started = self.now();
        // The files are listed before the manifests: whatever is in the list and named by a commit of before is
        // seen to be.
        let files = self.objects.list(&layout.data_folder()).await?;
        let manifests = self.objects.list(&layout.manifests()).await?;
        let newest = manifests.iter().rfind(|manifest| version_of(&manifest.name).is_some());
        let newest_stored = newest.map_or(Millis::MIN, |manifest| manifest.modified);
        let Some((named, doomed)) = self.named_files(layout, &manifests, old).await? else { return Ok(()) };
        let mut garbage: Vec<Listed> = Vec::new();
        for file in files {
            let key = format!("d/{}", file.name);
            if named.contains(&key) {
                continue;
            }
            let is_old = started.saturating_sub(file.modified) >= retention.grace;
            let is_left_behind = newest_stored.saturating_sub(file.modified) >= MIN_GRACE_MS;
            if doomed.contains(&key) || (is_old && is_left_behind) {
                pruned.files_deleted += 1;
                pruned.bytes_deleted += file.bytes;
                garbage.push(file);
            } else {
                pruned.files_waiting += 1;
                pruned.bytes_waiting += file.bytes;
            }
        }
        if retention.dry_run {
            return Ok(());
        }
        let garbage = garbage.iter().map(|file| layout.data(&format!("d/{}", file.name))).collect();
        self.objects.delete_all(&layout.data_folder(), garbage).await
    }

    /// Deletes what was left half-written of a library's description and snapshots: a few bytes, which no series'
    /// pruning counts.
    fn sweep_library(&self, library: LibraryLayout<'_>, retention: Retention) -> Result<(), Error> {
        let now = self.now();
        let staged = self.objects.staged_in_library(library.0)?;
        let is_old = |staged: &&Staged| now.saturating_sub(staged.modified) >= retention.grace;
        staged.iter().filter(is_old).try_for_each(Staged::delete)
    }

    /// Deletes what killed writers left half-written. Nothing depends on it, so that its age alone counts.
    fn sweep(&self, layout: &SymbolLayout, retention: Retention, pruned: &mut Pruned) -> Result<(), Error> {
        let now = self.now();
        for staged in self.objects.staged(layout.folder())? {
            if now.saturating_sub(staged.modified) < retention.grace {
                pruned.files_waiting += 1;
                pruned.bytes_waiting += staged.bytes;
                continue;
            }
            pruned.files_deleted += 1;
            pruned.bytes_deleted += staged.bytes;
            if !retention.dry_run {
                staged.delete()?;
            }
        }
        Ok(())
    }

    /// Returns the keys of all files that manifests name: those that stay, and those of manifests that go.
    ///
    /// A manifest that cannot be read might name any file. Of one that goes that is nobody's concern: what it names
    /// with others stays, and the rest is garbage like any other. Of a version that may still be read it is an
    /// error. `None`, so that nothing is collected this time, when one waits to go, or when another collector has
    /// deleted one meanwhile: what it named may have been handed on to versions stored since.
    async fn named_files(
        &self,
        layout: &SymbolLayout,
        manifests: &[Listed],
        old: &Old<'_>,
    ) -> Result<Option<(BTreeSet<String>, BTreeSet<String>)>, Error> {
        let numbers: Vec<u64> = manifests.iter().filter_map(|manifest| version_of(&manifest.name)).collect();
        let mut fetched = stream::iter(numbers)
            .map(|number| async move { (number, self.find_manifest(layout, number).await) })
            .buffered(CONCURRENCY);
        let (mut named, mut doomed) = (BTreeSet::new(), BTreeSet::new());
        while let Some((number, found)) = fetched.next().await {
            let goes = old.gone.contains(&number);
            let stored = match found {
                Ok(Some(stored)) => stored,
                Ok(None) | Err(Error::Damaged { .. }) if goes => continue,
                Ok(None) => return Ok(None),
                Err(Error::Damaged { .. }) if number <= old.released && !old.is_held(number) => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            };
            let keys = if goes { &mut doomed } else { &mut named };
            keys.extend(stored.manifest.files.iter().map(|file| file.key.clone()));
        }
        Ok(Some((named, doomed)))
    }
}

/// What becomes of the released versions of a symbol.
struct Old<'a> {
    /// Versions up to this one are released.
    released: u64,
    /// Those that are deleted now.
    gone: BTreeSet<u64>,
    /// Those that snapshots hold.
    held: Option<&'a BTreeSet<u64>>,
}

impl Old<'_> {
    fn is_held(&self, number: u64) -> bool {
        self.held.is_some_and(|held| held.contains(&number))
    }
}

impl Retention {
    /// Keeps the newest versions, this many of them, and deletes a day later.
    #[must_use]
    pub fn newest(versions: u64) -> Self {
        Self { versions: Some(versions), millis: None, grace: GRACE_MS, dry_run: false }
    }

    fn check(&self) -> Result<(), Error> {
        let refuse = |problem: &str| Err(Error::Retention { problem: problem.to_owned() });
        if self.versions.is_none() && self.millis.is_none() {
            return refuse("say how many versions or days to keep");
        }
        if self.versions == Some(0) {
            return refuse("at least one version is kept");
        }
        if self.millis.is_some_and(|millis| millis < 0) {
            return refuse("the time to keep cannot be negative");
        }
        if self.grace < MIN_GRACE_MS {
            return refuse("the grace period is at least one hour");
        }
        Ok(())
    }
}
