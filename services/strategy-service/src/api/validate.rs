//! Whether a file is a strategy.

use bytes::Bytes;
use serde::Serialize;
use tradai_service::axum::extract;
use tradai_service::axum::http::HeaderMap;
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Json, Problem};

use super::parse::file_text;
use super::problem::problem;
use super::state::State;
use super::strategy_view::FaultBody;

/// What is said of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ValidationReply {
    valid: bool,
    /// The strategy's name, of a valid file.
    name: Option<String>,
    /// Everything wrong, in the order of the file.
    faults: Vec<FaultBody>,
    /// What works but is likely not meant.
    warnings: Vec<FaultBody>,
    /// What else there is to know.
    note: Option<String>,
}

/// Checks a file
///
/// The reply is 200 whether the file is valid or not: it is what was asked for. Only a body that is no text at all is
/// a malformed request. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/strategies/validate", tag = "strategies",
    request_body(description = "A `tradai.yaml`", content((String = "application/yaml"), (Object = "application/json"))),
    responses((status = 200, body = ValidationReply), (status = 400), (status = 413), (status = 415)))]
pub(super) async fn validate_strategy(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ValidationReply>, Problem> {
    let check = state.strategies.validate(file_text(&headers, body)?).await.map_err(problem)?;
    Ok(Json(ValidationReply {
        valid: check.faults.is_empty(),
        name: check.name,
        faults: check.faults.into_iter().map(FaultBody::of).collect(),
        warnings: check.warnings.into_iter().map(FaultBody::of).collect(),
        note: check.note,
    }))
}
