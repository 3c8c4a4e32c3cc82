//! The runs of all workflows of a database, as those see them who neither start nor drive any.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::{Map, Value, json};
use tradai_domain::ports::{
    PortError, WorkflowRunDetail, WorkflowRunEvent, WorkflowRunFilter, WorkflowRunPlace, WorkflowRunSummary,
    WorkflowRuns, WorkflowStatus,
};
use tradai_domain::{Clock, ErrorKind, Millis};

use super::store::{Store, status};
use crate::Database;
use crate::database::Outcome;
use crate::json as columns;

/// [`WorkflowRuns`] in a [`Database`]. Who drives a run that is stopped here finds that out when it looks next.
#[derive(Clone)]
pub struct SqliteWorkflowRuns {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl SqliteWorkflowRuns {
    /// Returns the runs of a database.
    #[must_use]
    pub fn new(database: Database, clock: Arc<dyn Clock>) -> Self {
        Self { store: Store(database), clock }
    }
}

/// The columns that [`summary`] reads.
const SUMMARY: &str = "execution, workflow, name, status, started_at, ended_at";

fn summary(row: &Row<'_>) -> Outcome<WorkflowRunSummary> {
    Ok(WorkflowRunSummary {
        execution: row.get(0)?,
        workflow: row.get(1)?,
        name: row.get(2)?,
        status: status(row, 3)?,
        started_at: row.get(4)?,
        ended_at: row.get(5)?,
    })
}

fn list(
    transaction: &Transaction<'_>,
    filter: &WorkflowRunFilter,
    after: Option<&WorkflowRunPlace>,
    limit: usize,
) -> Outcome<Vec<WorkflowRunSummary>> {
    let sql = format!(
        "SELECT {SUMMARY} FROM workflow_runs
        WHERE (?1 IS NULL OR workflow = ?1) AND (?2 IS NULL OR status = ?2)
            AND (started_at, execution) < (?3, ?4)
        ORDER BY started_at DESC, execution DESC LIMIT ?5"
    );
    let (started_at, execution) = match after {
        Some(place) => (place.started_at, place.execution.as_str()),
        None => (Millis::MAX, ""),
    };
    let mut statement = transaction.prepare_cached(&sql)?;
    let status = filter.status.map(WorkflowStatus::as_str);
    let values = params![filter.workflow, status, started_at, execution, columns::integer(limit)];
    let runs = statement.query_map(values, summary)?;
    runs.collect()
}

fn find(transaction: &Transaction<'_>, execution: &str) -> Outcome<Option<WorkflowRunDetail>> {
    let sql = format!("SELECT {SUMMARY}, input, result FROM workflow_runs WHERE execution = ?1");
    let detail = |row: &Row<'_>| {
        let result: Option<String> = row.get(7)?;
        Ok(WorkflowRunDetail {
            summary: summary(row)?,
            input: columns::column(row, 6)?,
            result: result.map(|_| columns::column(row, 7)).transpose()?,
        })
    };
    transaction.prepare_cached(&sql)?.query_row([execution], detail).optional()
}

#[async_trait]
impl WorkflowRuns for SqliteWorkflowRuns {
    async fn list(
        &self,
        filter: &WorkflowRunFilter,
        after: Option<&WorkflowRunPlace>,
        limit: usize,
    ) -> Result<Vec<WorkflowRunSummary>, PortError> {
        let (filter, after) = (filter.clone(), after.cloned());
        self.store.0.read(move |transaction| list(transaction, &filter, after.as_ref(), limit)).await
    }

    async fn get(&self, execution: &str) -> Result<Option<WorkflowRunDetail>, PortError> {
        let execution = execution.to_owned();
        self.store.0.read(move |transaction| find(transaction, &execution)).await
    }

    async fn history(
        &self,
        execution: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WorkflowRunEvent>, PortError> {
        let events = self.store.history(execution, after, limit).await?;
        let event = |event| {
            let Ok(Value::Object(mut details)) = serde_json::to_value(event) else { return None };
            Some(WorkflowRunEvent {
                seq: details.remove("seq")?.as_u64()?,
                at: details.remove("at")?.as_i64()?,
                kind: details.remove("type")?.as_str()?.to_owned(),
                details: readable(details),
            })
        };
        let read: Option<Vec<_>> = events.into_iter().map(event).collect();
        read.ok_or_else(|| PortError::new(ErrorKind::Internal, "an event of a workflow has no JSON"))
    }

    async fn stop(&self, execution: &str, reason: &str) -> Result<Option<WorkflowStatus>, PortError> {
        let result = json!({"Error": "", "Cause": reason});
        self.store.end(execution, WorkflowStatus::Aborted, Some(result), self.clock.now_ms()).await?;
        self.store.status(execution).await
    }
}

/// Leaves the branch out that every run has.
fn readable(mut details: Map<String, Value>) -> Map<String, Value> {
    if details.get("branch").and_then(Value::as_str) == Some("") {
        details.remove("branch");
    }
    details
}

impl fmt::Debug for SqliteWorkflowRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteWorkflowRuns")
    }
}
