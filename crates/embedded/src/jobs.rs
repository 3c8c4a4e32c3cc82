//! Jobs in the database.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tradai_domain::jobs::{BacktestJobMessage, ChangeOutcome, JobChange, JobEvent, JobRecord, JobStatus};
use tradai_domain::ports::{
    Created, JobDeletion, JobFilter, JobPage, JobRepository, MAX_PAGE, NewJob, PortError, RequestKey,
};
use tradai_domain::{JobId, Millis};

use crate::database::Outcome;
use crate::error::port_error;
use crate::events::EventRow;
use crate::idempotency::{Bound, bind};
use crate::{Database, SqliteEvents};
use crate::{audit, json};

/// [`JobRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteJobs {
    database: Database,
    events: SqliteEvents,
}

impl SqliteJobs {
    /// Returns the jobs of the database that these events are in, which tell of new jobs.
    #[must_use]
    pub fn new(events: SqliteEvents) -> Self {
        Self { database: events.database().clone(), events }
    }
}

/// A new job as the database takes it. It is made by whoever asks, so that the one thread that writes only stores.
struct NewRow {
    id: String,
    workflow_type: &'static str,
    strategy_name: String,
    status: &'static str,
    trace_id: String,
    ttl: Option<i64>,
    record: String,
    message: String,
    entry: String,
    event: EventRow,
    key: Option<RequestKey>,
    at: Millis,
}

impl NewRow {
    fn new(job: &NewJob) -> Outcome<Self> {
        let record = &job.record;
        Ok(Self {
            id: record.job_id.to_string(),
            workflow_type: record.workflow_type.as_str(),
            strategy_name: record.strategy_name.to_string(),
            status: record.status.as_str(),
            trace_id: record.trace_id.to_string(),
            ttl: record.ttl,
            record: json::text(record)?,
            message: json::text(&job.message)?,
            entry: json::text(&job.entry)?,
            event: EventRow::new(&JobEvent::created(record))?,
            key: job.key.clone(),
            at: record.created_at,
        })
    }

