//! Runs of workflows: shown and stopped.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_domain::Millis;
use tradai_domain::ports::{
    WorkflowRunDetail, WorkflowRunEvent, WorkflowRunFilter, WorkflowRunPlace, WorkflowRunSummary,
    WorkflowStatus,
};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::axum::{Extension, extract};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{
    Caller, FieldFault, Json, Page, PageQuery, Path, Problem, Query, RequestIds, page_links,
};

use super::job_view::date;
use super::problem::problem;
use super::state::State;
use super::submit::requester;
use crate::core::RunPage;

/// Which runs, and which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RunsQuery {
    /// Name of the workflow.
    workflow: Option<String>,
    /// `running`, `succeeded`, `failed`, `timed_out` or `aborted`.
    status: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A run of a workflow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunBody {
    /// Its id.
    #[schema(example = "backtest:018cc251-f400-7000-8000-000000000001")]
    execution: String,
    /// Name of the workflow.
    workflow: String,
    /// What it was started as.
    name: String,
    /// `running`, `succeeded`, `failed`, `timed_out` or `aborted`.
    #[schema(example = "running")]
    status: &'static str,
    started_at: String,
    ended_at: Option<String>,
}

/// A run of a workflow, with its data.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunDetailBody {
    #[serde(flatten)]
    run: RunBody,
    /// What it was started with.
    input: Value,
    /// Its output, or `{"Error": …, "Cause": …}` of one that did not succeed; `null` while it goes on.
    result: Option<Value>,
}

/// Something that happened in a run.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunEventBody {
    /// Its number in the run.
    seq: u64,
    at: String,
    /// `state_entered`, `state_exited`, `state_retried`, `fault_caught` or `state_failed`.
    #[serde(rename = "type")]
    #[schema(example = "state_entered")]
    kind: String,
    /// Of what it happened to: `state`, `branch` where it is not the run's own, `fault` of a state that failed,
    /// `retry_at` of one that is tried again.
    #[schema(value_type = Object)]
    details: Map<String, Value>,
}

impl RunBody {
    fn of(run: WorkflowRunSummary) -> Self {
        let WorkflowRunSummary { execution, workflow, name, status, started_at, ended_at } = run;
        Self {
            execution,
            workflow,
            name,
            status: status.as_str(),
            started_at: date(started_at),
            ended_at: ended_at.map(date),
        }
    }
}

impl RunDetailBody {
    fn of(run: WorkflowRunDetail) -> Self {
        Self { run: RunBody::of(run.summary), input: run.input, result: run.result }
    }
}

impl RunEventBody {
    fn of(event: WorkflowRunEvent) -> Self {
        let WorkflowRunEvent { seq, at, kind, mut details } = event;
        // Moments are written as everywhere else.
        if let Some(at) = details.get("retry_at").and_then(Value::as_i64) {
            details.insert("retry_at".to_owned(), date(at).into());
        }
        Self { seq, at: date(at), kind, details }
    }
}

impl RunsQuery {
    fn filter(&self) -> Result<WorkflowRunFilter, Problem> {
        let status = self.status.as_deref().map(str::parse::<WorkflowStatus>).transpose();
        let status =
            status.map_err(|error| Problem::fields(vec![FieldFault::query("status", error.to_string())]))?;
        Ok(WorkflowRunFilter { workflow: self.workflow.clone(), status })
    }
}

/// Lists runs of workflows, the latest start first
#[utoipa::path(get, path = "/api/v1/workflows", operation_id = "list_workflow_runs", tag = "workflows",
    params(RunsQuery), responses((status = 200, body = Page<RunBody>)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(query): Query<RunsQuery>,
) -> Result<(HeaderMap, Json<Page<RunBody>>), Problem> {
    let filter = query.filter()?;
    let page = PageQuery::new(query.limit, query.cursor);
    let list = format!("workflows {filter:?}");
    let place: Option<(Millis, String)> = state.cursors.open(&list, &page)?;
    let place = place.map(|(started_at, execution)| WorkflowRunPlace { started_at, execution });
    let found = state.core.workflows.list(&filter, place.as_ref(), page.limit()?).await.map_err(problem)?;
    let RunPage { runs, more_after } = found;
    let next_cursor = more_after.map(|last| state.cursors.seal(&list, &(last.started_at, last.execution)));
    let items = runs.into_iter().map(RunBody::of).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// Shows a run of a workflow
#[utoipa::path(get, path = "/api/v1/workflows/{execution}", operation_id = "show_workflow_run",
    tag = "workflows", params(("execution" = String, Path)), responses(
    (status = 200, body = RunDetailBody), (status = 404, description = "There is no such run")))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Path(execution): Path<String>,
) -> Result<Json<RunDetailBody>, Problem> {
    let run = state.core.workflows.get(&execution).await.map_err(problem)?;
    Ok(Json(RunDetailBody::of(run)))
}

/// Lists what happened in a run of a workflow, the earliest first
#[utoipa::path(get, path = "/api/v1/workflows/{execution}/history", operation_id = "list_workflow_history",
    tag = "workflows", params(("execution" = String, Path), PageQuery), responses(
    (status = 200, body = Page<RunEventBody>), (status = 404, description = "There is no such run")))]
pub(super) async fn history(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Path(execution): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<RunEventBody>>), Problem> {
    let list = format!("history of {execution}");
    let (limit, after): (usize, Option<u64>) = (page.limit()?, state.cursors.open(&list, &page)?);
    let found = state.core.workflows.history(&execution, after.unwrap_or(0), limit).await;
    let (events, more_after) = found.map_err(problem)?;
    let next_cursor = more_after.map(|seq| state.cursors.seal(&list, &seq));
    let items = events.into_iter().map(RunEventBody::of).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// Stops a run of a workflow
///
/// Wherever it stands; who drives it finds out within moments. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/workflows/{execution}/stop", operation_id = "stop_workflow_run",
    tag = "workflows", params(("execution" = String, Path)), responses(
    (status = 200, body = RunDetailBody),
    (status = 404, description = "There is no such run"),
    (status = 409, description = "The run ended in another way"),
))]
pub(super) async fn stop(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(execution): Path<String>,
) -> Result<Json<RunDetailBody>, Problem> {
    caller.require(Role::Trader)?;
    let run = state.core.workflows.stop(&execution, &requester(&caller, &ids)).await.map_err(problem)?;
    Ok(Json(RunDetailBody::of(run)))
}
