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

use super::retention;
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
    let (started_at, execution) = match after {
        Some(place) => (place.started_at, place.execution.as_str()),
        None => (Millis::MAX, ""),
    };
    let mut statement = transaction.prepare_cached(&list_sql(filter))?;
    let (workflow, status) =
        (filter.workflow.as_deref().unwrap_or_default(), filter.status.map_or("", WorkflowStatus::as_str));
    let values = params![started_at, execution, columns::integer(limit), workflow, status];
    let runs = statement.query_map(values, summary)?;
    runs.collect()
}

/// Returns the statement for a list: one for each set of conditions, so that each walks an index of its own. What is not
/// asked for compares its parameter with nothing.
fn list_sql(filter: &WorkflowRunFilter) -> String {
    let workflow = if filter.workflow.is_some() { "workflow = ?4" } else { "?4 = ''" };
    let status = if filter.status.is_some() { "status = ?5" } else { "?5 = ''" };
    format!(
        "SELECT {SUMMARY} FROM workflow_runs
        WHERE {workflow} AND {status} AND (started_at, execution) < (?1, ?2)
        ORDER BY started_at DESC, execution DESC LIMIT ?3"
    )
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

    async fn delete_ended(&self, before: Millis) -> Result<u64, PortError> {
        let mut deleted = 0;
        loop {
            let step = self.store.0.change(move |transaction| retention::step(transaction, before)).await?;
            deleted += step.runs;
            if step.is_last {
                return Ok(deleted);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how SQLite goes about a list.
    async fn plan(database: &Database, filter: WorkflowRunFilter) -> Vec<String> {
        let plan = move |transaction: &Transaction<'_>| {
            let mut statement = transaction.prepare(&format!("EXPLAIN QUERY PLAN {}", list_sql(&filter)))?;
            let steps = statement.query_map(params![Millis::MAX, "", 50, "w", "failed"], |row| row.get(3))?;
            steps.collect()
        };
        database.read(plan).await.unwrap()
    }

    #[tokio::test]
    async fn every_list_goes_along_an_index_of_its_own() {
        let database = Database::in_memory().unwrap();
        for (workflow, status, expected) in [
            (None, None, "workflow_runs_by_start ((started_at,execution)<(?,?))"),
            (
                None,
                Some(WorkflowStatus::Failed),
                "workflow_runs_by_status (status=? AND (started_at,execution)<(?,?))",
            ),
            (Some("w"), None, "workflow_runs_by_workflow (workflow=? AND (started_at,execution)<(?,?))"),
            (
                Some("w"),
                Some(WorkflowStatus::Running),
                "workflow_runs_by_both (workflow=? AND status=? AND (started_at,execution)<(?,?))",
            ),
        ] {
            let filter = WorkflowRunFilter { workflow: workflow.map(str::to_owned), status };
            let plan = plan(&database, filter).await;
            assert_eq!(
                plan,
                [format!("SEARCH workflow_runs USING INDEX {expected}")],
                "{workflow:?} {status:?}"
            );
        }
    }
}