    /// Stores the job and all that belongs to it; returns the number of its event too when it is new.
    fn store(&self, transaction: &Transaction<'_>, kept: u64) -> Outcome<(Created, Option<u64>)> {
        let bound = self.key.as_ref().map(|key| bind(transaction, key, &self.id, self.at)).transpose()?;
        match bound {
            Some(Bound::OtherRequest) => return Ok((Created::OtherRequest, None)),
            Some(Bound::Before(id)) => {
                let there = find(transaction, &id.to_string())?.map(Box::new);
                return Ok((there.map_or(Created::Deleted(id), Created::Before), None));
            }
            Some(Bound::New) | None => {}
        }
        if !self.insert(transaction)? {
            let there = find(transaction, &self.id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            return Ok((Created::Before(Box::new(there)), None));
        }
        let sql = "INSERT INTO job_messages (job_id, message) VALUES (?1, ?2)";
        transaction.prepare_cached(sql)?.execute([&self.id, &self.message])?;
        audit::append(transaction, &self.entry)?;
        let seq = self.event.publish(transaction, kept)?;
        Ok((Created::New, Some(seq)))
    }

    /// Stores the record; false when there is one.
    fn insert(&self, transaction: &Transaction<'_>) -> Outcome<bool> {
        let sql = "INSERT INTO jobs (job_id, workflow_type, strategy_name, status, trace_id, ttl, record)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (job_id) DO NOTHING";
        let inserted = transaction.prepare_cached(sql)?.execute(params![
            self.id,
            self.workflow_type,
            self.strategy_name,
            self.status,
            self.trace_id,
            self.ttl,
            self.record,
        ])?;
        Ok(inserted > 0)
    }
}

fn find(connection: &Connection, id: &str) -> Outcome<Option<JobRecord>> {
    let mut statement = connection.prepare_cached("SELECT record FROM jobs WHERE job_id = ?1")?;
    statement.query_row([id], |row| json::column(row, 0)).optional()
}

/// Stores what became of a record. Whose job it is stays, and so does what it is found by beside its status.
fn update(transaction: &Transaction<'_>, id: &str, record: &JobRecord) -> Outcome<()> {
    let sql = "UPDATE jobs SET status = ?2, record = ?3 WHERE job_id = ?1";
    let values = params![id, record.status.as_str(), json::text(record)?];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn list(transaction: &Transaction<'_>, filter: &JobFilter, page: JobPage) -> Outcome<Vec<JobRecord>> {
    // Ids are written so that their text sorts as they do; `g` comes after every digit.
    let before = page.before.map_or_else(|| "g".to_owned(), |id| id.to_string());
    let mut conditions = vec!["job_id < ?1"];
    let mut values: Vec<String> = vec![before];
    let mut equal = |condition: &'static str, value: Option<String>| {
        // Every condition has its place among the parameters, so that a list of names is no text that we build.
        conditions.extend(value.is_some().then_some(condition));
        values.push(value.unwrap_or_default());
    };
    equal("status = ?2", filter.status.map(|status| status.to_string()));
    equal("workflow_type = ?3", filter.workflow_type.map(|kind| kind.to_string()));
    equal("strategy_name = ?4", filter.strategy_name.as_ref().map(ToString::to_string));
    equal("trace_id = ?5", filter.trace_id.map(|trace| trace.to_string()));
    let sql = format!(
        "SELECT record FROM jobs WHERE {} ORDER BY job_id DESC LIMIT {}",
        conditions.join(" AND "),
        page.size()
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    // SQLite refuses parameters beyond the highest that the text names.
    values.truncate(statement.parameter_count());
    let records = statement.query_map(rusqlite::params_from_iter(values), |row| json::column(row, 0))?;
    records.collect()
}

fn delete(transaction: &Transaction<'_>, id: &str) -> Outcome<()> {
    transaction.prepare_cached("DELETE FROM job_messages WHERE job_id = ?1")?.execute([id])?;
    transaction.prepare_cached("DELETE FROM jobs WHERE job_id = ?1")?.execute([id])?;
    Ok(())
}

#[async_trait]
impl JobRepository for SqliteJobs {
    async fn create(&self, job: &NewJob) -> Result<Created, PortError> {
        let (row, kept) = (NewRow::new(job).map_err(|error| port_error(&error))?, self.events.kept());
        let store = move |transaction: &Transaction<'_>| row.store(transaction, kept);
        let (created, told) = self.database.change(store).await?;
        if let Some(seq) = told {
            self.events.raise(seq);
        }
        Ok(created)
    }

    async fn get(&self, id: JobId) -> Result<Option<JobRecord>, PortError> {
        let id = id.to_string();
        self.database.look(move |connection| find(connection, &id)).await
    }

    async fn message(&self, id: JobId) -> Result<Option<BacktestJobMessage>, PortError> {
        let id = id.to_string();
        let find = move |connection: &Connection| {
            let sql = "SELECT message FROM job_messages WHERE job_id = ?1";
            connection.prepare_cached(sql)?.query_row([&id], |row| json::column(row, 0)).optional()
        };
        self.database.look(find).await
    }

    async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Vec<JobRecord>, PortError> {
        let filter = filter.clone();
        self.database.read(move |transaction| list(transaction, &filter, page)).await
    }

    async fn apply(
        &self,
        id: JobId,
        change: &JobChange,
    ) -> Result<Option<(JobRecord, ChangeOutcome)>, PortError> {
        let (id, change) = (id.to_string(), change.clone());
        let apply = move |transaction: &Transaction<'_>| {
            let Some(mut record) = find(transaction, &id)? else { return Ok(None) };
            let outcome = record.apply(&change);
            if matches!(outcome, ChangeOutcome::Applied { changed: true, .. }) {
                update(transaction, &id, &record)?;
            }
            Ok(Some((record, outcome)))
        };
        self.database.change(apply).await
    }

    async fn delete(&self, id: JobId) -> Result<JobDeletion, PortError> {
        let id = id.to_string();
        let remove = move |transaction: &Transaction<'_>| match find(transaction, &id)? {
            None => Ok(JobDeletion::Absent),
            Some(record) if !record.status.is_terminal() => Ok(JobDeletion::Active(record.status)),
            Some(_) => delete(transaction, &id).map(|()| JobDeletion::Deleted),
        };
        self.database.change(remove).await
    }

    async fn expired(&self, now: Millis, after: Option<JobId>) -> Result<Vec<JobRecord>, PortError> {
        let find = move |transaction: &Transaction<'_>| {
            let active = [JobStatus::Pending, JobStatus::Running].map(JobStatus::as_str);
            let after = after.map_or_else(String::new, |id| id.to_string());
            let sql = "SELECT record FROM jobs WHERE ttl <= ?1 AND status NOT IN (?2, ?3) AND job_id > ?4
                ORDER BY job_id LIMIT ?5";
            let mut statement = transaction.prepare_cached(sql)?;
            let limits = params![now.div_euclid(1_000), active[0], active[1], after, json::integer(MAX_PAGE)];
            statement.query_map(limits, |row| json::column(row, 0))?.collect()
        };
        self.database.read(find).await
    }
}
