//! Backtest jobs: shown, cancelled, deleted.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use tradai_domain::JobId;
use tradai_domain::jobs::WorkflowType;
use tradai_domain::ports::{JobFilter, JobPage};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::Extension;
use tradai_service::axum::extract;
use tradai_service::axum::http::{StatusCode, Uri};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{
    Caller, Code, FieldFault, HoldBack, Json, Page, PageQuery, Path, Problem, Query, RequestIds, WrittenJson,
    page_links,
};

use super::job_view::BacktestBody;
use super::problem::problem;
use super::state::State;
use super::submit::requester;

/// Which jobs, and which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `pending`, `running`, `completed`, `failed` or `cancelled`.
    status: Option<String>,
    /// Name of the strategy.
    strategy: Option<String>,
    /// What the jobs are traced by.
    trace_id: Option<String>,
    /// `backtest`, which is also the default.
    workflow_type: Option<String>,
    /// `-created_at`, the newest first, which is also the default.
    sort: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// Seconds to wait for the end, 0 to 30.
    #[param(minimum = 0, maximum = 30)]
    wait: Option<String>,
}

/// Lists backtests, the newest first
#[utoipa::path(get, path = "/api/v1/backtests", operation_id = "list_backtests", tag = "backtests",
    params(ListQuery), responses((status = 200, body = Page<BacktestBody<'static>>)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter()?;
    let page = PageQuery::new(query.limit, query.cursor);
    let list = format!("backtests {filter:?}");
    let page = JobPage { limit: page.limit()?, before: state.cursors.open(&list, &page)? };
    let listed = state.core.backtests.list(&filter, page).await.map_err(problem)?;
    let next_cursor = listed.more_before.map(|last| state.cursors.seal(&list, &last));
    let backtests = &state.core.backtests;
    let items = listed.records.iter();
    let items = items.map(|job| BacktestBody::of(job).collecting(backtests.collecting(job.job_id))).collect();
    let headers = page_links(&uri, next_cursor.as_deref());
    Ok((headers, Json(Page::<BacktestBody<'_>> { items, next_cursor })).into_response())
}

/// Shows a backtest
///
/// With `wait` the reply is held back until the job has ended, for so many seconds at most; not while very many wait.
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}", operation_id = "show_backtest", tag = "backtests",
    params(("job_id" = String, Path), WaitQuery), responses(
    (status = 200, body = BacktestBody<'static>), (status = 404, description = "There is no such job")))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Extension(hold_back): Extension<HoldBack>,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let wait = query.duration_or(Duration::ZERO)?.min(state.longest_wait);
    let waiting = (!wait.is_zero()).then(|| hold_back.begin()).flatten();
    let wait = if waiting.is_some() { wait } else { Duration::ZERO };
    let record = state.core.backtests.wait(job_id(&id)?, wait).await.map_err(problem)?;
    if let Some(far) = state.core.backtests.collecting(record.job_id) {
        return Ok(Json(BacktestBody::of(&record).collecting(Some(far))).into_response());
    }
    let written = state.written.of(&record, |record| WrittenJson::of(&BacktestBody::of(record)))?;
    Ok(written.into_response())
}

/// Cancels a backtest
///
/// Works wherever the job stands; whoever runs it is stopped. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/backtests/{job_id}/cancel", operation_id = "cancel_backtest",
    tag = "backtests", params(("job_id" = String, Path)), responses(
    (status = 200, body = BacktestBody<'static>),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job ended in another way"),
))]
pub(super) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let requester = requester(&caller, &ids);
    let record = state.core.backtests.cancel(job_id(&id)?, &requester).await.map_err(problem)?;
    Ok(Json(BacktestBody::of(&record)).into_response())
}

/// Deletes a backtest that has ended, with its results
#[utoipa::path(delete, path = "/api/v1/backtests/{job_id}", operation_id = "delete_backtest",
    tag = "backtests", params(("job_id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job has not ended; cancel it first"),
))]
pub(super) async fn delete(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Role::Admin)?;
    let requester = requester(&caller, &ids);
    state.core.backtests.delete(job_id(&id)?, &requester).await.map_err(problem)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a job's id; what is no id names no job.
pub(super) fn job_id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "there is no such job: its id is a UUID"))
}

impl ListQuery {
    fn filter(&self) -> Result<JobFilter, Problem> {
        let mut faults = Vec::new();
        let filter = JobFilter {
            status: parse(&mut faults, "status", self.status.as_deref()),
            strategy_name: parse(&mut faults, "strategy", self.strategy.as_deref()),
            trace_id: parse(&mut faults, "trace_id", self.trace_id.as_deref()),
            workflow_type: parse(&mut faults, "workflow_type", self.workflow_type.as_deref())
                .or(Some(WorkflowType::Backtest)),
        };
        if self.sort.as_deref().is_some_and(|sort| sort != "-created_at") {
            faults.push(FieldFault::query("sort", "only -created_at is allowed, the newest first"));
        }
        if faults.is_empty() { Ok(filter) } else { Err(Problem::fields(faults)) }
    }
}

fn parse<T: FromStr<Err: Display>>(
    faults: &mut Vec<FieldFault>,
    name: &str,
    text: Option<&str>,
) -> Option<T> {
    let parsed =
        text?.parse().map_err(|error: T::Err| faults.push(FieldFault::query(name, error.to_string())));
    parsed.ok()
}

impl WaitQuery {
    pub(super) fn duration_or(&self, default: Duration) -> Result<Duration, Problem> {
        const LONGEST: u64 = 30;
        let Some(text) = &self.wait else { return Ok(default) };
        let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST);
        seconds.map(Duration::from_secs).ok_or_else(|| {
            let reason = format!("expected a number of seconds from 0 to {LONGEST}");
            Problem::fields(vec![FieldFault::query("wait", reason)])
        })
    }
}
