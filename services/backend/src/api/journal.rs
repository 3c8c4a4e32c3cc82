//! Who did what, and what belongs to one trace.

use serde::Serialize;
use tradai_domain::jobs::{JobEvent, JobEventKind, JobStatus, TraceId, TraceIdError};
use tradai_domain::ports::AuditEntry;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, FieldFault, Json, Page, PageQuery, Path, Place, Problem, Query, page_links};

use super::job_view::{BacktestBody, date};
use super::problem::problem;
use super::state::State;

/// Something that somebody set out to do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditBody {
    /// Counts up from 1.
    number: u64,
    at: String,
    /// The name that a key or token belongs to.
    actor: String,
    #[schema(example = "job.submit")]
    action: String,
    /// To what: a job's id, a strategy and config.
    subject: String,
    trace_id: Option<String>,
    /// The service that asked for them; left out where they asked themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<String>,
}

/// All that shares a trace.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TraceBody<'a> {
    trace_id: String,
    /// Its jobs, the newest first; 500 at most.
    jobs: Vec<BacktestBody<'a>>,
    /// What happened to them, the earliest first.
    events: Vec<TraceEventBody>,
}

/// A status that a job took.
#[derive(Debug, Serialize, ToSchema)]
struct TraceEventBody {
    at: String,
    job_id: String,
    /// Where it stood; `null` for a job that was taken in.
    previous_status: Option<&'static str>,
    new_status: &'static str,
}

/// Lists who did what, the newest first
#[utoipa::path(get, path = "/api/v1/audit", operation_id = "list_audit", tag = "operation", params(PageQuery),
    responses((status = 200, body = Page<AuditBody>), (status = 403, description = "For the role admin")))]
pub(super) async fn audit(
    extract::State(state): extract::State<State>,
    caller: Caller,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<AuditBody>>), Problem> {
    caller.require(Role::Admin)?;
    let (limit, before) = (page.limit()?, state.cursors.open("audit", &page)?);
    let found = state.core.journal.audit(before, limit).await.map_err(problem)?;
    let next_cursor = found.more_before.map(|number| state.cursors.seal("audit", &number));
    let items = found.entries.into_iter().map(AuditBody::of).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// Shows everything that shares a trace
#[utoipa::path(get, path = "/api/v1/traces/{trace_id}", operation_id = "show_trace", tag = "operation",
    params(("trace_id" = String, Path)), responses(
    (status = 200, body = TraceBody<'static>),
    (status = 422, description = "It is no trace id"),
))]
pub(super) async fn trace(
    extract::State(state): extract::State<State>,
    Path(text): Path<String>,
) -> Result<Response, Problem> {
    let trace_id: TraceId = text.parse().map_err(|error: TraceIdError| {
        let pointer = "/trace_id".to_owned();
        Problem::fields(vec![FieldFault { place: Place::Path, pointer, reason: error.to_string() }])
    })?;
    let jobs = state.core.journal.trace(trace_id).await.map_err(problem)?;
    let mut history: Vec<JobEvent> = jobs.iter().flat_map(JobEvent::history).collect();
    history.sort_by_key(|event| event.at);
    Ok(Json(TraceBody {
        trace_id: trace_id.to_string(),
        jobs: jobs.iter().map(BacktestBody::of).collect(),
        events: history.iter().filter_map(TraceEventBody::of).collect(),
    })
    .into_response())
}

impl AuditBody {
    fn of((number, entry): (u64, AuditEntry)) -> Self {
        let AuditEntry { at, actor, action, subject, trace_id, via } = entry;
        let trace_id = trace_id.map(|trace_id| trace_id.to_string());
        Self { number, at: date(at), actor, action, subject, trace_id, via }
    }
}

impl TraceEventBody {
    fn of(event: &JobEvent) -> Option<Self> {
        let JobEventKind::State { previous_status, new_status, .. } = &event.kind else { return None };
        Some(Self {
            at: date(event.at),
            job_id: event.job_id.to_string(),
            previous_status: previous_status.map(JobStatus::as_str),
            new_status: new_status.as_str(),
        })
    }
}
