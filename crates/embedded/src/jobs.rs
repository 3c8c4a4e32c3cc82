//! Jobs in the database.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::types::{Type, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use tradai_domain::jobs::{BacktestJobMessage, ChangeOutcome, JobChange, JobEvent, JobRecord, JobStatus};
use tradai_domain::ports::{
    Created, JobDeletion, JobFilter, JobPage, JobRepository, Lease, MAX_PAGE, NewJob, PortError, Quota,
    RequestKey,
};
use tradai_domain::{JobId, Millis};

use crate::database::{Outcome, Unchanged};
use crate::error::port_error;
use crate::events::EventRow;
use crate::idempotency::{Bound, bind};
use crate::{Database, SqliteEvents};
use crate::{audit, json};

/// Records that are held since the last commit.
const SEEN: usize = 1_024;

/// [`JobRepository`] in a [`Database`].
#[derive(Debug, Clone)]
pub struct SqliteJobs {
    database: Database,
    events: SqliteEvents,
    /// Records that were looked at: whoever waits for a job asks for the same again and again.
    seen: Arc<Unchanged<JobId, Arc<JobRecord>>>,
}

impl SqliteJobs {
    /// Returns the jobs of the database that these events are in, which tell of new jobs.
    #[must_use]
    pub fn new(events: SqliteEvents) -> Self {
        Self { database: events.database().clone(), events, seen: Arc::new(Unchanged::new(SEEN)) }
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
    holder: String,
    actor: String,
    quota: Option<Quota>,
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
            holder: job.holder.clone(),
            actor: job.entry.actor.clone(),
            quota: job.quota,
            at: record.created_at,
        })
    }

    /// Stores the job and all that belongs to it; returns the number of its event too when it is new.
    fn store(&self, transaction: &Transaction<'_>, kept: u64) -> Outcome<(Created, Option<u64>)> {
        let known = self.key.as_ref().map(|key| recall(transaction, key, self.at)).transpose()?.flatten();
        if let Some(known) = known {
            return Ok((known, None));
        }
        let refused = self.over_quota(transaction)?;
        if refused.is_some() || !self.insert(transaction)? {
            let there = find(transaction, &self.id)?.map(|there| Created::Before(Box::new(there)));
            let known = there.or(refused).ok_or(rusqlite::Error::QueryReturnedNoRows)?;
            return Ok((known, None));
        }
        if let Some(key) = &self.key {
            bind(transaction, key, &self.id, self.at)?;
        }
        let sql = "INSERT INTO job_messages (job_id, message) VALUES (?1, ?2)";
        transaction.prepare_cached(sql)?.execute([&self.id, &self.message])?;
        audit::append(transaction, &self.entry)?;
        let seq = self.event.publish(transaction, kept)?;
        Ok((Created::New, Some(seq)))
    }

    /// Returns why one more job may not wait.
    fn over_quota(&self, transaction: &Transaction<'_>) -> Outcome<Option<Created>> {
        let Some(Quota { total, each }) = self.quota else { return Ok(None) };
        Ok(match waiting(transaction, &self.actor)? {
            (_, of_actor) if of_actor >= json::integer(each) => Some(Created::TooManyOfActor),
            (all, _) if all >= json::integer(total) => Some(Created::TooMany),
            _ => None,
        })
    }

    /// Stores the record and counts it among those that wait; false when there is one of that id.
    fn insert(&self, transaction: &Transaction<'_>) -> Outcome<bool> {
        let sql = "INSERT INTO jobs
            (job_id, workflow_type, strategy_name, status, trace_id, ttl, record, holder, actor)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
        let stored = transaction.prepare_cached(sql)?.execute(params![
            self.id,
            self.workflow_type,
            self.strategy_name,
            self.status,
            self.trace_id,
            self.ttl,
            self.record,
            self.holder,
            self.actor,
        ])?;
        if stored > 0 {
            self.count(transaction)?;
        }
        Ok(stored > 0)
    }

    /// Counts it among those that wait, and no more among those that its batch is to take in, where it counted until now.
    /// Each statement changes one row of one table at most: SQLite takes a note of the pages that others change.
    fn count(&self, transaction: &Transaction<'_>) -> Outcome<()> {
        let to_come =
            transaction.prepare_cached("SELECT 1 FROM jobs_to_come WHERE job_id = ?1")?.exists([&self.id])?;
        if to_come {
            let sql = "DELETE FROM jobs_to_come WHERE job_id = ?1";
            transaction.prepare_cached(sql)?.execute([&self.id])?;
        }
        if self.status != JobStatus::Pending.as_str() {
            return Ok(());
        }
        let sql = "UPDATE waiting SET jobs = jobs + 1 WHERE actor = ?1";
        if transaction.prepare_cached(sql)?.execute([&self.actor])? == 0 {
            let sql = "INSERT INTO waiting (actor, jobs) VALUES (?1, 1)";
            transaction.prepare_cached(sql)?.execute([&self.actor])?;
        }
        Ok(())
    }
}

