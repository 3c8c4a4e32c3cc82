//! Replies in the database.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tradai_domain::ports::{Claim, IdempotencyRepository, PortError, REPLY_TTL_MS, RequestKey};
use tradai_domain::{JobId, Millis};
use uuid::Uuid;

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

/// Takes a key, with its reply where that is known, until some time.
fn begin(
    transaction: &Transaction<'_>,
    key: &RequestKey,
    reply: Option<&[u8]>,
    now: Millis,
    until: Millis,
) -> Outcome<Claim> {
    let RequestKey { key, fingerprint } = key;
    transaction.prepare_cached("DELETE FROM idempotency WHERE until <= ?1")?.execute([now])?;
    let there: Option<(Vec<u8>, Option<Vec<u8>>)> = transaction
        .prepare_cached("SELECT fingerprint, reply FROM idempotency WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match there {
        Some((other, _)) if other != *fingerprint => Ok(Claim::OtherRequest),
        Some((_, Some(reply))) => Ok(Claim::Replay(reply)),
        Some((_, None)) => Ok(Claim::InFlight),
        None => {
            let sql = "INSERT INTO idempotency (key, fingerprint, until, reply) VALUES (?1, ?2, ?3, ?4)";
            transaction.prepare_cached(sql)?.execute(params![key, fingerprint, until, reply])?;
            Ok(Claim::New)
        }
    }
}

/// What a key of jobs stands for.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// The job of an earlier request.
    Before(JobId),
    /// The job of another request.
    OtherRequest,
}

/// Returns what a key of jobs stands for, if it does for anything.
pub(crate) fn bound(connection: &Connection, key: &RequestKey, now: Millis) -> Outcome<Option<Bound>> {
    let sql = "SELECT fingerprint, reply FROM idempotency WHERE key = ?1 AND until > ?2";
    let there: Option<(Vec<u8>, Option<Vec<u8>>)> = connection
        .prepare_cached(sql)?
        .query_row(params![key.key, now], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(there.map(|(fingerprint, reply)| Bound::of(key, &fingerprint, reply.as_deref())))
}

impl Bound {
    /// Reads what is stored of a key. One whose reply names nothing was taken for something else.
    pub(crate) fn of(key: &RequestKey, fingerprint: &[u8], reply: Option<&[u8]>) -> Self {
        let id = reply.and_then(|reply| Uuid::try_parse_ascii(reply).ok());
        id.filter(|_| fingerprint == key.fingerprint).map_or(Self::OtherRequest, |id| Self::Before(JobId(id)))
    }
}

/// Binds a key that stands for nothing to a job.
pub(crate) fn bind(
    transaction: &Transaction<'_>,
    key: &RequestKey,
    job_id: &str,
    now: Millis,
) -> Outcome<()> {
    begin(transaction, key, Some(job_id.as_bytes()), now, now.saturating_add(REPLY_TTL_MS)).map(drop)
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
        let key = RequestKey { key: key.to_owned(), fingerprint };
        let until = now.saturating_add(json::integer(lease.as_millis()));
        self.0.change(move |transaction| begin(transaction, &key, None, now, until)).await
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
            transaction.prepare_cached(sql)?.execute([&key])
        };
        self.0.change(release).await.map(drop)
    }
}
