//! What the sources of a config come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_control_plane::configs::{ConfigSources, JobInputs, MergedConfig, job_inputs, merge};
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
    /// The stage of the model that was looked for.
    #[schema(example = "Production")]
    stage: &'static str,
    /// The model whose tags count; `null` while there is none.
    #[schema(value_type = Option<String>)]
    model: Option<&'static str>,
    #[serde(flatten)]
    merged: MergedReply,
    /// What a model of this strategy would be tagged with.
    mlflow_tags: BTreeMap<String, String>,
}

impl MergedReply {
    /// Presents what may be shown of a config.
    fn of(shown: MergedConfig, inputs: JobInputs) -> Self {
        let origins = shown.origins.iter().map(|(path, origin)| OriginBody {
            pointer: pointer(path),
            source: origin.layer.as_str(),
            config_id: origin.config_id.as_ref().map(ToString::to_string),
        });
        let origins = origins.collect();
        Self { values: shown.values, origins, settings: inputs.settings, parameters: inputs.parameters }
    }
}

/// Which version is taken.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ResolveQuery {
    /// The version; the active one, if one is, when left out.
    config_id: Option<String>,
    /// The stage of the model whose tags count: `None`, `Staging`, `Production` or `Archived`; Production when left out.
    /// There is no registry of models yet, so that no model has any tags.
    #[param(example = "Production")]
    stage: Option<String>,
}

/// The stages of a model, by the registry's names.
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];
/// The one whose model is in use.
const IN_USE: &str = "Production";

/// Returns the stage that is meant, in whatever case it is written.
fn stage(text: Option<&str>) -> Result<&'static str, Problem> {
    let Some(text) = text else { return Ok(IN_USE) };
    STAGES.into_iter().find(|stage| stage.eq_ignore_ascii_case(text)).ok_or_else(|| {
        Problem::fields(vec![FieldFault::query("stage", format!("one of {}", STAGES.join(", ")))])
    })
}

/// Shows what a strategy's config comes to
///
/// The file's values, those of the stored version on top, then the tags of the model, then the environment's. Each
/// value's source is named.
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
    let stage = stage(query.stage.as_deref())?;
    let resolved = state.strategies.resolve(&name, id.as_ref()).await.map_err(problem)?;
    Ok(Json(ResolvedReply {
        strategy_name: name.to_string(),
        config_id: resolved.config.as_ref().map(|version| version.config_id.to_string()),
        stage,
        model: None,
        merged: MergedReply::of(resolved.shown, resolved.inputs),
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
    let shown = merge(&sources).map_err(problem)?.redacted();
    let inputs = job_inputs(&shown).map_err(problem)?;
    let mut reply = MergedReply::of(shown, inputs);
    reply.origins.iter_mut().for_each(|origin| origin.config_id = None);
    Ok(Json(reply))
}