/// Returns how many jobs wait, or are still to come of a batch: of all together, and of an actor.
pub(crate) fn waiting(transaction: &Transaction<'_>, actor: &str) -> Outcome<(i64, i64)> {
    let sql = "SELECT COALESCE(SUM(jobs), 0), COALESCE(SUM(jobs) FILTER (WHERE actor = ?1), 0) FROM waiting";
    let mut statement = transaction.prepare_cached(sql)?;
    statement.query_row([actor], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Returns what is to be said of a key that stands for something: by one statement, so that key and job are of one moment.
fn recall(connection: &Connection, key: &RequestKey, now: Millis) -> Outcome<Option<Created>> {
    let sql = "SELECT fingerprint, reply, record FROM idempotency
        LEFT JOIN jobs ON job_id = CAST(reply AS TEXT) WHERE key = ?1 AND until > ?2";
    let known = |row: &Row<'_>| {
        let (fingerprint, reply): (Vec<u8>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
        Ok(match Bound::of(key, &fingerprint, reply.as_deref()) {
            Bound::OtherRequest => Created::OtherRequest,
            Bound::Before(id) if row.get_ref(2)? == ValueRef::Null => Created::Deleted(id),
            Bound::Before(_) => Created::Before(Box::new(json::column(row, 2)?)),
        })
    };
    connection.prepare_cached(sql)?.query_row(params![key.key, now], known).optional()
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

/// Notes that a holder lives, and gives it the jobs of those that do not.
fn take_up(transaction: &Transaction<'_>, lease: &Lease) -> Outcome<Vec<JobId>> {
    let Lease { holder, workflow_type, now, until } = lease;
    let sql = "INSERT INTO holders (holder, until) VALUES (?1, ?2)
        ON CONFLICT (holder) DO UPDATE SET until = excluded.until";
    transaction.prepare_cached(sql)?.execute(params![holder, until])?;
    transaction.prepare_cached("DELETE FROM holders WHERE until <= ?1")?.execute([now])?;
    let [pending, running] = [JobStatus::Pending, JobStatus::Running].map(JobStatus::as_str);
    let kind = workflow_type.as_str();
    let sql = "UPDATE jobs SET holder = ?1 WHERE status IN (?2, ?3) AND workflow_type = ?4
        AND holder <> ?1 AND holder NOT IN (SELECT holder FROM holders)";
    transaction.prepare_cached(sql)?.execute([holder, pending, running, kind])?;
    let sql = "SELECT job_id FROM jobs WHERE status IN (?2, ?3) AND workflow_type = ?4 AND holder = ?1
        ORDER BY job_id";
    let mut statement = transaction.prepare_cached(sql)?;
    let ids = statement.query_map([holder, pending, running, kind], |row| {
        let text: String = row.get(0)?;
        text.parse()
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
    })?;
    ids.collect()
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

    async fn recall(&self, key: &RequestKey, now: Millis) -> Result<Option<Created>, PortError> {
        let key = key.clone();
        self.database.look(move |connection| recall(connection, &key, now)).await
    }

    async fn get(&self, id: JobId) -> Result<Option<Arc<JobRecord>>, PortError> {
        let mark = self.database.mark();
        if let Some(seen) = mark.and_then(|mark| self.seen.get(mark, &id)) {
            return Ok(Some(seen));
        }
        let key = id.to_string();
        let found = self.database.look(move |connection| find(connection, &key)).await?.map(Arc::new);
        if let (Some(mark), Some(found)) = (mark, &found) {
            self.seen.keep(mark, id, found.clone());
        }
        Ok(found)
    }

    async fn get_many(&self, ids: &[JobId]) -> Result<Vec<JobRecord>, PortError> {
        let ids = json::text(&ids).map_err(|error| port_error(&error))?;
        let find = move |transaction: &Transaction<'_>| {
            let sql = "SELECT record FROM jobs WHERE job_id IN (SELECT value FROM json_each(?1))";
            let mut statement = transaction.prepare_cached(sql)?;
            let records = statement.query_map([&ids], |row| json::column(row, 0))?;
            records.collect()
        };
        self.database.read(find).await
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

    async fn take_up(&self, lease: &Lease) -> Result<Vec<JobId>, PortError> {
        let lease = lease.clone();
        self.database.change(move |transaction| take_up(transaction, &lease)).await
    }

    async fn holder(&self, id: JobId) -> Result<Option<String>, PortError> {
        let id = id.to_string();
        let find = move |connection: &Connection| {
            let sql = "SELECT holder FROM jobs WHERE job_id = ?1";
            connection.prepare_cached(sql)?.query_row([&id], |row| row.get(0)).optional()
        };
        self.database.look(find).await
    }

    async fn let_go(&self, holder: &str, until: Millis) -> Result<(), PortError> {
        let holder = holder.to_owned();
        let end = move |transaction: &Transaction<'_>| {
            let sql = "DELETE FROM holders WHERE holder = ?1 AND until = ?2";
            transaction.prepare_cached(sql)?.execute(params![holder, until])
        };
        self.database.change(end).await.map(drop)
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
