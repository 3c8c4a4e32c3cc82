//! Batches in the database.
//!
//! A row that cannot be read holds up none of the others: whoever comes across it says so and sets it aside, in a state of
//! its own that nobody goes on from. Its record stays as it is, for people to look at, until its time is over.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Rows, Transaction, params};
use serde_json::Value;
use tradai_domain::jobs::{BatchChange, BatchId, BatchRecord, BatchState};
use tradai_domain::ports::{BatchRepository, CreatedBatch, NewBatch, PortError, Quota, RequestKey};
use tradai_domain::{ErrorKind, Millis};

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

    /// Returns the batches that were read; the others are set aside, and told of by whoever does so first.
    async fn told(&self, read: Readable) -> Result<Vec<BatchRecord>, PortError> {
        for (id, problem) in read.damaged {
            let row = id.clone();
            if self.0.change(move |transaction| set_aside(transaction, &row)).await? {
                tracing::error!(batch_id = %id, %problem, "the batch {id} is left out, as it cannot be read: {problem}");
            }
        }
        Ok(read.records)
    }
}

/// The state of a row that cannot be read.
const DAMAGED: &str = "damaged";

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

/// Batches that were read.
#[derive(Default)]
struct Readable {
    records: Vec<BatchRecord>,
    /// Rows that cannot be, and that nobody has set aside yet: their ids, and why.
    damaged: Vec<(String, String)>,
}

