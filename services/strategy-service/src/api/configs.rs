//! Versions of a strategy's config.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_control_plane::configs::Difference;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{
    Caller, Code, ETag, IfMatch, Json, Page, PageQuery, Path, Problem, Query, RequestIds, page_links,
};

use super::config_view::{ConfigBody, ConfigSummary, PushedBody, etag};
use super::parse::{path_value, query_value, requester};
use super::problem::problem;
use super::state::State;

/// Lists the versions of a strategy's config
///
/// The newest first, without what they say.
#[utoipa::path(get, path = "/api/v1/strategies/{name}/configs", tag = "configs",
    params(("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<ConfigSummary>), (status = 404, description = "There is no such strategy")))]
pub(super) async fn list_configs(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Path(name): Path<String>,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<ConfigSummary>>), Problem> {
    let name: StrategyName = path_value("name", &name)?;
    let limit = page.limit()?;
    let list = format!("configs {name}");
    let before: Option<u32> = state.cursors.open(&list, &page)?;
    let found = state.strategies.list_configs(&name, before, limit).await.map_err(problem)?;
    // A full page may be the last one; the next is empty then. Number 1 has none before it.
    let last = found.last().filter(|last| found.len() == limit && last.version_number > 1);
    let next_cursor = last.map(|last| state.cursors.seal(&list, &last.version_number));
    let items = found.iter().map(ConfigSummary::of).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// A config to be pushed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConfigBody {
    /// What it says; `docs/guides/configs.md` lists the keys.
    #[schema(value_type = Object, example = json!({"symbols": ["BTC/USDT:USDT"], "stake_amount": 100}))]
    config_data: Map<String, Value>,
    /// What its author says of it.
    description: Option<String>,
}

/// Pushes a config
///
/// Stores it as the next version, a draft, if the strategy can run with it. Content that is stored already is not
/// stored again: the reply is 200 with its version, whatever became of that.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/configs", tag = "configs",
    params(("name" = String, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = NewConfigBody,
    responses((status = 201, body = PushedBody), (status = 200, description = "It was there", body = PushedBody),
        (status = 404), (status = 422)))]
pub(super) async fn push_config(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    Path(name): Path<String>,
    Json(body): Json<NewConfigBody>,
) -> Result<(StatusCode, HeaderMap, ETag, Json<PushedBody>), Problem> {
    caller.require(Role::Trader)?;
    let name: StrategyName = path_value("name", &name)?;
    let requester = requester(&caller, &ids);
    let pushed = state.strategies.push_config(&name, body.config_data, body.description, &requester).await;
    let pushed = pushed.map_err(problem)?;
    let id = &pushed.version.config_id;
    let mut headers = HeaderMap::new();
    let status = if pushed.duplicate { StatusCode::OK } else { StatusCode::CREATED };
    if !pushed.duplicate {
        let location = HeaderValue::try_from(format!("/api/v1/strategies/{name}/configs/{id}"));
        headers.extend(location.into_iter().map(|location| (header::LOCATION, location)));
    }
    Ok((status, headers, etag(&pushed.version), Json(PushedBody::of(pushed))))
}

/// Shows a config version
#[utoipa::path(get, path = "/api/v1/strategies/{name}/configs/{config_id}", tag = "configs",
    params(("name" = String, Path), ("config_id" = String, Path, example = "v3-0f1e2d3c")),
    responses((status = 200, body = ConfigBody), (status = 404)))]
pub(super) async fn show_config(
    extract::State(state): extract::State<State>,
    Path((name, id)): Path<(String, String)>,
) -> Result<(ETag, Json<ConfigBody>), Problem> {
    let (name, id): (StrategyName, ConfigId) = (path_value("name", &name)?, path_value("config_id", &id)?);
    let version = state.strategies.configs().get(&name, &id).await.map_err(problem)?;
    Ok((etag(&version), Json(ConfigBody::of(version))))
}

/// Shows the config version in use
#[utoipa::path(get, path = "/api/v1/strategies/{name}/configs/active", tag = "configs",
    params(("name" = String, Path)),
    responses((status = 200, body = ConfigBody), (status = 404, description = "None is in use")))]
pub(super) async fn show_active_config(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
) -> Result<(ETag, Json<ConfigBody>), Problem> {
    let name: StrategyName = path_value("name", &name)?;
    let version = state.strategies.configs().active(&name).await.map_err(problem)?;
    let version = version
        .ok_or_else(|| Problem::new(Code::NotFound, format!("no config version of {name} is active")))?;
    Ok((etag(&version), Json(ConfigBody::of(version))))
}

/// A config version that was activated.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActivatedReply {
    #[serde(flatten)]
    version: ConfigBody,
    /// The version that was in use before, if it was another one.
    superseded: Option<String>,
}

