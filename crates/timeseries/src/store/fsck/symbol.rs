//! The check of one symbol: its boundaries, manifests, data files and hint, and how they fit together.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use tradai_domain::SeriesKey;

use super::super::data;
use super::super::gaps::Gaps;
use super::super::head::{Stored, decode_version};
use super::super::layout::{CANDLES, SymbolLayout, version_of};
use super::super::manifest::{FileEntry, Manifest, Parent};
use super::super::objects::Listed;
use super::super::staging::Staged;
use super::super::{CONCURRENCY, Store};
use super::{Checkup, Finding, Severity, advice};
use crate::error::{Damage, Error};

/// The check of one symbol on its way.
struct SymbolCheck<'a> {
    layout: &'a SymbolLayout,
    checkup: &'a mut Checkup,
    /// The newest version, intact or not.
    newest: Option<u64>,
    /// Versions up to this one are released.
    released: u64,
    /// Those whose manifest is intact, or has an intact copy.
    versions: BTreeMap<u64, Known>,
    /// Those whose manifest is not.
    broken: BTreeMap<u64, Damage>,
    /// Which candles these are.
    series: Option<SeriesKey>,
    files: Files,
    problems: Vec<Problem>,
}

/// What the check needs to know of a version, of which there may be many.
struct Known {
    hash: String,
    parent: Option<Parent>,
    is_deleted: bool,
    /// Their numbers in [`Files`].
    files: Vec<usize>,
}

/// The data files that versions name, each once.
#[derive(Default)]
struct Files {
    entries: Vec<FileEntry>,
    /// By key and checksum: two manifests that disagree about a file name two.
    numbers: BTreeMap<(String, String), usize>,
}

struct Problem {
    /// The version that it concerns.
    number: Option<u64>,
    object: String,
    problem: String,
    /// What to do about it and how bad it is, where that does not follow from which versions are intact.
    advice: Option<(Severity, String)>,
}

impl Store {
    pub(super) async fn check_symbol(
        &self,
        layout: &SymbolLayout,
        checkup: &mut Checkup,
    ) -> Result<(), Error> {
        // Whoever leaves a hint or a boundary has seen the version that it is about: those are listed last.
        let hint = self.hint(layout).await?;
        let boundaries = self.objects.names(&layout.boundaries()).await?;
        let stored_files = self.objects.list(&layout.data_folder()).await?;
        let names = self.objects.names(&layout.manifests()).await?;
        let mut check = SymbolCheck::of(layout, checkup);
        let numbers = check.numbers(layout.manifests().as_ref(), &names);
        let boundaries = check.numbers(layout.boundaries().as_ref(), &boundaries);
        check.newest = numbers.last().copied().max(hint.as_ref().map(|hint| hint.manifest.version));
        let is_below = |number: &&u64| Some(**number) < check.newest;
        check.released = boundaries.iter().rfind(is_below).copied().unwrap_or(0);
        self.check_boundaries(&boundaries, &mut check).await?;
        self.check_versions(&numbers, &mut check).await?;
        check.lost(hint);
        check.chain();
        let damages = self.check_files(&mut check).await?;
        check.unreferenced(&stored_files, &self.objects.staged(layout.folder())?);
        check.finish(&damages);
        Ok(())
    }

    async fn check_boundaries(&self, numbers: &[u64], check: &mut SymbolCheck<'_>) -> Result<(), Error> {
        for &number in numbers {
            let layout = check.layout;
            let damage = match self.check_boundary(layout, number).await {
                Ok(()) => None,
                Err(Error::Damaged { damage, .. }) => Some(damage),
                Err(error) => return Err(error),
            };
            let object = layout.boundary(number).to_string();
            let (problem, advice) = match (Some(number) < check.newest, damage) {
                (true, None) => continue,
                (true, Some(damage)) => {
                    (damage.to_string(), (Severity::Warning, advice::foreign_boundary(number)))
                }
                (false, _) => (
                    format!(
                        "says that all versions up to {number} are released, and there is none after them"
                    ),
                    (Severity::Damage, advice::false_boundary(check.newest)),
                ),
            };
            check.problems.push(Problem { number: None, object, problem, advice: Some(advice) });
        }
        Ok(())
    }