/// Reads rows of ids, records and states until there are so many records.
fn readable(mut rows: Rows<'_>, limit: usize) -> Outcome<Readable> {
    let mut read = Readable::default();
    while read.records.len() < limit {
        let Some(row) = rows.next()? else { break };
        match json::column(row, 1) {
            Ok(record) => read.records.push(record),
            Err(problem @ rusqlite::Error::FromSqlConversionFailure(..)) => {
                if row.get_ref(2)?.as_str()? != DAMAGED {
                    read.damaged.push((row.get(0)?, problem.to_string()));
                }
            }
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Notes that a row cannot be read; returns whether nobody did before.
fn set_aside(transaction: &Transaction<'_>, id: &str) -> Outcome<bool> {
    let sql = "UPDATE batches SET state = ?2 WHERE batch_id = ?1 AND state <> ?2";
    Ok(transaction.prepare_cached(sql)?.execute([id, DAMAGED])? > 0)
}

/// Names the batch that cannot be read.
fn naming(id: BatchId) -> impl FnOnce(PortError) -> PortError {
    move |error| match error.kind {
        ErrorKind::Data => {
            PortError::new(ErrorKind::Data, format!("what is stored of the batch {id} cannot be read"))
        }
        _ => error,
    }
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
        self.0.look(move |connection| find(connection, id)).await.map_err(naming(id))
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
            let sql =
                "SELECT batch_id, record, state FROM batches WHERE batch_id < ?1 ORDER BY batch_id DESC";
            readable(transaction.prepare_cached(sql)?.query([before])?, limit)
        };
        self.told(self.0.read(list).await?).await
    }

    async fn unfinished(&self, after: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, PortError> {
        let list = move |transaction: &Transaction<'_>| {
            let after = after.map(|id| id.to_string()).unwrap_or_default();
            let sql = "SELECT batch_id, record, state FROM batches
                WHERE state IN ('submitting', 'cancelling') AND batch_id > ?1 ORDER BY batch_id";
            readable(transaction.prepare_cached(sql)?.query([after])?, limit)
        };
        self.told(self.0.read(list).await?).await
    }

    async fn advance(&self, id: BatchId, change: &BatchChange) -> Result<Option<BatchRecord>, PortError> {
        let change = change.clone();
        self.0.change(move |transaction| advance(transaction, id, change.clone())).await.map_err(naming(id))
    }

    async fn delete_expired(&self, now: Millis) -> Result<u64, PortError> {
        let delete = move |transaction: &Transaction<'_>| {
            let sql =
                "DELETE FROM batches WHERE ttl <= ?1 AND state IN ('submitted', 'cancelled', 'damaged') AND NOT EXISTS (
                SELECT 1 FROM json_each(iif(json_valid(batches.record), batches.record, '{}'), '$.jobs') AS job
                JOIN jobs ON job_id = job.value WHERE status IN ('pending', 'running'))";
            transaction.prepare_cached(sql)?.execute([now.div_euclid(1_000)])
        };
        Ok(u64::try_from(self.0.change(delete).await?).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use tradai_testkit::batch_repository::batch;

    use super::*;

    fn id(n: u32) -> BatchId {
        batch(n, 1).record.batch_id
    }

    /// Six batches of which the middle four cannot be read, each in another way.
    async fn with_damaged() -> (Database, SqliteBatches) {
        let database = Database::in_memory().unwrap();
        let batches = SqliteBatches::new(database.clone());
        for n in 1..=6 {
            let mut new = batch(n, 1);
            new.record.ttl = Some(10);
            batches.create(&new).await.unwrap();
        }
        for (n, record) in [(2, ""), (3, "{\"batch_id\":"), (4, "null"), (5, "{\"jobs\":[\"a\"]}")] {
            let damage = move |transaction: &Transaction<'_>| {
                let sql = "UPDATE batches SET record = ?2 WHERE batch_id = ?1";
                transaction.execute(sql, [id(n).to_string().as_str(), record])
            };
            database.change(damage).await.unwrap();
        }
        (database, batches)
    }

    fn ids(records: &[BatchRecord]) -> Vec<BatchId> {
        records.iter().map(|record| record.batch_id).collect()
    }

    #[tokio::test]
    async fn a_row_that_cannot_be_read_hides_no_other() {
        let (database, batches) = with_damaged().await;
        // A page of which the first rows are damaged is no empty page.
        assert_eq!(ids(&batches.unfinished(Some(id(1)), 1).await.unwrap()), [id(6)]);
        assert_eq!(ids(&batches.unfinished(None, 10).await.unwrap()), [id(1), id(6)]);
        assert_eq!(ids(&batches.list(Some(id(6)), 1).await.unwrap()), [id(1)]);
        assert_eq!(ids(&batches.list(None, 10).await.unwrap()), [id(6), id(1)]);
        for n in 2..=5 {
            let told = [
                batches.get(id(n)).await.unwrap_err(),
                batches.advance(id(n), &BatchChange::Cancelled).await.unwrap_err(),
            ];
            for error in told {
                assert_eq!(error.kind, ErrorKind::Data);
                assert!(error.to_string().contains(&id(n).to_string()), "{error}");
            }
        }
        let states = |transaction: &Transaction<'_>| {
            let mut states = transaction.prepare("SELECT state FROM batches ORDER BY batch_id")?;
            states.query_map([], |row| row.get(0))?.collect::<Outcome<Vec<String>>>()
        };
        let [open, set_aside] = ["submitting", DAMAGED];
        let expected = [open, set_aside, set_aside, set_aside, set_aside, open];
        assert_eq!(database.read(states).await.unwrap(), expected, "which is said once");
    }

    #[tokio::test]
    async fn what_is_damaged_takes_no_place_of_others_and_goes_in_its_time() {
        let (_, batches) = with_damaged().await;
        let mut new = batch(7, 4);
        new.quota = Some(Quota { total: 6, each: 6 });
        assert_eq!(
            batches.create(&new).await.unwrap(),
            CreatedBatch::TooManyOfActor,
            "six are still to come"
        );
        batches.unfinished(None, 10).await.unwrap();
        assert_eq!(batches.create(&new).await.unwrap(), CreatedBatch::New, "two are");
        assert_eq!(batches.delete_expired(10_000).await.unwrap(), 4);
        assert_eq!(batches.get(id(3)).await.unwrap(), None);
    }
}
