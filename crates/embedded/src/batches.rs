//! Batches in the database.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;
use tradai_domain::Millis;
use tradai_domain::jobs::{BatchChange, BatchId, BatchRecord, BatchState};
use tradai_domain::ports::{BatchRepository, CreatedBatch, NewBatch, PortError, Quota, RequestKey};

use crate::Database;
use crate::database::Outcome;
use crate::idempotency::{Bound, bind, bound};
use crate::jobs::waiting;
use crate::json;

/// [`BatchRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteBatches(Database);

impl SqliteBatches {
    /// Returns the batches of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn state_text(state: BatchState) -> &'static str {
    match state {
        BatchState::Submitting => "submitting",
        BatchState::Submitted => "submitted",
        BatchState::Cancelling => "cancelling",
        BatchState::Cancelled => "cancelled",
    }
}

fn find(connection: &Connection, id: BatchId) -> Outcome<Option<BatchRecord>> {
    let mut statement = connection.prepare_cached("SELECT record FROM batches WHERE batch_id = ?1")?;
    statement.query_row([id.to_string()], |row| json::column(row, 0)).optional()
}

/// Returns what is to be said of a key, if it stands for something.
fn recall(connection: &Connection, key: &RequestKey, now: Millis) -> Outcome<Option<CreatedBatch>> {
    Ok(match bound(connection, key, now)? {
        None => None,
        Some(Bound::OtherRequest) => Some(CreatedBatch::OtherRequest),
        Some(Bound::Before(id)) => {
            let id = BatchId(id.0);
            let there = find(connection, id)?.map(Box::new);
            Some(there.map_or(CreatedBatch::Deleted(id), CreatedBatch::Before))
        }
    })
}

fn create(transaction: &Transaction<'_>, batch: &NewBatch) -> Outcome<CreatedBatch> {
    let NewBatch { record, request, key, quota } = batch;
    let known = key.as_ref().map(|key| recall(transaction, key, record.created_at)).transpose()?.flatten();
    if let Some(known) = known {
        return Ok(known);
    }
    if let Some(Quota { total, each }) = quota {
        let (all, of_actor) = waiting(transaction, &record.created_by)?;
        let jobs: i64 = json::integer(record.jobs.len());
        if of_actor.saturating_add(jobs) > json::integer(*each) {
            return Ok(CreatedBatch::TooManyOfActor);
        }
        if all.saturating_add(jobs) > json::integer(*total) {
            return Ok(CreatedBatch::TooMany);
        }
    }
    let id = record.batch_id.to_string();
    if let Some(key) = key {
        bind(transaction, key, &id, record.created_at)?;
    }
    let sql = "INSERT INTO batches (batch_id, state, ttl, record, request) VALUES (?1, ?2, ?3, ?4, ?5)";
    let values = params![id, state_text(record.state), record.ttl, json::text(record)?, json::text(request)?];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(CreatedBatch::New)
}

fn advance(transaction: &Transaction<'_>, id: BatchId, change: BatchChange) -> Outcome<Option<BatchRecord>> {
    let Some(mut record) = find(transaction, id)? else { return Ok(None) };
    if record.advance(change) {
        let sql = "UPDATE batches SET state = ?2, record = ?3 WHERE batch_id = ?1";
        let values = params![id.to_string(), state_text(record.state), json::text(&record)?];
        transaction.prepare_cached(sql)?.execute(values)?;
    }
    Ok(Some(record))
}

#[async_trait]
impl BatchRepository for SqliteBatches {
    async fn create(&self, batch: &NewBatch) -> Result<CreatedBatch, PortError> {
        let batch = batch.clone();
        self.0.change(move |transaction| create(transaction, &batch)).await
    }

    async fn recall(&self, key: &RequestKey, now: Millis) -> Result<Option<CreatedBatch>, PortError> {
        let key = key.clone();
        self.0.look(move |connection| recall(connection, &key, now)).await
    }

    async fn get(&self, id: BatchId) -> Result<Option<BatchRecord>, PortError> {
        self.0.look(move |connection| find(connection, id)).await
    }

    async fn request(&self, id: BatchId) -> Result<Option<Value>, PortError> {
        let find = move |connection: &Connection| {
            let sql = "SELECT request FROM batches WHERE batch_id = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([id.to_string()], |row| json::column(row, 0)).optional()
        };
        self.0.look(find).await
    }

    async fn list(&self, before: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, PortError> {
        let list = move |transaction: &Transaction<'_>| {
            // Ids are written so that their text sorts as they do; `g` comes after every digit.
            let before = before.map_or_else(|| "g".to_owned(), |id| id.to_string());
            let sql = "SELECT record FROM batches WHERE batch_id < ?1 ORDER BY batch_id DESC LIMIT ?2";
            let mut statement = transaction.prepare_cached(sql)?;
            let records =
                statement.query_map(params![before, json::integer(limit)], |row| json::column(row, 0))?;
            records.collect()
        };
        self.0.read(list).await
    }

    async fn unfinished(&self, after: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, PortError> {
        let list = move |transaction: &Transaction<'_>| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let sql =
                "SELECT record FROM batches WHERE state IN ('submitting', 'cancelling') AND batch_id > ?1
                ORDER BY batch_id LIMIT ?2";
            let mut statement = transaction.prepare_cached(sql)?;
            let records =
                statement.query_map(params![after, json::integer(limit)], |row| json::column(row, 0))?;
            records.collect()
        };
        self.0.read(list).await
    }

    async fn advance(&self, id: BatchId, change: &BatchChange) -> Result<Option<BatchRecord>, PortError> {
        let change = change.clone();
        self.0.change(move |transaction| advance(transaction, id, change.clone())).await
    }

    async fn delete_expired(&self, now: Millis) -> Result<u64, PortError> {
        let delete = move |transaction: &Transaction<'_>| {
            let sql =
                "DELETE FROM batches WHERE ttl <= ?1 AND state IN ('submitted', 'cancelled') AND NOT EXISTS (
                SELECT 1 FROM json_each(batches.record, '$.jobs') AS job JOIN jobs ON job_id = job.value
                WHERE status IN ('pending', 'running'))";
            transaction.prepare_cached(sql)?.execute([now.div_euclid(1_000)])
        };
        Ok(u64::try_from(self.0.change(delete).await?).unwrap_or(u64::MAX))
    }
}
