//! Checking a whole store: every checksum and every reference.

mod advice;
mod symbol;

use std::fmt;

use futures_util::{StreamExt, stream};
use serde::Serialize;

use super::layout::{CANDLES, LibraryLayout, SymbolLayout};
use super::library::Library;
use super::snapshot::Held;
use super::types::OnProgress;
use super::{CONCURRENCY, Store};
use crate::error::{Damage, Error};
use crate::files::Profile;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong; there is something to know.
    Note,
    /// An old version, or what only speeds things up, is damaged.
    Warning,
    /// The newest version of a series cannot be read as it was written.
    Damage,
}

/// Something that a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The library; `ohlcv` is the one of candles.
    pub library: String,
    /// The store symbol; `None` for what concerns the library.
    pub symbol: Option<String>,
    /// Key of the object below the store's root.
    pub object: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub advice: String,
}

/// What a check of a store found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Checkup {
    /// Series looked at.
    pub symbols: u64,
    /// Manifests read.
    pub versions: u64,
    /// Data files read.
    pub files: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Data files that no version names, and files that killed writers left half-written; `prune` deletes them
    /// when they are old enough.
    pub unreferenced_files: u64,
    /// Bytes of those.
    pub unreferenced_bytes: u64,
    /// How many of those files belong to tables, which are pruned on their own.
    pub unreferenced_in_tables: u64,
    /// Findings, series by series.
    pub findings: Vec<Finding>,
}

impl Checkup {
    /// Returns the worst finding's severity.
    #[must_use]
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}; {}", self.object, self.problem, self.advice)
    }
}

impl Store {
    /// Reads every object of every library once and checks it. Damage is a finding, not an error.
    ///
    /// # Errors
    /// [`Error::Storage`].
    pub async fn fsck(&self, progress: OnProgress<'_>) -> Result<Checkup, Error> {
        let mut checkup = Checkup::default();
        for library in self.library_folders().await? {
            let layout = LibraryLayout(&library);
            let symbols = self.symbols(layout).await?;
            match self.read_library(&library).await {
                Ok(Some(_)) => {}
                Ok(None) => {
                    let advice = self.advise_lost_description(layout, &symbols).await?;
                    checkup.library_damage(layout, &Damage::Missing, advice);
                }
                Err(Error::Damaged { damage, .. }) => {
                    checkup.library_damage(layout, &damage, advice::RESTORE_DESCRIPTION.to_owned());
                    continue;
                }
                Err(error) => return Err(error),
            }
            let total = u64::try_from(symbols.len()).unwrap_or(u64::MAX);
            for (done, symbol) in (1..).zip(&symbols) {
                self.check_symbol(symbol, &mut checkup).await?;
                progress(done, total);
            }
            self.check_snapshots(layout, &mut checkup).await?;
        }
        Ok(checkup)
    }

    /// Says what to do about a description that is gone. That of candles can be told from any version.
    async fn advise_lost_description(
        &self,
        library: LibraryLayout<'_>,
        symbols: &[SymbolLayout],
    ) -> Result<String, Error> {
        let mut profile = None;
        for symbol in symbols.iter().filter(|_| library.0 == CANDLES) {
            match self.head(symbol).await {
                Ok(Some(head)) => profile = Profile::find(&head.manifest.schema.profile),
                Ok(None) | Err(Error::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
            if profile.is_some() {
                break;
            }
        }
        let line = profile.and_then(|profile| serde_json::to_string(&Library::of_candles(profile)).ok());
        Ok(advice::lost_description(line.as_deref()))
    }

    async fn check_snapshots(&self, library: LibraryLayout<'_>, checkup: &mut Checkup) -> Result<(), Error> {
        for (name, generation) in self.live_snapshots(library).await? {
            let object = library.snapshot(&name)?.generation(generation).to_string();
            let advice = advice::delete_snapshot(library, &name);
            let warn = |symbol: Option<&str>, problem: String| Finding {
                severity: Severity::Warning,
                library: library.0.to_owned(),
                symbol: symbol.map(str::to_owned),
                object: object.clone(),
                problem,
                advice: advice.clone(),
            };
            match self.read_snapshot(library, &name, generation).await {
                Ok(Some(snapshot)) => {
                    let mut missing = stream::iter(&snapshot.symbols)
                        .map(|(symbol, held)| self.missing_version(library, &name, symbol, held))
                        .buffered(CONCURRENCY);
                    while let Some(found) = missing.next().await {
                        checkup.findings.extend(found?.map(|(symbol, problem)| warn(Some(symbol), problem)));
                    }
                }
                Ok(None) => {}
                Err(Error::Damaged { damage, .. }) => {
                    checkup.findings.push(warn(None, damage.to_string()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns what is wrong with a version that a snapshot holds, if it cannot be read.
    async fn missing_version<'a>(
        &self,
        library: LibraryLayout<'_>,
        snapshot: &str,
        symbol: &'a str,
        held: &Held,
    ) -> Result<Option<(&'a str, String)>, Error> {
        let layout = SymbolLayout::new(library.0, symbol)?;
        let Err(Error::Damaged { key, damage, .. }) = self.in_snapshot(&layout, snapshot).await else {
            return Ok(None);
        };
        let version = held.version;
        Ok(Some((symbol, format!("names version {version} of {symbol}, but {key} {damage}"))))
    }
}

impl Checkup {
    fn library_damage(&mut self, library: LibraryLayout<'_>, damage: &Damage, advice: String) {
        self.findings.push(Finding {
            severity: Severity::Damage,
            library: library.0.to_owned(),
            symbol: None,
            object: library.description().to_string(),
            problem: damage.to_string(),
            advice,
        });
    }
}
