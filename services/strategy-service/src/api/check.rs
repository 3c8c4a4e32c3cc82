//! Whether a job can run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_control_plane::RequestFault;
use tradai_control_plane::strategies::{JobAsk, JobCheck};
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{FieldFault, Json, Path, Problem};

use super::parse::path_value;
use super::problem::problem;
use super::state::State;

/// What a job asks of a strategy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckBody {
    /// The version that the strategy is to have; any when left out.
    strategy_version: Option<String>,
    /// The config version to use; the active one, if one is, when left out.
    config_id: Option<String>,
    /// All that the request says, as settings by Freqtrade's names.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// Values of the strategy's parameters.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
}

/// What is said of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckReply {
    /// Whether it can run, as far as strategy and config tell.
    valid: bool,
    /// Everything that keeps it from running.
    faults: Vec<CheckFault>,
    /// What the strategy, its config and the request come to: `timeframe`, `timerange` and `pair_whitelist`.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
}

/// One value that a job cannot run with.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckFault {
    /// Its field: `strategy_version`, `config_id`, `settings` or `parameters`.
    field: &'static str,
    /// Its key in there, with dots between levels.
    key: Option<String>,
    /// What is wrong and what is allowed.
    message: String,
}

impl From<RequestFault> for CheckFault {
    fn from(fault: RequestFault) -> Self {
        Self { field: fault.field, key: fault.key, message: fault.reason }
    }
}

/// Checks what a job asks for
///
/// The reply is 200 whether the job can run or not: it is what was asked for. Nothing is stored.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/check", operation_id = "check_job", tag = "strategies",
    params(("name" = String, Path)), request_body = CheckBody,
    responses((status = 200, body = CheckReply), (status = 404), (status = 422)))]
pub(super) async fn check_job(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
    Json(body): Json<CheckBody>,
) -> Result<Json<CheckReply>, Problem> {
    let name: StrategyName = path_value("name", &name)?;
    let CheckBody { strategy_version, config_id, settings, parameters } = body;
    let config_id = config_id.as_deref().map(str::parse::<ConfigId>).transpose();
    let config_id = config_id
        .map_err(|error| Problem::fields(vec![FieldFault::body("/config_id", error.to_string())]))?;
    let ask = JobAsk { strategy_version, config_id, settings, parameters };
    let JobCheck { faults, settings } = state.strategies.check_job(&name, &ask).await.map_err(problem)?;
    let faults: Vec<CheckFault> = faults.into_iter().map(CheckFault::from).collect();
    Ok(Json(CheckReply { valid: faults.is_empty(), faults, settings }))
}
