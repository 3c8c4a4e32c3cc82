//! What truly happened, as only the storage knows, and the laws that it must obey.
//!
//! The manifests that were created in the order of their numbers are the versions, and the operations that
//! created them are the order in which operations took effect. Everything that callers are told is held against
//! that.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use tradai_domain::Millis;

use crate::disk::{Action, Answer, Disk};
use crate::model::{Change, Effect, Series};

/// The task of operations that no task does.
pub(crate) const NOBODY: usize = usize::MAX;

/// One version.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) series: Series,
    pub(crate) committed: Millis,
    files: Vec<String>,
}

/// One symbol.
#[derive(Debug, Clone)]
pub(crate) struct Symbol {
    /// The folder, with a slash at its end.
    pub(crate) folder: String,
    /// The versions, of which the first has number 1.
    pub(crate) versions: Vec<Version>,
    /// Versions up to this one are released.
    pub(crate) released: u64,
}

/// Something that a task asked of the store.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) task: usize,
    /// The change and the symbol that it is for.
    pub(crate) change: Option<(usize, Change)>,
    /// For collectors: how many versions they keep.
    keeps: Option<u64>,
    /// The newest version of each symbol when it began.
    pub(crate) newest: Vec<u64>,
    /// The version that it made.
    committed: Option<u64>,
}

/// The versions of symbols.
pub(crate) type Held = BTreeMap<usize, u64>;

/// An acknowledged snapshot.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) versions: Held,
    /// Whether somebody has begun to delete it, or had not ended deleting one of its name when it was begun.
    pub(crate) doomed: bool,
    /// Operations begun before it was acknowledged.
    pub(crate) since: usize,
}

/// A deletion of a snapshot. What it has sent may take effect later; it is meant for what was there until it ended.
#[derive(Debug, Clone, Hash)]
struct Deletion {
    name: String,
    task: usize,
    /// Operations begun before it ended.
    ended: Option<usize>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) symbols: Vec<Symbol>,
    pub(crate) operations: Vec<Operation>,
    /// The newest acknowledged one of each name.
    pub(crate) snapshots: BTreeMap<String, Snapshot>,
    /// Every snapshot that was stored under a name, acknowledged or not.
    pub(crate) stored: BTreeMap<String, Vec<Held>>,
    deletions: Vec<Deletion>,
    /// The first law that was broken.
    pub(crate) violation: Option<String>,
    /// Versions whose rows were not looked at yet.
    pub(crate) unread: Vec<(usize, u64)>,
    pub(crate) stale: u64,
    pub(crate) collected: u64,
    pub(crate) files_deleted: u64,
}

impl Symbol {
    pub(crate) fn newest(&self) -> u64 {
        self.versions.len() as u64
    }

    /// Returns the series of a version, `None` when there never was such a version.
    pub(crate) fn series(&self, number: u64) -> Option<Series> {
        Some(self.version(number)?.series.clone())
    }

    pub(crate) fn version(&self, number: u64) -> Option<&Version> {
        self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// Returns the newest of the first `newest` versions that was committed at or before `at`.
    pub(crate) fn committed_by(&self, newest: u64, at: Millis) -> u64 {
        (1..=newest).rev().find(|&n| self.version(n).is_some_and(|v| v.committed <= at)).unwrap_or(0)
    }
}

impl History {
    pub(crate) fn new(symbols: &[String]) -> Self {
        let symbols = symbols.iter().map(|symbol| Symbol {
            folder: format!("ohlcv/sym/{symbol}/"),
            versions: Vec::new(),
            released: 0,
        });
        Self { symbols: symbols.collect(), ..Self::default() }
    }

    /// Returns a number that tells apart which operations made which versions.
    pub(crate) fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        // In whatever order they began.
        let operations = self.operations.iter().map(|operation| {
            let mut hasher = DefaultHasher::new();
            (operation.task, operation.committed, &operation.newest, &operation.change).hash(&mut hasher);
            hasher.finish()
        });
        operations.fold(0, u64::wrapping_add).hash(&mut hasher);
        for (name, snapshot) in &self.snapshots {
            (name, &snapshot.versions, snapshot.doomed).hash(&mut hasher);
        }
        (&self.stored, &self.deletions).hash(&mut hasher);
        hasher.finish()
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn begin(
        &mut self,
        task: usize,
        change: Option<(usize, Change)>,
        keeps: Option<u64>,
    ) -> usize {
        let newest = self.symbols.iter().map(Symbol::newest).collect();
        self.operations.push(Operation { task, change, keeps, newest, committed: None });
        self.operations.len() - 1
    }

