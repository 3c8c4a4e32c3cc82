//! Reproducing a backtest.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::{Value, json};
use tradai_domain::Millis;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::{Extension, extract};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, Code, HoldBack, Json, Path, Problem, Query, RequestIds};

use super::backtests::{WaitQuery, job_id};
use super::problem::problem;
use super::state::State;
use super::submit::requester;
use crate::core::VerificationRun;

/// When to come back while another job is verified.
const BUSY: Duration = Duration::from_secs(10);
/// How long the end is waited for where nobody says.
const WAIT: Duration = Duration::from_secs(10);

/// A backtest that is run again, or was.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerificationBody {
    /// The job.
    job_id: String,
    /// `running`, `completed`, `failed` or `cancelled`.
    #[schema(example = "completed")]
    status: &'static str,
    /// When it began.
    started_at: String,
    /// When it ended.
    ended_at: Option<String>,
    /// How much of the run is done, 0 to 1; comparing comes after it.
    progress: f64,
    /// Whether every file came out the same; `null` before that is known.
    same: Option<bool>,
    /// Each file and its outcome: `same`, `altered` (it is not what the job wrote) or `different` (the new run gives
    /// other bytes), with the first difference.
    #[schema(value_type = Vec<Value>, example = json!([["result.json", {"outcome": "same"}]]))]
    files: Value,
    /// What may explain a difference.
    notes: Vec<String>,
    /// Why it failed.
    error: Option<String>,
}

impl VerificationBody {
    fn of(run: &VerificationRun) -> Self {
        let mut body = Self {
            job_id: run.job_id.to_string(),
            status: "running",
            started_at: date(run.started_at),
            ended_at: None,
            progress: run.progress().into(),
            same: None,
            files: json!([]),
            notes: Vec::new(),
            error: None,
        };
        let Some(end) = run.end() else { return body };
        body.ended_at = Some(date(end.at));
        match &end.found {
            None => body.status = "cancelled",
            Some(Ok(found)) => {
                body.status = "completed";
                body.same = Some(found.is_same());
                body.files = json!(found.files);
                body.notes.clone_from(&found.notes);
            }
            Some(Err(error)) => {
                body.status = "failed";
                body.error = Some(problem(error.clone()).detail().to_owned());
            }
        }
        body
    }
}

/// Runs a completed backtest again and compares every byte
///
/// Answers 200 with the outcome when that is there soon, and 202 with where to ask for it otherwise. One at a time: a job
/// that is being verified is not begun anew, and while another one is the answer is 503.
#[utoipa::path(post, path = "/api/v1/backtests/{job_id}/verify", operation_id = "verify_backtest",
    tag = "results", params(("job_id" = String, Path), WaitQuery), responses(
    (status = 200, body = VerificationBody, description = "It has ended"),
    (status = 202, body = VerificationBody, description = "It is under way"),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
    (status = 503, description = "Another job is being verified"),
))]
pub(super) async fn verify(
    extract::State(state): extract::State<State>,
    Extension(hold_back): Extension<HoldBack>,
    Extension(ids): Extension<RequestIds>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let wait = query.duration_or(WAIT)?;
    let busy = || Problem::new(Code::Overloaded, "another job is being verified").retry_after(BUSY);
    let begun = state.core.verifier.start(job_id(&id)?, &requester(&caller, &ids)).await;
    let run = begun.map_err(problem)?.ok_or_else(busy)?;
    held_back(&state, &hold_back, &run, wait).await;
    Ok(answer(&run, StatusCode::ACCEPTED))
}

/// Shows the last verification of a backtest
///
/// With `wait` the reply is held back until it has ended, for so many seconds at most. It is remembered until the next
/// one, or until the service restarts.
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/verification", operation_id = "show_verification",
    tag = "results", params(("job_id" = String, Path), WaitQuery), responses(
    (status = 200, body = VerificationBody),
    (status = 404, description = "There is no such job, or none of its verifications is remembered"),
))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Extension(hold_back): Extension<HoldBack>,
    Path(id): Path<String>,
    Query(query): Query<WaitQuery>,
) -> Result<Response, Problem> {
    let wait = query.duration_or(Duration::ZERO)?;
    let run = last(&state, &id).await?;
    held_back(&state, &hold_back, &run, wait).await;
    Ok(answer(&run, StatusCode::OK))
}

/// Ends a verification that is under way
///
/// Repeating it changes nothing, nor does cancelling one that has ended.
#[utoipa::path(delete, path = "/api/v1/backtests/{job_id}/verification", operation_id = "cancel_verification",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = VerificationBody, description = "It has ended"),
    (status = 202, body = VerificationBody, description = "It is ending"),
    (status = 404, description = "There is no such job, or none of its verifications is remembered"),
))]
pub(super) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let run = last(&state, &id).await?;
    run.cancel();
    Ok(answer(&run, StatusCode::ACCEPTED))
}

async fn last(state: &State, id: &str) -> Result<Arc<VerificationRun>, Problem> {
    let found = state.core.verifier.last(job_id(id)?).await.map_err(problem)?;
    let none = "no verification of this job is remembered; POST to its /verify begins one";
    found.ok_or_else(|| Problem::new(Code::NotFound, none))
}

/// Waits for the end of a run, unless very many wait.
async fn held_back(state: &State, hold_back: &HoldBack, run: &VerificationRun, wait: Duration) {
    let wait = wait.min(state.longest_wait);
    let waiting = (!wait.is_zero()).then(|| hold_back.begin()).flatten();
    if waiting.is_some() {
        run.wait(wait).await;
    }
}

/// Presents a run: with 200 if it has ended, and with `running` while it has not.
fn answer(run: &VerificationRun, running: StatusCode) -> Response {
    let body = VerificationBody::of(run);
    let status = if body.ended_at.is_some() { StatusCode::OK } else { running };
    let location = HeaderValue::try_from(format!("/api/v1/backtests/{}/verification", run.job_id));
    let headers: HeaderMap = location.into_iter().map(|location| (header::LOCATION, location)).collect();
    (status, headers, Json(body)).into_response()
}

fn date(moment: Millis) -> String {
    let moment = DateTime::from_timestamp_millis(moment).unwrap_or_default();
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}
