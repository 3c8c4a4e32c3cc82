//! The audit log in the database, which refuses to change or delete entries whoever asks.

use async_trait::async_trait;
use rusqlite::{Transaction, params};
use tradai_domain::ports::{AuditEntry, AuditLog, PortError};

use crate::Database;
use crate::database::Outcome;
use crate::error::port_error;
use crate::json;

/// [`AuditLog`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteAudit(Database);

impl SqliteAudit {
    /// Returns the audit log of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

/// Adds an entry, as JSON.
pub(crate) fn append(transaction: &Transaction<'_>, entry: &str) -> Outcome<u64> {
    transaction.prepare_cached("INSERT INTO audit (entry) VALUES (?1)")?.execute([entry])?;
    Ok(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default())
}

#[async_trait]
impl AuditLog for SqliteAudit {
    async fn append(&self, entry: &AuditEntry) -> Result<u64, PortError> {
        let entry = json::text(entry).map_err(|error| port_error(&error))?;
        self.0.change(move |transaction| append(transaction, &entry)).await
    }

    async fn list(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, AuditEntry)>, PortError> {
        let list = move |transaction: &Transaction<'_>| {
            let sql = "SELECT seq, entry FROM audit WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
            let before = before.map_or(i64::MAX, json::integer);
            let mut statement = transaction.prepare_cached(sql)?;
            let entries = statement.query_map(params![before, json::integer(limit)], |row| {
                Ok((json::number(row, 0)?, json::column(row, 1)?))
            })?;
            entries.collect()
        };
        self.0.read(list).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_database_itself_refuses_to_forget() {
        let database = Database::in_memory().unwrap();
        let entry = AuditEntry {
            at: 1,
            actor: "ann".to_owned(),
            action: "job.submit".to_owned(),
            subject: "x".to_owned(),
            trace_id: None,
            via: None,
        };
        let log = SqliteAudit::new(database.clone());
        log.append(&entry).await.unwrap();
        for sql in ["DELETE FROM audit", "UPDATE audit SET entry = ''"] {
            assert!(database.change(move |transaction| transaction.execute(sql, [])).await.is_err());
        }
        assert_eq!(log.list(None, 10).await.unwrap(), [(1, entry)]);
    }
}
