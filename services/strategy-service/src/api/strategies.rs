//! Which strategies there are, and new ones.

use bytes::Bytes;
use serde::Serialize;
use tradai_control_plane::strategies::StoredFile;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, ETag, IfMatch, Json, PageQuery, Path, Problem, Query, RequestIds, page_links};

use super::config_view::PushedBody;
use super::parse::{file_text, new_name, path_value, requester};
use super::problem::problem;
use super::state::State;
use super::strategy_view::{BrokenBody, StrategyBody, StrategyDetail};

/// A page of strategies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StrategiesReply {
    /// By name.
    items: Vec<StrategyBody>,
    /// Asks for the next page; `null` on the last.
    next_cursor: Option<String>,
    /// Files of the folder that hold no strategy; on every page.
    broken: Vec<BrokenBody>,
}

/// Lists strategies
///
/// Those that ship and those of the folder; a file stands in for one that ships under the same name.
#[utoipa::path(get, path = "/api/v1/strategies", tag = "strategies", params(PageQuery),
    responses((status = 200, body = StrategiesReply)))]
pub(super) async fn list_strategies(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<StrategiesReply>), Problem> {
    let limit = page.limit()?;
    let after: Option<String> = state.cursors.open("strategies", &page)?;
    let listing = state.strategies.list().await.map_err(problem)?;
    let mut found = listing.strategies;
    found.retain(|found| after.as_deref().is_none_or(|after| found.strategy.name.as_str() > after));
    let is_cut = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| is_cut);
    let next_cursor = last.map(|last| state.cursors.seal("strategies", &last.strategy.name));
    let links = page_links(&uri, next_cursor.as_deref());
    let items = found.into_iter().map(StrategyBody::of).collect();
    let broken = listing.broken.into_iter().map(BrokenBody::of).collect();
    Ok((links, Json(StrategiesReply { items, next_cursor, broken })))
}

/// Shows a strategy, with the text of its file
///
/// The `ETag` is the hash of the text.
#[utoipa::path(get, path = "/api/v1/strategies/{name}", tag = "strategies",
    params(("name" = String, Path, example = "EmaCross")),
    responses((status = 200, body = StrategyDetail), (status = 404)))]
pub(super) async fn show_strategy(
    extract::State(state): extract::State<State>,
    Path(name): Path<String>,
) -> Result<(ETag, Json<StrategyDetail>), Problem> {
    let found = state.strategies.get(&path_value("name", &name)?).await.map_err(problem)?;
    Ok((ETag::new(&found.strategy.source_hash), Json(StrategyDetail::of(found))))
}

/// What became of a registration.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RegisteredReply {
    /// `created`, `replaced` or `unchanged`.
    file: &'static str,
    /// Hash of the file's text.
    source_hash: String,
    /// The config version with the file's values, a draft if it is new.
    config: PushedBody,
}

/// Registers a strategy
///
/// Stores its file, `tradai.yaml`, in the folder of strategies and pushes its values as a config version. A strategy
/// that is there with another text is replaced only with `If-Match`. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/strategies/{name}/register", tag = "strategies",
    params(("name" = String, Path, description = "As in the file"),
        ("If-Match" = Option<String>, Header, description = "`ETag` of the strategy that is replaced"),
        ("Idempotency-Key" = Option<String>, Header)),
    request_body(description = "The file", content((String = "application/yaml"), (Object = "application/json"))),
    responses((status = 201, description = "The strategy is new", body = RegisteredReply),
        (status = 200, description = "It was replaced, or is there already", body = RegisteredReply),
        (status = 409, description = "Another file has the name"),
        (status = 412, description = "`If-Match` names another file"), (status = 415), (status = 422)))]
pub(super) async fn register_strategy(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    Path(name): Path<String>,
    replaces: Option<IfMatch>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, HeaderMap, ETag, Json<RegisteredReply>), Problem> {
    caller.require(Role::Trader)?;
    let name = new_name(&name)?;
    let replaces: Option<String> = replaces.map(|tag| tag.version()).transpose()?;
    let text = file_text(&headers, body)?;
    let requester = requester(&caller, &ids);
    let registered = state.strategies.register(&name, text, replaces.as_deref(), &requester).await;
    let registered = registered.map_err(problem)?;
    let (status, file) = match registered.stored {
        StoredFile::Created => (StatusCode::CREATED, "created"),
        StoredFile::Replaced => (StatusCode::OK, "replaced"),
        _ => (StatusCode::OK, "unchanged"),
    };
    let source_hash = registered.strategy.source_hash;
    let etag = ETag::new(&source_hash);
    let mut headers = HeaderMap::new();
    if status == StatusCode::CREATED {
        let location = HeaderValue::try_from(format!("/api/v1/strategies/{name}"));
        headers.extend(location.into_iter().map(|location| (header::LOCATION, location)));
    }
    let config = PushedBody::of(registered.config);
    Ok((status, headers, etag, Json(RegisteredReply { file, source_hash, config })))
}
