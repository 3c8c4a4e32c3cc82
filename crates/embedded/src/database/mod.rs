//! One SQLite file, shared by threads and processes.
//!
//! Two threads own a connection each: changes and reads wait for one another no longer than SQLite itself makes them
//! (a reader in WAL mode sees the last commit and never waits for a writer). Tasks hand closures over and await the
//! answer, so that no thread of the async runtime waits for the disk or for a lock. Changes that wait at the same time
//! share a commit. Only a look at a row by its key is taken on the caller's thread: that is shorter than handing it
//! over.

mod lane;
#[cfg(test)]
mod older;
mod schema;
mod unchanged;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tradai_domain::ports::PortError;

use crate::Error;
use lane::{Lane, Manner};
use unchanged::LogIndex;
pub(crate) use unchanged::{Mark, Unchanged};

/// How long a change waits for another process's. A change takes milliseconds; who waits longer has a stuck disk.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// Changes begin as such: a transaction that starts as a reader could not become a writer after another one's commit.
const CHANGES: Manner = Manner { behavior: TransactionBehavior::Immediate, most: 64 };
/// A read has its own transaction, so that it does not wait for those behind it.
const READS: Manner = Manner { behavior: TransactionBehavior::Deferred, most: 1 };
/// Pages of the write-ahead log, of 4 KiB, after which it is copied into the database.
const LOG_PAGES: u32 = 4_000;
/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 200;
/// Connections for looks.
const LOOKERS: usize = 2;

/// What a closure on the database returns.
pub(crate) type Outcome<T> = Result<T, rusqlite::Error>;

/// An open database. Cheap to clone; closed when the last clone is gone and its last call is done.
#[derive(Debug, Clone)]
pub struct Database {
    changes: Arc<Lane>,
    reads: Arc<Lane>,
    /// None for a database in memory.
    lookers: Arc<[Mutex<Connection>]>,
    /// None for a database in memory.
    log_index: Option<LogIndex>,
    path: Option<PathBuf>,
}

impl Database {
    /// Opens a database file, makes it if there is none, and brings it to the newest layout. Only its owner may read
    /// it. Blocks for as long as another process does the same.
    ///
    /// # Errors
    /// [`Error`] naming the file and what is wrong with it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        create_private(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let wrap = |source| Error::Sqlite { path: path.to_owned(), source };
        let mut changes = connect(path).map_err(wrap)?;
        schema::migrate(&mut changes, path)?;
        let reads = connect(path).map_err(wrap)?;
        let lookers = (0..LOOKERS).map(|_| connect_looker(path).map(Mutex::new));
        Ok(Self {
            lookers: lookers.collect::<Outcome<_>>().map_err(wrap)?,
            // The connection that migrated has read. Without, what was read is read again.
            log_index: LogIndex::of(path).ok(),
            changes: Arc::new(Lane::start("tradai-db-write", changes, CHANGES).map_err(io(path))?),
            reads: Arc::new(Lane::start("tradai-db-read", reads, READS).map_err(io(path))?),
            path: Some(path.to_owned()),
        })
    }

    /// Returns the number of the layout that every database has once it is open.
    #[must_use]
    pub fn layout() -> usize {
        schema::layout()
    }

    /// Returns a database that lives in memory, and goes with the last clone.
    ///
    /// # Errors
    /// [`Error`] when there is no memory or thread for it.
    pub fn in_memory() -> Result<Self, Error> {
        let path = Path::new(":memory:");
        let wrap = |source| Error::Sqlite { path: path.to_owned(), source };
        let mut connection = Connection::open_in_memory().map_err(wrap)?;
        schema::migrate(&mut connection, path)?;
        // A second connection would be a second database.
        let lane = Arc::new(Lane::start("tradai-db-memory", connection, CHANGES).map_err(io(path))?);
        Ok(Self { changes: lane.clone(), reads: lane, lookers: Arc::new([]), log_index: None, path: None })
    }

    /// Runs a closure in a transaction that may change things: all of it counts, or nothing when it fails. Runs even
    /// when the future is dropped, once it was handed over; and once more when another one fails that shared its
    /// transaction, of which nothing counts then.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        act: impl Fn(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.changes.call(act).await
    }

    /// Runs a closure that reads; everything it reads is of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        act: impl Fn(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.reads.call(act).await
    }

    /// Runs a closure that reads by one short statement, such as a row by its key, at once if a connection is free.
    /// Where it would have to wait, or fails, it is a [`read`](Self::read) like others.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        act: impl Fn(&Connection) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let free = self.lookers.iter().find_map(|looker| looker.try_lock().ok());
        if let Some(Ok(value)) = free.map(|connection| act(&connection)) {
            return Ok(value);
        }
        self.read(move |transaction| act(transaction)).await
    }

    /// Returns the state that the database is in, which the next commit of whichever process ends; `None` where it cannot
    /// be told.
    pub(crate) fn mark(&self) -> Option<Mark> {
        self.log_index.and_then(LogIndex::mark)
    }

    /// Returns a connection of its own, for a thread that watches the file; `None` for one in memory, which nobody
    /// else can change.
    pub(crate) fn watching_connection(&self) -> Option<Outcome<Connection>> {
        self.path.as_deref().map(connect)
    }
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
    |source| Error::Io { path: path.to_owned(), source }
}

/// Makes an empty file that only its owner may read, unless there is one. (SQLite takes an empty file for an empty
/// database, and gives its side files the same mode.)
///
/// A file that is there is not opened: closing it would let go of all locks that this process has on it (POSIX says so
/// of every file), those of other openings too. Another process would then take the database for closed and remove its
/// log under whoever still writes to it. For the same reason nobody connects while a new file is open here.
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    static CREATING: Mutex<()> = Mutex::new(());
    let _alone = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// Opens a connection that never waits: its callers are threads of the runtime.
fn connect_looker(path: &Path) -> Outcome<Connection> {
    let connection = connect(path)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A commit is on the disk when it returns, also if the machine loses power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Pages that many commits change in turn are copied into the database once for all of them.
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // Otherwise a statement whose plan might depend on its values is prepared anew for each of them.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}
