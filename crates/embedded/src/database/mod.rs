//! One SQLite file, shared by threads and processes.
//!
//! Two threads own a connection each: changes and reads wait for one another no longer than SQLite itself makes them
//! (a reader in WAL mode sees the last commit and never waits for a writer). Tasks hand closures over and await the
//! answer, so that no thread of the async runtime ever blocks.

mod lane;
mod schema;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tradai_domain::ports::PortError;

use crate::Error;
use crate::error::port_error;
use lane::Lane;

/// How long a change waits for another process's. A change takes milliseconds; who waits longer has a stuck disk.
const BUSY_TIMEOUT: Duration = Duration::from_secs(20);

/// What a closure on the database returns.
pub(crate) type Outcome<T> = Result<T, rusqlite::Error>;

/// An open database. Cheap to clone; closed when the last clone is gone and its last call is done.
#[derive(Debug, Clone)]
pub struct Database {
    changes: Arc<Lane>,
    reads: Arc<Lane>,
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
        Ok(Self {
            changes: Arc::new(Lane::start("tradai-db-write", changes).map_err(io(path))?),
            reads: Arc::new(Lane::start("tradai-db-read", reads).map_err(io(path))?),
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
        let lane = Arc::new(Lane::start("tradai-db-memory", connection).map_err(io(path))?);
        Ok(Self { changes: lane.clone(), reads: lane, path: None })
    }

    /// Runs a closure in a transaction that may change things: all of it counts, or nothing when it fails. Runs even
    /// when the future is dropped, once it was handed over.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let run = move |connection: &mut Connection| {
            // Immediate: a transaction that starts as a reader could not become a writer after another one's commit.
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = act(&transaction)?;
            transaction.commit()?;
            Ok(value)
        };
        self.changes.call(run).await?.map_err(|error| port_error(&error))
    }

    /// Runs a closure that reads; everything it reads is of one moment.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Transaction<'_>) -> Outcome<T> + Send + 'static,
    ) -> Result<T, PortError> {
        let run = move |connection: &mut Connection| act(&connection.transaction()?);
        self.reads.call(run).await?.map_err(|error| port_error(&error))
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

/// Makes an empty file that only its owner may read. (SQLite takes an empty file for an empty database, and gives its
/// side files the same mode.)
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map(drop)
}

fn connect(path: &Path) -> Outcome<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A commit is on the disk when it returns, also if the machine loses power.
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}
