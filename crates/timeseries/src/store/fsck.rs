//! Checking a whole store: every checksum and every reference.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use tradai_domain::{CandleKind, SeriesKey};

use super::data;
use super::head::{Stored, decode_version};
use super::layout::{LibraryLayout, SymbolLayout, version_of};
use super::manifest::FileEntry;
use super::objects::Listed;
use super::snapshot::Held;
use super::staging::Staged;
use super::types::{OnProgress, Op};
use super::{CONCURRENCY, Store};
use crate::error::{Damage, Error};

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
        for library in self.libraries().await? {
            let layout = LibraryLayout(&library);
            if let Err(error) = self.find_library(&library).await {
                checkup.library_damage(layout, error)?;
                continue;
            }
            let symbols = self.symbols(layout).await?;
            let total = u64::try_from(symbols.len()).unwrap_or(u64::MAX);
            for (done, symbol) in (1..).zip(&symbols) {
                self.check_symbol(symbol, &mut checkup).await?;
                progress(done, total);
            }
            self.check_snapshots(layout, &mut checkup).await?;
        }
        Ok(checkup)
    }

    async fn check_symbol(&self, layout: &SymbolLayout, checkup: &mut Checkup) -> Result<(), Error> {
        let names = self.objects.names(&layout.manifests()).await?;
        let released = self.released(layout).await?;
        let files = self.objects.list(&layout.data_folder()).await?;
        let mut check = SymbolCheck { layout, checkup, released, intact: Vec::new(), findings: Vec::new() };
        let numbers: Vec<u64> = names.iter().filter_map(|name| version_of(name)).collect();
        for name in names.iter().filter(|name| version_of(name).is_none()) {
            check.note(format!("{}/{name}", layout.manifests()), "is not ours");
        }
        check.checkup.symbols += 1;
        let (versions, mut broken) = self.check_versions(layout, &numbers, &mut check).await?;
        check.chain(&versions, &broken, numbers.last().copied());
        let wanted = files_of(&versions);
        let found = self.check_files(layout, &wanted, &mut check).await?;
        check.unreferenced(&files, &wanted, &self.objects.staged(layout.folder())?);
        for (&number, stored) in &versions {
            match stored.manifest.files.iter().find_map(|file| Some((file, found.get(&file.key)?))) {
                Some((file, damage)) => {
                    broken.insert(number);
                    check.version(number, layout.data(&file.key).to_string(), damage.to_string());
                }
                // To restore a deletion would be no help.
                None if stored.manifest.is_deleted() => {}
                None => check.intact.push(number),
            }
        }
        check.finish(numbers.last().copied(), versions.values().find_map(|it| it.manifest.series.as_ref()));
        Ok(())
    }

    /// Reads every manifest once; returns those that are intact, and the numbers of the damaged.
    async fn check_versions(
        &self,
        layout: &SymbolLayout,
        numbers: &[u64],
        check: &mut SymbolCheck<'_>,
    ) -> Result<(BTreeMap<u64, Stored>, BTreeSet<u64>), Error> {
        let mut fetched = stream::iter(numbers)
            .map(|&number| async move { (number, self.objects.get(&layout.manifest(number)).await) })
            .buffered(CONCURRENCY);
        let (mut versions, mut broken) = (BTreeMap::new(), BTreeSet::new());
        while let Some((number, bytes)) = fetched.next().await {
            // Where it is gone, a collector was faster.
            let Some(bytes) = bytes? else { continue };
            check.checkup.versions += 1;
            match decode_version(layout, number, &bytes) {
                Ok(stored) => drop(versions.insert(number, stored)),
                Err(damage) => {
                    broken.insert(number);
                    check.version(number, layout.manifest(number).to_string(), damage.to_string());
                }
            }
        }
        Ok((versions, broken))
    }

    /// Reads every data file once; returns what is wrong with those that are damaged.
    async fn check_files(
        &self,
        layout: &SymbolLayout,
        wanted: &BTreeMap<String, FileEntry>,
        check: &mut SymbolCheck<'_>,
    ) -> Result<BTreeMap<String, Damage>, Error> {
        let mut fetched = stream::iter(wanted.values())
            .map(|file| async move { (file, self.objects.get(&layout.data(&file.key)).await) })
            .buffered(CONCURRENCY);
        let mut damages = BTreeMap::new();
        while let Some((file, bytes)) = fetched.next().await {
            let Some(bytes) = bytes? else {
                damages.insert(file.key.clone(), Damage::Missing);
                continue;
            };
            check.checkup.files += 1;
            check.checkup.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            if let Err(damage) = data::check(file, &bytes) {
                damages.insert(file.key.clone(), damage);
            }
        }
        Ok(damages)
    }

    async fn check_snapshots(&self, library: LibraryLayout<'_>, checkup: &mut Checkup) -> Result<(), Error> {
        for name in self.snapshot_names(library).await? {
            let object = library.snapshot(&name)?.to_string();
            let delete = format!("`tradai data snapshot delete {}` forgets it", shell_word(&name));
            let warn = |symbol: Option<&str>, problem: String| Finding {
                severity: Severity::Warning,
                symbol: symbol.map(str::to_owned),
                object: object.clone(),
                problem,
                advice: delete.clone(),
            };
            match self.find_snapshot(library, &name).await {
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
}

impl Store {
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
    fn library_damage(&mut self, library: LibraryLayout<'_>, error: Error) -> Result<(), Error> {
        let Error::Damaged { damage, .. } = error else { return Err(error) };
        self.findings.push(Finding {
            severity: Severity::Damage,
            symbol: None,
            object: library.description().to_string(),
            problem: damage.to_string(),
            advice: "put the original back from a backup; the series below it are intact if nothing else is \
                     found"
                .to_owned(),
        });
        Ok(())
    }
}

/// The check of one symbol on its way.
struct SymbolCheck<'a> {
    layout: &'a SymbolLayout,
    checkup: &'a mut Checkup,
    released: u64,
    /// Versions that can be read as they were written.
    intact: Vec<u64>,
    /// Version (0 for none), object, problem.
    findings: Vec<(u64, String, String)>,
}

impl SymbolCheck<'_> {
    fn version(&mut self, number: u64, object: String, problem: String) {
        self.findings.push((number, object, problem));
    }

    fn note(&mut self, object: String, problem: &str) {
        self.checkup.findings.push(Finding {
            severity: Severity::Note,
            symbol: Some(self.layout.symbol().to_owned()),
            object,
            problem: problem.to_owned(),
            advice: "the store never reads it; move it away if you put it there".to_owned(),
        });
    }

    /// Checks that each version names the one before it, and that none is missing between two.
    fn chain(&mut self, versions: &BTreeMap<u64, Stored>, broken: &BTreeSet<u64>, newest: Option<u64>) {
        for number in self.released + 1..=newest.unwrap_or(0) {
            if !versions.contains_key(&number) && !broken.contains(&number) {
                self.version(number, self.layout.manifest(number).to_string(), "is missing".to_owned());
            }
        }
        for (&number, stored) in versions {
            let Some(parent) = stored.manifest.parent.as_ref() else { continue };
            let follows = stored.manifest.op == Op::Restore || parent.version + 1 == number;
            let known = versions.get(&parent.version).filter(|_| parent.version > self.released);
            if !follows || known.is_some_and(|known| known.hash != parent.blake3) {
                let problem = format!("does not follow the version {} that is stored", parent.version);
                self.version(number, self.layout.manifest(number).to_string(), problem);
            }
        }
    }

    fn unreferenced(&mut self, files: &[Listed], wanted: &BTreeMap<String, FileEntry>, staged: &[Staged]) {
        let unnamed = files.iter().filter(|file| !wanted.contains_key(&format!("d/{}", file.name)));
        for bytes in unnamed.map(|file| file.bytes).chain(staged.iter().map(|staged| staged.bytes)) {
            self.checkup.unreferenced_files += 1;
            self.checkup.unreferenced_bytes += bytes;
        }
    }

    /// Turns what was found into findings, with advice that depends on what is intact.
    fn finish(self, newest: Option<u64>, series: Option<&SeriesKey>) {
        let symbol = self.layout.symbol();
        let good = self.intact.iter().rev().find(|&&number| number > self.released);
        for (number, object, problem) in self.findings {
            let is_newest = Some(number) == newest;
            let advice = match (is_newest, good) {
                (true, Some(&good)) => format!(
                    "version {good} is the newest intact one: {}, then bring what came later once more",
                    restore_advice(series, good)
                ),
                (true, None) => {
                    "no version is intact: bring the series again by `tradai data import --replace`"
                        .to_owned()
                }
                (false, _) => "newer versions do not need it; nothing has to be done".to_owned(),
            };
            let severity = if is_newest { Severity::Damage } else { Severity::Warning };
            let symbol = Some(symbol.to_owned());
            self.checkup.findings.push(Finding { severity, symbol, object, problem, advice });
        }
    }
}

/// Says how to restore a version; tables are not the command line's.
fn restore_advice(series: Option<&SeriesKey>, version: u64) -> String {
    let Some(key) = series else { return "restore it".to_owned() };
    let is_traded = CandleKind::traded(&key.symbol) == key.kind;
    let kind = if is_traded { String::new() } else { format!(" --kind {}", key.kind) };
    let (symbol, timeframe) = (&key.symbol, key.timeframe);
    format!("`tradai data restore {symbol} {timeframe}{kind} --version {version}` makes it the newest again")
}

/// Writes a name as one word of a shell's command line.
fn shell_word(name: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'+');
    if name.bytes().all(is_plain) { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

fn files_of(versions: &BTreeMap<u64, Stored>) -> BTreeMap<String, FileEntry> {
    let files = versions.values().flat_map(|stored| &stored.manifest.files);
    files.map(|file| (file.key.clone(), file.clone())).collect()
}
