//! The layout of the database, and how an older one becomes the newest.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::Outcome;
use crate::Error;

/// Marks the file as ours: `trAI`.
pub(super) const APPLICATION_ID: i64 = 0x7472_4149;

/// What makes each layout of the one before; the first makes it of nothing. Never changed once released, only added
/// to: files of every layout are out there.
pub(super) const MIGRATIONS: [&str; 14] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
    include_str!("schema_11.sql"),
    include_str!("schema_12.sql"),
    include_str!("schema_13.sql"),
    include_str!("schema_14.sql"),
];

/// Returns the newest layout.
pub(super) const fn layout() -> usize {
    MIGRATIONS.len()
}

/// Brings a database to the newest layout, in one transaction: whoever opens it at the same time waits.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Error> {
    let wrap = |source| Error::Sqlite { path: path.to_owned(), source };
    let (id, tables) = identity(connection).map_err(wrap)?;
    if id != APPLICATION_ID && (id != 0 || tables > 0) {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    use_wal(connection).map_err(wrap)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(wrap)?;
    let known = i64::try_from(layout()).unwrap_or(i64::MAX);
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(wrap)?;
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for migration in &MIGRATIONS[done..] {
        transaction.execute_batch(migration).map_err(wrap)?;
    }
    if found < known {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(wrap)?;
        transaction.pragma_update(None, "user_version", known).map_err(wrap)?;
    }
    transaction.commit().map_err(wrap)
}

fn identity(connection: &Connection) -> Outcome<(i64, i64)> {
    let id = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok((id, tables))
}

/// Turns the write-ahead log on, which stays on. SQLite does not wait for others here, so this does.
fn use_wal(connection: &Connection) -> Outcome<()> {
    const TRIES: u32 = 400;
    const PAUSE: Duration = Duration::from_millis(25);
    for attempt in 1.. {
        let set = connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
        match set {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy && attempt < TRIES =>
            {
                std::thread::sleep(PAUSE);
            }
            other => return other,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Database;

    #[test]
    fn files_of_others_and_of_newer_programs_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let foreign = folder.path().join("foreign.db");
        Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(Database::open(&foreign), Err(Error::Foreign { .. })));

        let newer = folder.path().join("newer.db");
        drop(Database::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = Database::open(&newer).unwrap_err();
        let told = format!("has layout 99, and this program knows {} at most; update tradai", layout());
        assert!(error.to_string().ends_with(&told), "{error}");

        let text = folder.path().join("text.db");
        std::fs::write(&text, "this is no database, and long enough to be seen as none".repeat(100)).unwrap();
        assert_eq!(Database::open(&text).unwrap_err().kind(), tradai_domain::ErrorKind::Data);
    }

    #[test]
    fn opening_again_keeps_the_layout_and_the_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/state.db");
        for _ in 0..2 {
            drop(Database::open(&path).unwrap());
        }
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let connection = Connection::open(&path).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
