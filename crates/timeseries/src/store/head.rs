//! Finding versions: the newest one, one by number, by time or by snapshot.
//!
//! The newest version is the one that no version follows. Where to look comes from memory or from the hint
//! `HEAD.json`, both of which may be old; so old that a collector has deleted what followed. A remembered
//! manifest is therefore used only while it is young ([`super::cache::TRUST_MS`]), and a hint only when it is
//! newer than every version that a collector released.

use std::sync::Arc;

use futures_util::future::{join, try_join};
use object_store::path::Path;
use tradai_domain::{Millis, SeriesKey, format_utc};

use super::Store;
use super::cache::is_recent;
use super::layout::{CANDLES, SymbolLayout, version_of};
use super::manifest::{Manifest, Past};
use super::types::{AsOf, VersionInfo};
use crate::error::{Damage, Error};

/// Versions that a stale hint may lag behind before listing is cheaper than probing one by one.
const MAX_PROBES: u64 = 16;

/// Listings made before concluding that the newest manifest is gone: each time, a collector would have had to
/// release the version that was the newest a moment ago.
const MAX_LISTINGS: u32 = 3;

/// A manifest and its checksum.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    pub(crate) manifest: Manifest,
    pub(crate) hash: String,
}

/// A manifest that may be the newest.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) stored: Arc<Stored>,
    /// When it was certain that no collector had released it; `None` when it comes from `HEAD.json`, of
    /// unknown age.
    certain_at: Option<Millis>,
}

/// What the storage says of a candidate.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// No version follows it.
    Newest,
    /// This one does.
    Followed(Candidate),
    /// It is too old to tell.
    Unknown,
}

impl Store {
    /// Returns a manifest that may be the newest, without asking whether it is.
    pub(crate) async fn candidate(&self, layout: &SymbolLayout) -> Result<Option<Candidate>, Error> {
        if let Some((stored, at)) = self.cache.head(layout, self.now()) {
            return Ok(Some(Candidate { stored, certain_at: Some(at) }));
        }
        let hint = self.hint(layout).await?;
        Ok(hint.map(|stored| Candidate { stored: Arc::new(stored), certain_at: None }))
    }