    /// A task begins to delete a snapshot.
    pub(crate) fn begin_deletion(&mut self, task: usize, name: &str) {
        self.snapshots.entry(name.to_owned()).and_modify(|snapshot| snapshot.doomed = true);
        self.deletions.push(Deletion { name: name.to_owned(), task, ended: None });
    }

    /// A task ends what it deletes, if it does: it is told something, or it dies.
    pub(crate) fn end_deletion(&mut self, task: usize) {
        let begun = self.operations.len();
        let own = self.deletions.iter_mut().filter(|deletion| deletion.task == task);
        own.for_each(|deletion| deletion.ended = deletion.ended.or(Some(begun)));
    }

    /// A task is told that it took a snapshot.
    pub(crate) fn took_snapshot(&mut self, operation: usize, name: String, versions: Held) {
        // A deletion that ended before knows nothing of it.
        let overlaps = |deletion: &&Deletion| deletion.ended.is_none_or(|ended| ended > operation);
        let doomed = self.deletions.iter().filter(overlaps).any(|deletion| deletion.name == name);
        if self.snapshots.get(&name).is_some_and(|snapshot| !snapshot.doomed) {
            self.violate(format!("the snapshot {name} was taken twice"));
        }
        let since = self.operations.len();
        self.snapshots.insert(name, Snapshot { versions, doomed, since });
    }

    /// Notes what is stored under a snapshot's name.
    fn stored_snapshot(&mut self, object: &str, bytes: &Bytes) {
        let Some((name, _)) = object.split_once('/') else { return };
        let text = String::from_utf8_lossy(bytes);
        let held = self.symbols.iter().enumerate().filter_map(|(number, symbol)| {
            let symbol = symbol.folder.trim_end_matches('/').rsplit('/').next()?;
            let version = after(&text, &format!("\"{symbol}\":{{\"version\":")).next()?.parse().ok()?;
            Some((number, version))
        });
        let held: Held = held.collect();
        // The deletion of one holds nothing.
        if !held.is_empty() {
            self.stored.entry(name.to_owned()).or_default().push(held);
        }
    }

    /// Follows what the storage did.
    pub(crate) fn applied(
        &mut self,
        action: &Action,
        answer: &Answer,
        operation: Option<usize>,
        disk: &Disk,
        _now: Millis,
    ) {
        if !action.writes() || *answer != Answer::Done {
            return;
        }
        let key = action.key();
        if let (Action::Create(_, bytes), Some(object)) = (action, key.strip_prefix("ohlcv/snap/")) {
            return self.stored_snapshot(object, bytes);
        }
        let Some(symbol) = self.symbols.iter().position(|symbol| key.starts_with(&symbol.folder)) else {
            return;
        };
        let name = key[self.symbols[symbol].folder.len()..].to_owned();
        match (action, name.split_once('/')) {
            (Action::Create(_, bytes), Some(("v", number))) => {
                self.created(symbol, number_of(number), bytes, operation, disk);
            }
            (Action::Create(..), Some(("gc", number))) => self.released(symbol, number_of(number), operation),
            (Action::Delete(_), Some(("v", number))) => self.deleted_version(symbol, number_of(number)),
            (Action::Delete(_), Some(("d", _))) => self.deleted_file(symbol, &name),
            _ => {}
        }
    }

    fn created(&mut self, symbol: usize, number: u64, bytes: &Bytes, operation: Option<usize>, disk: &Disk) {
        let newest = self.symbols[symbol].newest();
        if number <= newest {
            if number > self.symbols[symbol].released {
                self.violate(format!("version {number} was created twice, and is not released"));
            }
            self.stale += 1;
            return;
        }
        if number > newest + 1 {
            return self.violate(format!("version {number} was created after {newest}"));
        }
        let Some(operation) = operation else {
            return self.violate(format!("version {number} was created by no operation"));
        };
        let Some((of, change)) = self.operations[operation].change.clone() else {
            return self
                .violate(format!("operation {operation} changes nothing and created version {number}"));
        };
        if of != symbol {
            return self.violate(format!("operation {operation} created a version of another symbol"));
        }
        if let Some(earlier) = self.operations[operation].committed.replace(number) {
            self.violate(format!("operation {operation} made versions {earlier} and {number}"));
        }
        let known = &self.symbols[symbol];
        let before = known.series(newest).unwrap_or_default();
        let Effect::Becomes(series) = change.apply(&before, |number| known.series(number)) else {
            return self.violate(format!("version {number} came from a refused change: {change:?}"));
        };
        let text = String::from_utf8_lossy(bytes);
        let files: Vec<String> = after(&text, "\"key\":\"").map(str::to_owned).collect();
        let missing = files.iter().find(|file| !disk.has(&format!("{}{file}", known.folder))).cloned();
        let committed = after(&text, "\"commit_ts\":").next().and_then(|digits| digits.parse().ok());
        let committed = committed.unwrap_or_default();
        let is_later = known.versions.last().is_none_or(|last| last.committed < committed);
        if let Some(file) = missing {
            self.violate(format!("version {number} names {file}, which is not there"));
        }
        if !is_later {
            self.violate(format!("version {number} is not later than the one before it"));
        }
        self.symbols[symbol].versions.push(Version { series, committed, files });
        self.unread.push((symbol, number));
    }

