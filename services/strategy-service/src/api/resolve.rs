//! What the sources of a config come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_control_plane::configs::{ConfigSources, MergedConfig, job_inputs, merge};
use tradai_domain::StrategyName;
use tradai_domain::configs::{ConfigHash, ConfigId};
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{FieldFault, Json, Path, Problem, Query};

use super::configs::pointer;
use super::parse::{path_value, query_value};
use super::problem::problem;
use super::state::State;

/// Where one value came from.
#[derive(Debug, Serialize, ToSchema)]
struct OriginBody {
    /// The value's place, as a JSON Pointer.
    #[schema(example = "/stake_amount")]
    pointer: String,
    /// `tradai_yaml`, `stored`, `model_tags` or `environment`.
    source: &'static str,
    /// The version, of a value that is stored.
    config_id: Option<String>,
}

/// What sources come to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MergedReply {
    /// The values; what looks like a credential is left out.
    #[schema(value_type = Object)]
    values: Map<String, Value>,
    /// Where each came from, by place.
    origins: Vec<OriginBody>,
    /// What a job takes of it: settings by Freqtrade's names.
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// What a job takes of it: values of the strategy's parameters.
    parameters: BTreeMap<String, String>,
}

/// What a strategy's config comes to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ResolvedReply {
    strategy_name: String,
    /// The version that was taken; `null` when none is active.
    config_id: Option<String>,
    #[serde(flatten)]
    merged: MergedReply,
    /// What a model of this strategy would be tagged with.
    mlflow_tags: BTreeMap<String, String>,
}

impl MergedReply {
    fn of(merged: &MergedConfig) -> Result<Self, Problem> {
        let inputs = job_inputs(merged).map_err(problem)?;
        let origins = merged.origins.iter().map(|(path, origin)| OriginBody {
            pointer: pointer(path),
            source: origin.layer.as_str(),
            config_id: origin.config_id.as_ref().map(ToString::to_string),
        });
        Ok(Self {
            values: merged.redacted(),
            origins: origins.collect(),
            settings: inputs.settings,
            parameters: inputs.parameters,
        })
    }
}

/// Which version is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveQuery {
    /// The version; the active one, if one is, when left out.
    config_id: Option<String>,
}

/// Shows what a strategy's config comes to
///
/// The file's values, those of the stored version on top, then the environment's. Each value's source is named.
#[utoipa::path(get, path = "/api/v1/strategies/{name}/resolved-config", tag = "configs",
    params(("name" = String, Path), ResolveQuery),
    responses((status = 200, body = ResolvedReply), (status = 404), (status = 422)))]
pub(super) async fn resolved_config(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
    Query(query): Query<ResolveQuery>,
) -> Result<Json<ResolvedReply>, Problem> {
    let name: StrategyName = path_value("name", &name)?;
    let id: Option<ConfigId> =
        query.config_id.as_deref().map(|id| query_value("config_id", id)).transpose()?;
    let resolved = state.strategies.resolve(&name, id.as_ref()).await.map_err(problem)?;
    Ok(Json(ResolvedReply {
        strategy_name: name.to_string(),
        config_id: resolved.config.as_ref().map(|version| version.config_id.to_string()),
        merged: MergedReply::of(&resolved.merged)?,
        mlflow_tags: resolved.metadata.to_mlflow_tags(),
    }))
}

/// Sources to be merged; each may be left out.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeBody {
    /// The file: an object, or the text of a `tradai.yaml`.
    #[schema(value_type = Value)]
    tradai_yaml: Option<Value>,
    /// A stored config.
    #[schema(value_type = Object)]
    config_data: Option<Map<String, Value>>,
    /// Tags of a model.
    #[serde(default)]
    model_tags: BTreeMap<String, String>,
    /// The environment: variables such as `STAKE_AMOUNT`, and those that texts refer to.
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

/// Merges sources
///
/// Environment over model tags over the stored config over the file. Nothing is stored, and nothing but the request is
/// looked at.
#[utoipa::path(post, path = "/api/v1/strategies/merge", tag = "configs", request_body = MergeBody,
    responses((status = 200, body = MergedReply), (status = 422)))]
pub(super) async fn merge_config(
    extract::State(state): extract::State<State>,
    Json(body): Json<MergeBody>,
) -> Result<Json<MergedReply>, Problem> {
    let tradai_yaml = match body.tradai_yaml {
        None => Map::new(),
        Some(Value::Object(document)) => document,
        Some(Value::String(text)) => state.strategies.document(text).await.map_err(problem)?,
        Some(_) => {
            let fault = FieldFault::body("/tradai_yaml", "an object or the text of a file is needed");
            return Err(Problem::fields(vec![fault]));
        }
    };
    // What is not stored has no number; the id is taken out again below.
    let stored = body.config_data.map(|data| (ConfigId::new(1, &ConfigHash::of(&data)), data));
    let (model_tags, environment) = (body.model_tags, body.environment);
    let sources = ConfigSources { tradai_yaml, stored, model_tags, environment };
    let mut reply = MergedReply::of(&merge(&sources).map_err(problem)?)?;
    reply.origins.iter_mut().for_each(|origin| origin.config_id = None);
    Ok(Json(reply))
}
