//! Reproducing a backtest.

use std::time::Duration;

use serde_json::Value;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::utoipa;
use tradai_service::{Caller, Code, Json, Path, Problem};

use super::backtests::job_id;
use super::problem::problem;
use super::state::State;

/// When to come back while another job is verified.
const BUSY: Duration = Duration::from_secs(10);

/// Runs a completed backtest again and compares every byte
///
/// One at a time: 503 while another one is verified. What takes longer than a request may is for `tradai verify`.
/// `files` has the outcome of each: `same`, `altered` (it is not what the job wrote) or `different` (the new run gives
/// other bytes); `notes` what may explain that.
#[utoipa::path(post, path = "/api/v1/backtests/{job_id}/verify", operation_id = "verify_backtest",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = Value),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
    (status = 503, description = "Another job is being verified"),
))]
pub(super) async fn verify(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    caller.require(Role::Trader)?;
    let verification = state.core.verifier.verify(job_id(&id)?).await.map_err(problem)?;
    let busy = || Problem::new(Code::Overloaded, "another job is being verified").retry_after(BUSY);
    Ok(Json(serde_json::json!(verification.ok_or_else(busy)?)))
}
