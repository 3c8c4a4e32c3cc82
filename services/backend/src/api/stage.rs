//! Bringing a strategy to the platform, through the strategy service.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradai_domain::{ErrorKind, StrategyName};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::{Extension, extract};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, FieldFault, Json, Path, Problem, RequestIds};

use super::state::State;
use super::strategies::{refused, trace};
use crate::core::Staged;
use crate::infrastructure::peer::PeerError;

/// What is to be staged.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StageBody {
    /// The text of the strategy's file, `tradai.yaml`; that of the strategy that is there when left out.
    file: Option<String>,
    /// Whether it takes the place of another file of this name.
    #[serde(default)]
    replace: bool,
}

/// A strategy that was staged.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StagedBody {
    strategy: String,
    /// What became of it: `file` is `created`, `replaced` or `unchanged`, `source_hash` the hash of its text, `config` the
    /// version with its values.
    #[schema(value_type = Object)]
    staged: Value,
    /// The config version that jobs take which name none; `null` when they go by the file.
    active_config: Option<String>,
}

/// Stages a strategy
///
/// Stores its file, and its values as a config version, a draft: jobs that name it take it, others once it is activated.
/// The strategy service does it, for whoever asks here. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/stage", operation_id = "stage_strategy", tag = "strategies",
    request_body = StageBody, params(("name" = String, Path)), responses(
    (status = 200, body = StagedBody),
    (status = 404, description = "There is no such strategy, and no file came with the request"),
    (status = 409, description = "Another file has the name"),
    (status = 422, description = "The file has faults"),
    (status = 503, description = "The strategy service does not answer"),
))]
pub(super) async fn stage(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(name): Path<String>,
    Json(body): Json<StageBody>,
) -> Result<Json<StagedBody>, Problem> {
    caller.require(Role::Trader)?;
    let name: StrategyName = name.parse().map_err(|error| Problem::from_error(ErrorKind::NotFound, error))?;
    let StageBody { file, replace } = body;
    let staged = state.core.catalogue.stage(&name, file, replace, &caller.name, trace(&ids)).await;
    let Staged { registered, active } = staged.map_err(faults)?;
    Ok(Json(StagedBody { strategy: name.to_string(), staged: registered, active_config: active }))
}

/// The strategy service reads the file as a body; here it is a field.
fn faults(error: PeerError) -> Problem {
    let PeerError::Refused { status: 422, problem, .. } = &error else { return refused(error) };
    let told = problem["errors"].as_array().into_iter().flatten();
    let faults = told.filter_map(|fault| {
        let place = fault["pointer"].as_str().filter(|place| !place.is_empty());
        let reason = fault["reason"].as_str()?;
        let reason = place.map_or_else(|| reason.to_owned(), |place| format!("{place}: {reason}"));
        Some(FieldFault::body("/file", reason))
    });
    let faults: Vec<FieldFault> = faults.collect();
    if faults.is_empty() { refused(error) } else { Problem::fields(faults) }
}
