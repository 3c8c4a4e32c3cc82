//! Events in the database: a log that every process reads at its own pace.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tokio::sync::watch;
use tradai_domain::jobs::JobEvent;
use tradai_domain::ports::{EventBatch, EventBus, MAX_EVENTS, NumberedEvent, PortError};
use tradai_domain::{JobId, Millis};

use crate::Database;
use crate::database::Outcome;
use crate::error::port_error;
use crate::json;

/// How often the log is looked at for events of other processes.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long it is left alone after it could not be looked at.
const PAUSE_AFTER_FAULT: Duration = Duration::from_secs(1);

/// [`EventBus`] in a [`Database`]. A subscriber costs nothing until it reads: there is no buffer for it to overflow.
/// Clones share everything.
#[derive(Debug, Clone)]
pub struct SqliteEvents {
    database: Database,
    kept: u64,
    newest: watch::Sender<u64>,
}

impl SqliteEvents {
    /// Events that are kept unless told otherwise.
    pub const KEPT: u64 = 100_000;

    /// Returns the events of a database, of which the newest `kept` (at least one) are not forgotten.
    #[must_use]
    pub fn new(database: Database, kept: u64) -> Self {
        let newest = watch::Sender::new(0);
        if let Some(connection) = database.watching_connection() {
            watch_other_processes(connection, newest.clone());
        }
        Self { database, kept: kept.max(1), newest }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Returns how many events an [`EventRow`] leaves.
    pub(crate) fn kept(&self) -> u64 {
        self.kept
    }

    /// Wakes who waits for events: one of this number is on the disk.
    pub(crate) fn raise(&self, seq: u64) {
        raise(&self.newest, seq);
    }
}

/// Looks for commits of other processes until the bus is gone. One thread for any number of subscribers; asking for
/// the version of the file reads a number in shared memory.
fn watch_other_processes(connection: Outcome<Connection>, newest: watch::Sender<u64>) {
    let run = move || {
        let connection = match connection {
            Ok(connection) => connection,
            Err(error) => return tracing::error!(%error, "events of other processes are not seen: {error}"),
        };
        let mut seen = None;
        // Every clone of the bus holds one sender, this thread another.
        while newest.sender_count() > 1 {
            if let Err(error) = look(&connection, &mut seen, &newest) {
                tracing::warn!(%error, "events of other processes are late: {error}");
                std::thread::sleep(PAUSE_AFTER_FAULT);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    };
    let started = std::thread::Builder::new().name("tradai-db-events".to_owned()).spawn(run);
    if let Err(error) = started {
        tracing::error!(%error, "events of other processes are not seen: {error}");
    }
}

/// Passes the highest number on if the file changed since it was last seen.
fn look(connection: &Connection, seen: &mut Option<i64>, newest: &watch::Sender<u64>) -> Outcome<()> {
    let version: i64 = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
    if *seen != Some(version) {
        raise(newest, connection.query_row(LAST, [], |row| json::number(row, 0))?);
        *seen = Some(version);
    }
    Ok(())
}

/// The highest number that was given.
const LAST: &str = "SELECT coalesce(max(seq), 0) FROM events";
/// The lowest and highest number that are kept. In one `SELECT` SQLite would read every row for the two; alone, each
/// is a step to an end of the table.
const ENDS: &str =
    "SELECT coalesce((SELECT min(seq) FROM events), 0), coalesce((SELECT max(seq) FROM events), 0)";

fn raise(newest: &watch::Sender<u64>, seq: u64) {
    newest.send_if_modified(|newest| {
        let higher = seq > *newest;
        *newest = seq.max(*newest);
        higher
    });
}

/// An event as the database takes it.
pub(crate) struct EventRow {
    job_id: String,
    dedup_id: String,
    event: String,
}

impl EventRow {
    pub(crate) fn new(event: &JobEvent) -> Outcome<Self> {
        let (job_id, dedup_id) = (event.job_id.to_string(), event.dedup_id());
        Ok(Self { job_id, dedup_id, event: json::text(event)? })
    }

    /// Adds the event unless it was told, forgets the oldest but `kept`, and returns its number.
    pub(crate) fn publish(&self, transaction: &Transaction<'_>, kept: u64) -> Outcome<u64> {
        // A number that is taken stays taken, so that it is looked before: numbers have no gaps. One statement for both
        // would take a copy of every page that it changes.
        let told = transaction
            .prepare_cached("SELECT seq FROM events WHERE dedup_id = ?1")?
            .query_row([&self.dedup_id], |row| json::number(row, 0))
            .optional()?;
        if let Some(told) = told {
            return Ok(told);
        }
        let sql = "INSERT INTO events (job_id, dedup_id, event) VALUES (?1, ?2, ?3)";
        transaction.prepare_cached(sql)?.execute([&self.job_id, &self.dedup_id, &self.event])?;
        let seq = u64::try_from(transaction.last_insert_rowid()).unwrap_or_default();
        if let Some(forgotten) = seq.checked_sub(kept).filter(|forgotten| *forgotten > 0) {
            let sql = "DELETE FROM events WHERE seq <= ?1";
            transaction.prepare_cached(sql)?.execute([json::integer(forgotten)])?;
        }
        Ok(seq)
    }
}

fn read(transaction: &Transaction<'_>, job: Option<JobId>, after: u64) -> Outcome<EventBatch> {
    let (first, last): (u64, u64) = transaction
        .prepare_cached(ENDS)?
        .query_row([], |row| Ok((json::number(row, 0)?, json::number(row, 1)?)))?;
    let forgotten = first.saturating_sub(1);
    let missed_to = (after < forgotten).then_some(forgotten);
    let sql = match job {
        Some(_) => "SELECT seq, event FROM events WHERE seq > ?1 AND job_id = ?3 ORDER BY seq LIMIT ?2",
        None => "SELECT seq, event FROM events WHERE seq > ?1 AND ?3 = '' ORDER BY seq LIMIT ?2",
    };
    let job = job.map_or_else(String::new, |id| id.to_string());
    let limits = params![json::integer(after), json::integer(MAX_EVENTS), job];
    let events: Vec<NumberedEvent> = transaction
        .prepare_cached(sql)?
        .query_map(limits, |row| {
            Ok(NumberedEvent { seq: json::number(row, 0)?, event: json::column(row, 1)? })
        })?
        .collect::<Outcome<_>>()?;
    // A full batch may have more behind it; otherwise everything up to the last event was looked at.
    let full = events.len() == MAX_EVENTS;
    let read_to = if full { events.last().map_or(last, |event| event.seq) } else { last.max(after) };
    Ok(EventBatch { events, read_to, missed_to })
}

fn remembered_since(transaction: &Transaction<'_>) -> Outcome<Option<Millis>> {
    let oldest: Option<(u64, JobEvent)> = transaction
        .prepare_cached("SELECT seq, event FROM events ORDER BY seq LIMIT 1")?
        .query_row([], |row| Ok((json::number(row, 0)?, json::column(row, 1)?)))
        .optional()?;
    Ok(oldest.filter(|(seq, _)| *seq > 1).map(|(_, event)| event.at))
}

#[async_trait]
impl EventBus for SqliteEvents {
    async fn publish(&self, event: &JobEvent) -> Result<u64, PortError> {
        let (row, kept) = (EventRow::new(event).map_err(|error| port_error(&error))?, self.kept);
        let seq = self.database.change(move |transaction| row.publish(transaction, kept)).await?;
        self.raise(seq);
        Ok(seq)
    }

    async fn read(&self, job: Option<JobId>, after: u64) -> Result<EventBatch, PortError> {
        self.database.read(move |transaction| read(transaction, job, after)).await
    }

    async fn newest(&self) -> Result<u64, PortError> {
        self.database
            .look(|connection| connection.prepare_cached(LAST)?.query_row([], |row| json::number(row, 0)))
            .await
    }

    async fn remembered_since(&self) -> Result<Option<Millis>, PortError> {
        self.database.read(remembered_since).await
    }

    async fn wait(&self, after: u64) -> Result<(), PortError> {
        let mut newest = self.newest.subscribe();
        // What was told before this bus was opened is not in the channel.
        self.raise(self.newest().await?);
        // The sender lives as long as `self`, so there is nothing to hear of its end.
        drop(newest.wait_for(|&newest| newest > after).await);
        Ok(())
    }
}