    /// Reads every manifest once.
    async fn check_versions(&self, numbers: &[u64], check: &mut SymbolCheck<'_>) -> Result<(), Error> {
        let layout = check.layout;
        let mut fetched = stream::iter(numbers)
            .map(|&number| async move { (number, self.objects.get(&layout.manifest(number)).await) })
            .buffered(CONCURRENCY);
        while let Some((number, bytes)) = fetched.next().await {
            let decoded = match bytes {
                Ok(Some(bytes)) => decode_version(layout, number, &bytes),
                // A collector was faster.
                Ok(None) => continue,
                Err(Error::Damaged { damage, .. }) => Err(damage),
                Err(error) => return Err(error),
            };
            check.checkup.versions += 1;
            match decoded {
                Ok(stored) => check.know(stored),
                Err(damage) => drop(check.broken.insert(number, damage)),
            }
        }
        Ok(())
    }

    /// Reads every data file once; returns what is wrong with those that are damaged.
    async fn check_files(&self, check: &mut SymbolCheck<'_>) -> Result<BTreeMap<usize, Damage>, Error> {
        let SymbolCheck { layout, checkup, files, .. } = check;
        let layout: &SymbolLayout = layout;
        let mut fetched = stream::iter(files.entries.iter().enumerate())
            .map(|(number, file)| async move { (number, self.fetch(layout, file).await) })
            .buffered(CONCURRENCY);
        let mut damages = BTreeMap::new();
        while let Some((number, found)) = fetched.next().await {
            let damage = match found {
                Ok((file, bytes)) => {
                    checkup.bytes += data::len_u64(bytes.len());
                    data::check(file, &bytes).err()
                }
                Err(Error::Damaged { damage, .. }) => Some(damage),
                Err(error) => return Err(error),
            };
            checkup.files += u64::from(damage != Some(Damage::Missing));
            damages.extend(damage.map(|damage| (number, damage)));
        }
        Ok(damages)
    }
}

impl<'a> SymbolCheck<'a> {
    fn of(layout: &'a SymbolLayout, checkup: &'a mut Checkup) -> Self {
        checkup.symbols += 1;
        Self {
            layout,
            checkup,
            newest: None,
            released: 0,
            versions: BTreeMap::new(),
            broken: BTreeMap::new(),
            series: None,
            files: Files::default(),
            problems: Vec::new(),
        }
    }

    /// Returns the numbers that objects of a folder have, and notes those that have none.
    fn numbers(&mut self, folder: &str, names: &[String]) -> Vec<u64> {
        for name in names.iter().filter(|name| version_of(name).is_none()) {
            self.checkup.findings.push(Finding {
                severity: Severity::Note,
                library: self.layout.library().0.to_owned(),
                symbol: Some(self.layout.symbol().to_owned()),
                object: format!("{folder}/{name}"),
                problem: "is not ours".to_owned(),
                advice: "the store never reads it; move it away if you put it there".to_owned(),
            });
        }
        names.iter().filter_map(|name| version_of(name)).collect()
    }

    /// Takes what is needed of a manifest.
    fn know(&mut self, stored: Stored) {
        let Stored { manifest, hash } = stored;
        let is_deleted = manifest.is_deleted();
        let Manifest { version, parent, series, files, .. } = manifest;
        let files = files.into_iter().map(|file| self.files.number(file)).collect();
        self.series = series.or(self.series.take());
        self.versions.insert(version, Known { hash, parent, is_deleted, files });
    }

    fn about(&mut self, number: u64, problem: String, advice: Option<(Severity, String)>) {
        let object = self.layout.manifest(number).to_string();
        self.problems.push(Problem { number: Some(number), object, problem, advice });
    }

    /// Tells of damaged manifests, and of the one that only the hint still has a copy of.
    fn lost(&mut self, hint: Option<Stored>) {
        let is_lost = |hint: &Stored| {
            let number = hint.manifest.version;
            number > self.released && !self.versions.contains_key(&number)
        };
        let copied = hint.filter(is_lost).map(|hint| {
            let number = hint.manifest.version;
            self.know(hint);
            number
        });
        if let Some(number) = copied {
            let damage = self.broken.remove(&number).unwrap_or(Damage::Missing);
            let is_newest = Some(number) == self.newest;
            let severity = if is_newest { Severity::Damage } else { Severity::Warning };
            let advice = advice::copy_back(self.layout, number);
            self.about(number, damage.to_string(), Some((severity, advice)));
        }
        let broken: Vec<(u64, String)> =
            self.broken.iter().map(|(&number, damage)| (number, damage.to_string())).collect();
        for (number, problem) in broken {
            self.about(number, problem, None);
        }
    }