/// Activates a config version
///
/// The strategy, as it is by now, must be able to run with it. The version that was in use is deprecated in the same
/// step. A deprecated version comes back this way. Repeating it changes nothing. With `If-Match`, the `ETag` of the
/// version as it was read, it is activated only as long as nobody has changed its status since.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/configs/{config_id}/activate", tag = "configs",
    params(("name" = String, Path), ("config_id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the version")),
    responses((status = 200, body = ActivatedReply), (status = 404),
        (status = 412, description = "`If-Match` names another state of the version"), (status = 422)))]
pub(super) async fn activate_config(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    if_match: Option<IfMatch>,
    Path((name, id)): Path<(String, String)>,
) -> Result<(ETag, Json<ActivatedReply>), Problem> {
    caller.require(Role::Trader)?;
    let (name, id): (StrategyName, ConfigId) = (path_value("name", &name)?, path_value("config_id", &id)?);
    check_unchanged(&state, &name, &id, if_match).await?;
    let activated = state.strategies.activate_config(&name, &id, &requester(&caller, &ids)).await;
    let activated = activated.map_err(problem)?;
    let superseded = activated.superseded.map(|id| id.to_string());
    let etag = etag(&activated.version);
    Ok((etag, Json(ActivatedReply { version: ConfigBody::of(activated.version), superseded })))
}

/// Takes a config version out of use
///
/// It is deleted after 90 days, unless it is activated before. Repeating it changes nothing. `If-Match` is as for
/// activation.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/configs/{config_id}/deprecate", tag = "configs",
    params(("name" = String, Path), ("config_id" = String, Path),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the version")),
    responses((status = 200, body = ConfigBody), (status = 404),
        (status = 412, description = "`If-Match` names another state of the version")))]
pub(super) async fn deprecate_config(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    if_match: Option<IfMatch>,
    Path((name, id)): Path<(String, String)>,
) -> Result<(ETag, Json<ConfigBody>), Problem> {
    caller.require(Role::Trader)?;
    let (name, id): (StrategyName, ConfigId) = (path_value("name", &name)?, path_value("config_id", &id)?);
    check_unchanged(&state, &name, &id, if_match).await?;
    let version = state.strategies.configs().deprecate(&name, &id, &requester(&caller, &ids)).await;
    let version = version.map_err(problem)?;
    Ok((etag(&version), Json(ConfigBody::of(version))))
}

/// Refuses a change of a version that is not as its caller has read it. Somebody who changes it at the same moment is not
/// seen: then both changes are made, one after the other, as without the header.
async fn check_unchanged(
    state: &State,
    name: &StrategyName,
    id: &ConfigId,
    if_match: Option<IfMatch>,
) -> Result<(), Problem> {
    let Some(if_match) = if_match else { return Ok(()) };
    let version = state.strategies.configs().get(name, id).await.map_err(problem)?;
    if_match.check(&etag(&version))
}

/// Which versions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffQuery {
    /// The version before.
    a: String,
    /// The version after.
    b: String,
}

/// What two versions differ in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiffReply {
    /// The version before.
    a: String,
    /// The version after.
    b: String,
    /// By place.
    differences: Vec<DifferenceBody>,
}

/// One value that differs.
#[derive(Debug, Serialize, ToSchema)]
struct DifferenceBody {
    /// Where it is, as a JSON Pointer.
    #[schema(example = "/settings/minimal_roi")]
    pointer: String,
    /// `added`, `removed` or `changed`.
    change: &'static str,
    #[schema(value_type = Value)]
    before: Option<Value>,
    #[schema(value_type = Value)]
    after: Option<Value>,
}

impl DifferenceBody {
    fn of(difference: Difference) -> Self {
        let Difference { path, before, after } = difference;
        let change = match (&before, &after) {
            (None, _) => "added",
            (_, None) => "removed",
            _ => "changed",
        };
        Self { pointer: pointer(&path), change, before, after }
    }
}

/// Compares two config versions
#[utoipa::path(get, path = "/api/v1/strategies/{name}/configs/diff", tag = "configs",
    params(("name" = String, Path), DiffQuery), responses((status = 200, body = DiffReply), (status = 404)))]
pub(super) async fn diff_configs(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
    Query(query): Query<DiffQuery>,
) -> Result<Json<DiffReply>, Problem> {
    let name: StrategyName = path_value("name", &name)?;
    let (a, b): (ConfigId, ConfigId) = (query_value("a", &query.a)?, query_value("b", &query.b)?);
    let differences = state.strategies.configs().diff(&name, &a, &b).await.map_err(problem)?;
    let differences = differences.into_iter().map(DifferenceBody::of).collect();
    Ok(Json(DiffReply { a: a.to_string(), b: b.to_string(), differences }))
}

/// Returns a path as a JSON Pointer (RFC 6901).
pub(super) fn pointer(path: &[String]) -> String {
    path.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}
