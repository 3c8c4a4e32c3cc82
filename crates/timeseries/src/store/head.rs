//! Finding versions: the newest one, one by number, one by time.

use object_store::path::Path;
use tradai_domain::{Millis, SeriesKey};

use super::Store;
use super::layout::{SymbolLayout, version_of};
use super::manifest::Manifest;
use super::types::{AsOf, VersionInfo};
use crate::error::{Damage, Error};

/// Versions that a stale hint may lag behind before listing is cheaper than probing one by one.
const MAX_PROBES: u64 = 16;

/// A manifest and its checksum.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) manifest: Manifest,
    pub(crate) hash: String,
}

impl Store {
    /// Returns the newest version, or `None` when the symbol has none.
    ///
    /// The hint may be stale or damaged: it only says where to start. That there is no next version is what
    /// makes a version the newest.
    pub(crate) async fn head(&self, layout: &SymbolLayout) -> Result<Option<Stored>, Error> {
        let mut newest = match self.hint(layout).await? {
            Some(hint) => hint,
            None => match self.newest_listed(layout).await? {
                Some(newest) => newest,
                None => return Ok(None),
            },
        };
        let mut probes = 0;
        while let Some(next) = self.find_manifest(layout, newest.manifest.version + 1).await? {
            newest = next;
            probes += 1;
            if probes == MAX_PROBES {
                newest = self.newest_listed(layout).await?.unwrap_or(newest);
            }
        }
        Ok(Some(newest))
    }

    /// Returns the version asked for, or `None` when the symbol has none at all.
    pub(crate) async fn resolve(&self, layout: &SymbolLayout, as_of: AsOf) -> Result<Option<Stored>, Error> {
        let no_version = |wanted: String, versions| Error::NoVersion {
            symbol: layout.symbol().to_owned(),
            wanted,
            versions,
        };
        match as_of {
            AsOf::Latest => self.head(layout).await,
            AsOf::Version(version) => {
                let found = self.find_manifest(layout, version).await?;
                if found.is_none() {
                    let versions = self.version_numbers(layout).await?;
                    return if versions.is_empty() {
                        Ok(None)
                    } else {
                        Err(no_version(version.to_string(), versions))
                    };
                }
                Ok(found)
            }
            AsOf::Time(at) => {
                let Some(head) = self.head(layout).await? else { return Ok(None) };
                match self.committed_by(layout, head, at).await? {
                    Some(found) => Ok(Some(found)),
                    None => {
                        let wanted = format!("as of {}", tradai_domain::format_utc(at));
                        Err(no_version(wanted, self.version_numbers(layout).await?))
                    }
                }
            }
        }
    }

    /// Returns every version with its commit time, oldest first.
    pub(crate) async fn history(&self, layout: &SymbolLayout) -> Result<Vec<VersionInfo>, Error> {
        let Some(mut stored) = self.head(layout).await? else { return Ok(Vec::new()) };
        let mut newest_first: Vec<VersionInfo> = Vec::new();
        loop {
            newest_first.extend(stored.manifest.history.iter().rev());
            match self.before_history(layout, &stored.manifest).await? {
                Some(earlier) => stored = earlier,
                None => break,
            }
        }
        newest_first.reverse();
        Ok(newest_first)
    }

    /// Walks back in steps of a whole history to the newest version committed at or before `at`.
    async fn committed_by(
        &self,
        layout: &SymbolLayout,
        mut stored: Stored,
        at: Millis,
    ) -> Result<Option<Stored>, Error> {
        loop {
            let hit = stored.manifest.history.iter().rev().find(|version| version.committed <= at);
            if let Some(hit) = hit {
                if hit.version == stored.manifest.version {
                    return Ok(Some(stored));
                }
                return self.find_manifest(layout, hit.version).await;
            }
            match self.before_history(layout, &stored.manifest).await? {
                Some(earlier) => stored = earlier,
                None => return Ok(None),
            }
        }
    }

    /// Returns the version just before the oldest one that a manifest's history names.
    async fn before_history(
        &self,
        layout: &SymbolLayout,
        manifest: &Manifest,
    ) -> Result<Option<Stored>, Error> {
        match manifest.history.first() {
            Some(oldest) if oldest.version > 1 => self.find_manifest(layout, oldest.version - 1).await,
            _ => Ok(None),
        }
    }

    /// Returns the numbers of the versions that are there, oldest first.
    pub(crate) async fn version_numbers(&self, layout: &SymbolLayout) -> Result<Vec<u64>, Error> {
        let names = self.objects.names(&layout.manifests_prefix()).await?;
        Ok(names.iter().filter_map(|name| version_of(name)).collect())
    }

    /// Returns the manifest of a version, or `None` when there is no such version.
    pub(crate) async fn find_manifest(
        &self,
        layout: &SymbolLayout,
        version: u64,
    ) -> Result<Option<Stored>, Error> {
        let path = layout.manifest(version);
        let Some(bytes) = self.objects.get(&path).await? else { return Ok(None) };
        let stored = decode(layout, &bytes).and_then(|stored| {
            let found = stored.manifest.version;
            let foreign = || Damage::Foreign(format!("it is the manifest of version {found}"));
            if found == version { Ok(stored) } else { Err(foreign()) }
        });
        stored.map(Some).map_err(|damage| damaged(&path, damage))
    }

    async fn newest_listed(&self, layout: &SymbolLayout) -> Result<Option<Stored>, Error> {
        match self.version_numbers(layout).await?.last() {
            Some(&version) => self.find_manifest(layout, version).await,
            None => Ok(None),
        }
    }

    /// Returns the copy in `HEAD.json` if it is usable; it is a convenience, so damage is no error.
    async fn hint(&self, layout: &SymbolLayout) -> Result<Option<Stored>, Error> {
        let bytes = self.objects.get(&layout.head()).await?;
        Ok(bytes.and_then(|bytes| decode(layout, &bytes).ok()))
    }
}

fn decode(layout: &SymbolLayout, bytes: &[u8]) -> Result<Stored, Damage> {
    let (manifest, hash) = Manifest::decode(bytes)?;
    if manifest.series.store_symbol() != layout.symbol() {
        return Err(Damage::Foreign(format!("it belongs to {}", manifest.series)));
    }
    Ok(Stored { manifest, hash })
}

/// Returns the error of a damaged object; the readable versions are added where they are asked for.
pub(crate) fn damaged(path: &Path, damage: Damage) -> Error {
    Error::Damaged { key: path.to_string(), damage, readable: Vec::new() }
}

/// Returns the layout of a series.
pub(crate) fn layout_of(key: &SeriesKey) -> Result<SymbolLayout, Error> {
    SymbolLayout::new(&key.store_symbol())
}
