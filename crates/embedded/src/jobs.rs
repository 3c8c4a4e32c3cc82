//! Jobs in the database.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tradai_domain::jobs::{ChangeOutcome, JobChange, JobRecord, JobStatus};
use tradai_domain::ports::{JobDeletion, JobFilter, JobPage, JobRepository, MAX_PAGE, PortError};
use tradai_domain::{JobId, Millis};

use crate::Database;
use crate::database::Outcome;
use crate::json;

/// [`JobRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteJobs(Database);

impl SqliteJobs {
    /// Returns the jobs of a database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self(database)
    }
}

fn find(connection: &Connection, id: JobId) -> Outcome<Option<JobRecord>> {
    let mut statement = connection.prepare_cached("SELECT record FROM jobs WHERE job_id = ?1")?;
    statement.query_row([id.to_string()], |row| json::column(row, 0)).optional()
}

fn store(transaction: &Transaction<'_>, record: &JobRecord) -> Outcome<()> {
    let sql = "INSERT INTO jobs (job_id, workflow_type, strategy_name, status, trace_id, ttl, record)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT (job_id) DO UPDATE SET status = excluded.status, record = excluded.record";
    transaction.prepare_cached(sql)?.execute(params![
        record.job_id.to_string(),
        record.workflow_type.as_str(),
        record.strategy_name.as_str(),
        record.status.as_str(),
        record.trace_id.to_string(),
        record.ttl,
        json::text(record)?,
    ])?;
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

fn delete(transaction: &Transaction<'_>, id: JobId) -> Outcome<()> {
    transaction.prepare_cached("DELETE FROM jobs WHERE job_id = ?1")?.execute([id.to_string()])?;
    Ok(())
}

#[async_trait]
impl JobRepository for SqliteJobs {
    async fn create(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError> {
        let record = record.clone();
        let create = move |transaction: &Transaction<'_>| match find(transaction, record.job_id)? {
            Some(there) => Ok(Some(there)),
            None => store(transaction, &record).map(|()| None),
        };
        self.0.change(create).await
    }

    async fn get(&self, id: JobId) -> Result<Option<JobRecord>, PortError> {
        self.0.look(move |connection| find(connection, id)).await
    }

    async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Vec<JobRecord>, PortError> {
        let filter = filter.clone();
        self.0.read(move |transaction| list(transaction, &filter, page)).await
    }

    async fn apply(
        &self,
        id: JobId,
        change: &JobChange,
    ) -> Result<Option<(JobRecord, ChangeOutcome)>, PortError> {
        let change = change.clone();
        let apply = move |transaction: &Transaction<'_>| {
            let Some(mut record) = find(transaction, id)? else { return Ok(None) };
            let outcome = record.apply(&change);
            if matches!(outcome, ChangeOutcome::Applied { changed: true, .. }) {
                store(transaction, &record)?;
            }
            Ok(Some((record, outcome)))
        };
        self.0.change(apply).await
    }

    async fn delete(&self, id: JobId) -> Result<JobDeletion, PortError> {
        let remove = move |transaction: &Transaction<'_>| match find(transaction, id)? {
            None => Ok(JobDeletion::Absent),
            Some(record) if !record.status.is_terminal() => Ok(JobDeletion::Active(record.status)),
            Some(_) => delete(transaction, id).map(|()| JobDeletion::Deleted),
        };
        self.0.change(remove).await
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
        self.0.read(find).await
    }
}