    /// Returns the manifest that the hint is a copy of. The hint is a convenience, so that damage to it is no
    /// error.
    pub(crate) async fn hint(&self, layout: &SymbolLayout) -> Result<Option<Stored>, Error> {
        match self.objects.get(&layout.head()).await {
            Ok(bytes) => Ok(bytes.and_then(|bytes| decode(layout, &bytes).ok())),
            Err(Error::Damaged { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Asks whether a candidate is the newest version.
    ///
    /// That nothing follows it tells so only while a collector cannot have released it and deleted what
    /// followed: for [`super::cache::TRUST_MS`] since it was certain not to be released, however many versions
    /// were probed on the way.
    pub(crate) async fn judge(&self, layout: &SymbolLayout, candidate: &Candidate) -> Result<Verdict, Error> {
        let started = self.now();
        let version = candidate.stored.manifest.version;
        let next = self.find_manifest(layout, version + 1);
        let (next, certain_at) = match candidate.certain_at {
            Some(certain_at) => (next.await?, certain_at),
            None => {
                let (next, released) = join(next, self.released(layout)).await;
                if released? >= version {
                    return Ok(Verdict::Unknown);
                }
                (next?, started)
            }
        };
        if !is_recent(certain_at, self.now()) {
            return Ok(Verdict::Unknown);
        }
        let Some(next) = next else {
            self.cache.note_head(layout, &candidate.stored, started);
            return Ok(Verdict::Newest);
        };
        Ok(Verdict::Followed(Candidate { stored: next, certain_at: Some(certain_at) }))
    }

    /// Returns the newest version, or `None` when the symbol never had one. It may be a deletion.
    pub(crate) async fn head(&self, layout: &SymbolLayout) -> Result<Option<Arc<Stored>>, Error> {
        let Some(mut candidate) = self.candidate(layout).await? else {
            return self.listed_head(layout).await;
        };
        for _ in 0..MAX_PROBES {
            match self.judge(layout, &candidate).await? {
                Verdict::Newest => return Ok(Some(candidate.stored)),
                Verdict::Followed(next) => candidate = next,
                Verdict::Unknown => break,
            }
        }
        self.listed_head(layout).await
    }

    /// Finds the newest version by listing all.
    async fn listed_head(&self, layout: &SymbolLayout) -> Result<Option<Arc<Stored>>, Error> {
        self.cache.forget(layout);
        let mut missing = 0;
        for _ in 0..MAX_LISTINGS {
            let started = self.now();
            let Some(newest) = self.newest_number(layout).await? else { return Ok(None) };
            // After a long sleep the number may be another version's, stored by a writer that slept longer.
            if let Some(stored) = self.find_manifest(layout, newest).await?
                && (is_recent(started, self.now()) || self.released(layout).await? < newest)
            {
                self.cache.note_head(layout, &stored, started);
                return Ok(Some(stored));
            }
            missing = newest;
        }
        Err(damaged(&layout.manifest(missing), Damage::Missing))
    }

    /// Returns the number of the newest version, whether its manifest is intact or not.
    pub(crate) async fn newest_number(&self, layout: &SymbolLayout) -> Result<Option<u64>, Error> {
        // Asked before the listing: a version is released only when a newer one is there.
        let released = self.released(layout).await?;
        match self.version_numbers(layout).await?.last() {
            Some(&newest) if newest > released => Ok(Some(newest)),
            None if released == 0 => Ok(None),
            _ => Err(damaged(&layout.manifest(released + 1), Damage::Missing)),
        }
    }

    /// Returns the newest version before a damaged one that is intact, or `None` when none is.
    pub(crate) async fn newest_intact(&self, layout: &SymbolLayout) -> Result<Option<Arc<Stored>>, Error> {
        for number in self.version_numbers(layout).await?.into_iter().rev() {
            match self.live_version(layout, number).await {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Returns the newest version that a collector has released, 0 when there is none. It and all before it
    /// are readable only through snapshots, and their numbers mean nothing else any more.
    pub(crate) async fn released(&self, layout: &SymbolLayout) -> Result<u64, Error> {
        let names = self.objects.names(&layout.boundaries()).await?;
        Ok(names.iter().filter_map(|name| version_of(name)).max().unwrap_or(0))
    }

    /// Returns the version asked for, or `None` when there is no such series in it.
    pub(crate) async fn resolve(
        &self,
        layout: &SymbolLayout,
        as_of: &AsOf,
    ) -> Result<Option<Arc<Stored>>, Error> {
        let found = match as_of {
            AsOf::Latest => self.head(layout).await?,
            AsOf::Version(version) => match self.live_version(layout, *version).await? {
                Some(found) => Some(found),
                None if self.newest_number(layout).await?.is_none() => None,
                None => return Err(self.no_version(layout, version.to_string()).await?),
            },
            AsOf::Time(at) => {
                let Some(head) = self.head(layout).await? else { return Ok(None) };
                match self.committed_by(layout, head, *at).await? {
                    Some(found) => Some(found),
                    None => {
                        let wanted = format!("as of {}", format_utc(*at));
                        return Err(self.no_version(layout, wanted).await?);
                    }
                }
            }
            AsOf::Snapshot(name) => self.in_snapshot(layout, name).await?,
        };
        Ok(found.filter(|found| !found.manifest.is_deleted()))
    }

    /// Returns a version by number unless it is gone: absent, or released and in no snapshot.
    pub(crate) async fn live_version(
        &self,
        layout: &SymbolLayout,
        version: u64,
    ) -> Result<Option<Arc<Stored>>, Error> {
        let started = self.now();
        let (found, mut released) =
            try_join(self.find_manifest(layout, version), self.released(layout)).await?;
        let Some(found) = found.filter(|_| version > 0) else { return Ok(None) };
        if !is_recent(started, self.now()) {
            // The manifest may have been found long after the boundary was: ask in this order.
            released = self.released(layout).await?;
        }
        if version > released {
            return Ok(Some(found));
        }
        // A number that was released may have been taken again by a writer that slept meanwhile; what a
        // snapshot holds is told from that by its checksum.
        let held = self.held_versions(layout).await?;
        Ok(held.get(&version).is_some_and(|hash| *hash == found.hash).then_some(found))
    }

    /// Returns every version that can be read, with its commit time, oldest first.
    pub(crate) async fn history(&self, layout: &SymbolLayout) -> Result<Vec<VersionInfo>, Error> {
        let Some(mut head) = self.head(layout).await? else { return Ok(Vec::new()) };
        let mut numbers = self.readable_numbers(layout).await?;
        for _ in 0..MAX_LISTINGS {
            if numbers.contains(&head.manifest.version) {
                break;
            }
            // It was released between the two questions, or somebody took the store away.
            self.cache.forget(layout);
            let Some(later) = self.head(layout).await? else { return Ok(Vec::new()) };
            head = later;
            numbers = self.readable_numbers(layout).await?;
        }
        let newest = head.manifest.version;
        numbers.retain(|&number| number <= newest);
        let known = self.past(layout, head, numbers.first().copied().unwrap_or(newest)).await?;
        let mut versions = Vec::new();
        for number in numbers {
            match known.iter().find(|past| past.version == number) {
                Some(past) => versions.push(past.info()),
                None => {
                    let found = self.live_version(layout, number).await?;
                    versions.extend(found.and_then(|found| found.manifest.history.last().map(Past::info)));
                }
            }
        }
        Ok(versions)
    }

    /// Returns what is remembered of the versions from `oldest` on, as far as memory reaches. Manifests that may
    /// have come too late to be versions are not asked.
    pub(crate) async fn past(
        &self,
        layout: &SymbolLayout,
        head: Arc<Stored>,
        oldest: u64,
    ) -> Result<Vec<Past>, Error> {
        let mut known: Vec<Past> = head.manifest.history.clone();
        while let Some(first) = known.first().map(|past| past.version).filter(|&first| first > oldest) {
            let Some(earlier) = self.live_version(layout, first - 1).await? else { break };
            let mut all = earlier.manifest.history.clone();
            all.append(&mut known);
            known = all;
        }
        Ok(known)
    }

    /// Returns the newest version committed at or before `at`.
    async fn committed_by(
        &self,
        layout: &SymbolLayout,
        head: Arc<Stored>,
        at: Millis,
    ) -> Result<Option<Arc<Stored>>, Error> {
        let mut stored = head;
        loop {
            let hit = stored.manifest.history.iter().rev().find(|past| past.committed <= at);
            if let Some(version) = hit.map(|past| past.version) {
                if version == stored.manifest.version {
                    return Ok(Some(stored));
                }
                return self.live_version(layout, version).await;
            }
            let before = match stored.manifest.history.first() {
                Some(oldest) if oldest.version > 1 => oldest.version - 1,
                _ => return Ok(None),
            };
            match self.live_version(layout, before).await? {
                Some(earlier) => stored = earlier,
                None => return Ok(None),
            }
        }
    }

    /// Returns the numbers of the manifests that are there, oldest first.
    pub(crate) async fn version_numbers(&self, layout: &SymbolLayout) -> Result<Vec<u64>, Error> {
        let names = self.objects.names(&layout.manifests()).await?;
        Ok(names.iter().filter_map(|name| version_of(name)).collect())
    }

    /// Returns the numbers of the versions that may be read: not released, or in a snapshot.
    pub(crate) async fn readable_numbers(&self, layout: &SymbolLayout) -> Result<Vec<u64>, Error> {
        let numbers = self.version_numbers(layout).await?;
        let released = self.released(layout).await?;
        if numbers.first().is_none_or(|&first| first > released) {
            return Ok(numbers);
        }
        let held = self.held_versions(layout).await?;
        Ok(numbers.into_iter().filter(|number| *number > released || held.contains_key(number)).collect())
    }

    /// Returns the error for a version that is not there, with those that are.
    async fn no_version(&self, layout: &SymbolLayout, wanted: String) -> Result<Error, Error> {
        let versions = self.readable_numbers(layout).await?;
        Ok(Error::NoVersion { symbol: layout.symbol().to_owned(), wanted, versions })
    }

    /// Returns the manifest of a number, or `None` when there is none.
    pub(crate) async fn find_manifest(
        &self,
        layout: &SymbolLayout,
        version: u64,
    ) -> Result<Option<Arc<Stored>>, Error> {
        let path = layout.manifest(version);
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(None) };
        match decode_version(layout, version, &bytes) {
            Ok(stored) => Ok(Some(Arc::new(stored))),
            Err(damage) => Err(damaged(&path, damage)),
        }
    }
}

/// Decodes the manifest of a version of a symbol.
pub(crate) fn decode_version(layout: &SymbolLayout, version: u64, bytes: &[u8]) -> Result<Stored, Damage> {
    let stored = decode(layout, bytes)?;
    let found = stored.manifest.version;
    if found == version {
        Ok(stored)
    } else {
        Err(Damage::Foreign(format!("it is the manifest of version {found}")))
    }
}

fn decode(layout: &SymbolLayout, bytes: &[u8]) -> Result<Stored, Damage> {
    let (manifest, hash) = Manifest::decode(bytes)?;
    if manifest.symbol != layout.symbol() {
        return Err(Damage::Foreign(format!("it belongs to {}", manifest.symbol)));
    }
    Ok(Stored { manifest, hash })
}

/// Returns the error of a damaged object; the readable versions are added where they are asked for.
pub(crate) fn damaged(path: &Path, damage: Damage) -> Error {
    Error::Damaged { key: path.to_string(), damage, readable: Vec::new() }
}

/// Returns the layout of a series of candles.
pub(crate) fn layout_of(key: &SeriesKey) -> Result<SymbolLayout, Error> {
    SymbolLayout::new(CANDLES, &key.store_symbol())
}