    fn released(&mut self, symbol: usize, number: u64, operation: Option<usize>) {
        let newest = self.symbols[symbol].newest();
        let keeps = operation.and_then(|operation| self.operations[operation].keeps).unwrap_or(1);
        if number + keeps > newest {
            self.violate(format!("version {number} of {newest} was released, but {keeps} are to be kept"));
        }
        let released = &mut self.symbols[symbol].released;
        *released = number.max(*released);
    }

    fn deleted_version(&mut self, symbol: usize, number: u64) {
        if number > self.symbols[symbol].released {
            self.violate(format!("version {number} was deleted without being released"));
        }
        if let Some((name, _)) = self.holder(symbol, number) {
            self.violate(format!("version {number} was deleted, and the snapshot {name} holds it"));
        }
        self.collected += 1;
    }

    fn deleted_file(&mut self, symbol: usize, file: &str) {
        let known = &self.symbols[symbol];
        let user = (1..=known.newest()).rev().find(|&number| {
            let names =
                known.version(number).is_some_and(|version| version.files.iter().any(|of| of == file));
            names && (number > known.released || self.holder(symbol, number).is_some())
        });
        if let Some(user) = user {
            self.violate(format!("{file} was deleted, and version {user} of {} names it", known.newest()));
        }
        self.files_deleted += 1;
    }

    /// Returns a snapshot that holds a version.
    pub(crate) fn holder(&self, symbol: usize, number: u64) -> Option<(&String, &Snapshot)> {
        self.snapshots.iter().find(|(_, s)| !s.doomed && s.versions.get(&symbol) == Some(&number))
    }

    /// Checks what the caller of a change was told: it made `version`, or that already was what it wants.
    pub(crate) fn acknowledged(&mut self, operation: usize, version: u64, changed: bool) {
        let Some((symbol, change)) = self.operations[operation].change.clone() else { return };
        let made = self.operations[operation].committed;
        let known = &self.symbols[symbol];
        let (before, newest) = (self.operations[operation].newest[symbol], known.newest());
        if changed {
            if made != Some(version) {
                self.violate(format!(
                    "{change:?} was acknowledged as version {version}, but it made {made:?}"
                ));
            } else if version <= before {
                self.violate(format!("version {version} is no newer than {before}, which was there before"));
            }
            return;
        }
        if let Some(made) = made {
            return self.violate(format!("{change:?} is said to change nothing, and made version {made}"));
        }
        if !(before..=newest).contains(&version) {
            let what =
                format!("{change:?} is said to be in version {version}, newest were {before}-{newest}");
            return self.violate(what);
        }
        let series = known.series(version).unwrap_or_default();
        if change.apply(&series, |number| known.series(number)) != Effect::Becomes(series.clone()) {
            self.violate(format!("{change:?} is said to be in version {version}, which is {series:?}"));
        }
    }

    /// Checks that a change whose caller was told that it was refused has not happened.
    pub(crate) fn refused(&mut self, operation: usize, why: &str) {
        if let Some(version) = self.operations[operation].committed {
            self.violate(format!("operation {operation} made version {version} and failed with: {why}"));
        }
    }

    /// Checks that an append may be refused: it contradicts a version that was newest meanwhile.
    pub(crate) fn may_conflict(&mut self, operation: usize) {
        let Some((symbol, change)) = self.operations[operation].change.clone() else { return };
        let known = &self.symbols[symbol];
        let window = self.operations[operation].newest[symbol]..=known.newest();
        let conflicts = window.into_iter().any(|number| {
            let series = known.series(number).unwrap_or_default();
            change.apply(&series, |number| known.series(number)) == Effect::Refused
        });
        if !conflicts {
            self.violate(format!("{change:?} was refused and contradicts nothing"));
        }
    }
}

/// Returns what stands behind every `prefix`, up to a quote, comma or brace.
fn after<'a>(text: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let rest = &text[at + prefix.len()..];
        rest.split(['"', ',', '}']).next().unwrap_or_default()
    })
}

fn number_of(name: &str) -> u64 {
    name.trim_end_matches(".json").parse().unwrap_or(u64::MAX)
}
