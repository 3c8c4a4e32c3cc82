//! What was read and still holds, because nobody has committed since.
//!
//! SQLite keeps a header in the file beside its log (`-shm`), of which every commit, of whichever process, makes another
//! one before it returns: while it stays the same, SQLite itself trusts the pages that it holds. (The layout and what a
//! reader makes of it: <https://www.sqlite.org/walformat.html>, "The WAL-Index File Format".) So does this, without the
//! locks and the look at the pages that a read takes.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::hash::Hash;
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Bytes of the header. It is there twice; the first copy is written last.
const HEADER: usize = 48;
/// Where the header says which layout it is of, and whether it is whole.
const LAYOUT: std::ops::Range<usize> = 0..4;
const IS_WHOLE: usize = 12;
const KNOWN_LAYOUT: u32 = 3_007_000;

/// The state of an open database: two that are equal have no commit between them. A count of commits and a checksum of all
/// of the log are in it, so that none comes again while a process has it open; all that is kept by it goes with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark([u8; HEADER]);

/// The file that the header of an open database is in.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogIndex(&'static File);

impl LogIndex {
    /// Returns the file of a database that a connection has read in.
    ///
    /// It stays open until the process ends: closing it would let go of the locks that SQLite has on it, which are the
    /// process's (POSIX says so), and others would take the database for closed.
    pub(super) fn of(database: &Path) -> io::Result<Self> {
        static OPEN: Mutex<BTreeMap<(u64, u64), &'static File>> = Mutex::new(BTreeMap::new());
        let mut name = database.as_os_str().to_owned();
        name.push("-shm");
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = std::fs::metadata(&name)?;
        if let Some(file) = open.get(&(found.dev(), found.ino())) {
            return Ok(Self(file));
        }
        let file: &'static File = Box::leak(Box::new(File::open(&name)?));
        let opened = file.metadata()?;
        open.insert((opened.dev(), opened.ino()), file);
        Ok(Self(file))
    }

    /// Returns the state as it is now; `None` where it cannot be told.
    pub(super) fn mark(self) -> Option<Mark> {
        let mut header = [0; HEADER];
        self.0.read_exact_at(&mut header, 0).ok()?;
        let layout = u32::from_ne_bytes(header[LAYOUT].try_into().ok()?);
        (layout == KNOWN_LAYOUT && header[IS_WHOLE] == 1).then_some(Mark(header))
    }
}

/// What was read of a database in one state of it.
#[derive(Debug)]
pub(crate) struct Unchanged<K, V> {
    /// Values that are kept; more than so many are read again.
    most: usize,
    kept: Mutex<Kept<K, V>>,
}

#[derive(Debug)]
struct Kept<K, V> {
    at: Option<Mark>,
    values: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Unchanged<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { at: None, values: HashMap::new() }) }
    }

    /// Returns what was read in this state.
    pub(crate) fn get(&self, at: Mark, key: &K) -> Option<V> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.at == Some(at) { kept.values.get(key).cloned() } else { None }
    }

    /// Keeps what was read after this state was seen. What somebody committed in between does no harm: the state does
    /// not come again, and the value with it.
    pub(crate) fn keep(&self, at: Mark, key: K, value: V) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.at != Some(at) || kept.values.len() >= self.most {
            *kept = Kept { at: Some(at), values: HashMap::new() };
        }
        kept.values.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn index(path: &Path) -> (Connection, LogIndex) {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)", []).unwrap();
        let index = LogIndex::of(path).unwrap();
        (connection, index)
    }

    #[test]
    fn a_state_lasts_until_somebody_commits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (mut connection, index) = index(&path);
        let first = index.mark().unwrap();
        let count: i64 = connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
        connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |_| Ok(())).unwrap();
        assert_eq!(index.mark(), Some(first), "neither a read nor a checkpoint changes anything");

        let change = connection.transaction().unwrap();
        change.execute("INSERT INTO notes VALUES ('a')", []).unwrap();
        assert_eq!(index.mark(), Some(first), "it is not committed");
        change.rollback().unwrap();
        assert_eq!(index.mark(), Some(first));

        let mut seen = vec![first];
        for round in 0..20 {
            let other = Connection::open(&path).unwrap();
            other.execute("DELETE FROM notes", []).unwrap();
            other.execute("INSERT INTO notes VALUES ('a')", []).unwrap();
            if round % 5 == 0 {
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
                connection.execute("UPDATE notes SET text = 'b'", []).unwrap();
            }
            let mark = index.mark().unwrap();
            assert!(!seen.contains(&mark), "{round}: a state came again");
            seen.push(mark);
        }
    }

    #[test]
    fn a_database_has_one_file_open_however_often_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let (_first, one) = index(&path);
        let (_second, other) = index(&path);
        assert!(std::ptr::eq(one.0, other.0));
    }

    #[test]
    fn values_go_with_their_state_and_are_bounded() {
        let (one, other) = (Mark([1; HEADER]), Mark([2; HEADER]));
        let kept = Unchanged::new(2);
        kept.keep(one, "a", 1);
        assert_eq!((kept.get(one, &"a"), kept.get(other, &"a"), kept.get(one, &"b")), (Some(1), None, None));
        kept.keep(other, "b", 2);
        assert_eq!(
            (kept.get(one, &"a"), kept.get(other, &"a"), kept.get(other, &"b")),
            (None, None, Some(2))
        );
        kept.keep(other, "c", 3);
        kept.keep(other, "d", 4);
        assert_eq!((kept.get(other, &"b"), kept.get(other, &"d")), (None, Some(4)));
    }
}