    /// Checks that each version names the one before it, and that none is missing between two.
    fn chain(&mut self) {
        let mut there: Vec<u64> = self.versions.keys().chain(self.broken.keys()).copied().collect();
        there.retain(|&number| number > self.released);
        there.sort_unstable();
        let mut expected = self.released + 1;
        for number in there {
            if expected < number {
                let rest = match number - 1 {
                    last if last == expected => String::new(),
                    last => format!(", and so are all up to version {last}"),
                };
                self.about(expected, format!("is missing{rest}"), None);
            }
            expected = number + 1;
        }
        let strays: Vec<(u64, u64)> = self.versions.iter().filter_map(|it| self.strays(it)).collect();
        for (number, parent) in strays {
            self.about(number, format!("does not follow the version {parent} that is stored"), None);
        }
    }

    /// Returns the number of a version and of the one that it says it follows, if it does not. What it follows is
    /// the newest intact version before it that was not released.
    fn strays(&self, (&number, known): (&u64, &Known)) -> Option<(u64, u64)> {
        let parent = known.parent.as_ref()?;
        let next = parent.version.max(self.released).saturating_add(1);
        let skips = next < number && self.versions.range(next..number).next().is_some();
        let stored = self.versions.get(&parent.version).filter(|_| parent.version > self.released);
        let is_other = stored.is_some_and(|stored| stored.hash != parent.blake3);
        (parent.version >= number || skips || is_other).then_some((number, parent.version))
    }

    fn unreferenced(&mut self, stored: &[Listed], staged: &[Staged]) {
        let unnamed = stored.iter().filter(|file| !self.files.has(&format!("d/{}", file.name)));
        for bytes in unnamed.map(|file| file.bytes).chain(staged.iter().map(|staged| staged.bytes)) {
            self.checkup.unreferenced_files += 1;
            self.checkup.unreferenced_bytes += bytes;
            self.checkup.unreferenced_in_tables += u64::from(self.layout.library().0 != CANDLES);
        }
    }

    /// Turns what was found into findings, with advice that depends on what is intact.
    fn finish(mut self, damages: &BTreeMap<usize, Damage>) {
        let mut good = None;
        for (&number, known) in &self.versions {
            match known.files.iter().find_map(|file| Some((*file, damages.get(file)?))) {
                Some((file, damage)) => self.problems.push(Problem {
                    number: Some(number),
                    object: self.layout.data(&self.files.entries[file].key).to_string(),
                    problem: damage.to_string(),
                    advice: None,
                }),
                // To restore a deletion would be no help.
                None if known.is_deleted || number <= self.released => {}
                None => good = Some(number),
            }
        }
        for Problem { number, object, problem, advice } in self.problems {
            let (severity, advice) = match (advice, number.is_some() && number == self.newest, good) {
                (Some(given), ..) => given,
                (None, true, Some(good)) => (Severity::Damage, advice::restore(self.series.as_ref(), good)),
                (None, true, None) => (Severity::Damage, advice::write_anew(self.layout)),
                (None, false, _) => (Severity::Warning, advice::NOTHING.to_owned()),
            };
            let library = self.layout.library().0.to_owned();
            let symbol = Some(self.layout.symbol().to_owned());
            self.checkup.findings.push(Finding { severity, library, symbol, object, problem, advice });
        }
    }
}

impl Files {
    /// Returns the number of a file, of which only name, size and checksum are kept.
    fn number(&mut self, file: FileEntry) -> usize {
        let next = self.entries.len();
        let number = *self.numbers.entry((file.key.clone(), file.blake3.clone())).or_insert(next);
        if number == next {
            self.entries.push(FileEntry { columns: Vec::new(), gaps: Gaps::default(), ..file });
        }
        number
    }

    fn has(&self, key: &str) -> bool {
        let from = (key.to_owned(), String::new());
        self.numbers.range(from..).next().is_some_and(|((found, _), _)| found == key)
    }
}
