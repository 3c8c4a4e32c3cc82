//! Replies in the database.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Transaction, params};
use tradai_domain::Millis;
use tradai_domain::ports::{Claim, IdempotencyRepository, PortError, REPLY_TTL_MS};

use crate::Database;
use crate::database::Outcome;
use crate::json;

/// [`IdempotencyRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteIdempotency(Database);

impl SqliteIdempotency {
    /// Returns the replies of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn begin(
    transaction: &Transaction<'_>,
    key: &str,
    fingerprint: [u8; 32],
    now: Millis,
    until: Millis,
) -> Outcome<Claim> {
    transaction.prepare_cached("DELETE FROM idempotency WHERE until <= ?1")?.execute([now])?;
    let there: Option<(Vec<u8>, Option<Vec<u8>>)> = transaction
        .prepare_cached("SELECT fingerprint, reply FROM idempotency WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match there {
        Some((other, _)) if other != fingerprint => Ok(Claim::OtherRequest),
        Some((_, Some(reply))) => Ok(Claim::Replay(reply)),
        Some((_, None)) => Ok(Claim::InFlight),
        None => {
            let sql = "INSERT INTO idempotency (key, fingerprint, until) VALUES (?1, ?2, ?3)";
            transaction.prepare_cached(sql)?.execute(params![key, fingerprint, until])?;
            Ok(Claim::New)
        }
    }
}

#[async_trait]
impl IdempotencyRepository for SqliteIdempotency {
    async fn begin(
        &self,
        key: &str,
        fingerprint: [u8; 32],
        now: Millis,
        lease: Duration,
    ) -> Result<Claim, PortError> {
        let key = key.to_owned();
        let until = now.saturating_add(json::integer(lease.as_millis()));
        self.0.change(move |transaction| begin(transaction, &key, fingerprint, now, until)).await
    }

    async fn complete(&self, key: &str, reply: Vec<u8>, now: Millis) -> Result<(), PortError> {
        let key = key.to_owned();
        let complete = move |transaction: &Transaction<'_>| {
            let sql = "UPDATE idempotency SET reply = ?2, until = ?3 WHERE key = ?1";
            let until = now.saturating_add(REPLY_TTL_MS);
            transaction.prepare_cached(sql)?.execute(params![key, reply, until])
        };
        self.0.change(complete).await.map(drop)
    }

    async fn release(&self, key: &str) -> Result<(), PortError> {
        let key = key.to_owned();
        let release = move |transaction: &Transaction<'_>| {
            let sql = "DELETE FROM idempotency WHERE key = ?1 AND reply IS NULL";
            transaction.prepare_cached(sql)?.execute([key])
        };
        self.0.change(release).await.map(drop)
    }
}
