//! Stored series, their versions, and the way back to an earlier one.

use serde::{Deserialize, Serialize};
use tradai_domain::ports::StoredVersion;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Caller, Json, PageQuery, Path, Place, Problem, Query, RequestIds, page_links};

use super::parse::{Fields, parse_store_symbol, requester};
use super::problem::problem;
use super::series_view::{SeriesBody, date};
use super::state::State;

/// Which stored series.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SymbolsQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Only this market.
    symbol: Option<String>,
    /// Only this length.
    timeframe: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// What is stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SymbolsReply {
    /// A page of the series.
    items: Vec<SeriesBody>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    /// One text for each series that is stored and cannot be read, whatever the filters and the page are.
    damaged: Vec<String>,
}

/// Lists what is stored
///
/// A series that is damaged is named in `damaged`, and stands not among the items: syncing it with `mode` `repair`, or
/// going back to a version of it, mends it.
#[utoipa::path(get, path = "/api/v1/symbols", operation_id = "list_symbols", tag = "store", params(SymbolsQuery),
    responses((status = 200, body = SymbolsReply)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(query): Query<SymbolsQuery>,
) -> Result<(HeaderMap, Json<SymbolsReply>), Problem> {
    let page = PageQuery::new(query.limit, query.cursor);
    let limit = page.limit()?;
    let mut fields = Fields::of_query();
    let exchange = fields.exchange(query.exchange.as_deref());
    let symbol: Option<tradai_domain::Symbol> =
        query.symbol.as_deref().and_then(|text| fields.parse("symbol", text));
    let timeframe = query.timeframe.as_deref().map(|text| fields.timeframe(text));
    fields.finish()?;
    let refused = |error| problem(error, Place::Query);
    let key = state.catalog.exchange(exchange.as_ref()).map_err(refused)?.key().clone();
    let filters = format!("symbols {key} {symbol:?} {timeframe:?}");
    let after: Option<String> = state.cursors.open(&filters, &page)?;
    let stored = state.catalog.series(Some(&key)).await.map_err(refused)?;
    let mut items: Vec<SeriesBody> = stored
        .series
        .iter()
        .filter(|series| symbol.as_ref().is_none_or(|symbol| series.key.symbol == *symbol))
        .filter(|series| timeframe.is_none_or(|timeframe| series.key.timeframe == timeframe))
        .map(|series| SeriesBody::of(&key, series))
        .collect();
    items.sort_unstable_by(|some, other| some.key.cmp(&other.key));
    items.retain(|item| after.as_ref().is_none_or(|after| item.key > *after));
    let is_cut = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| is_cut).map(|last| state.cursors.seal(&filters, &last.key));
    Ok((
        page_links(&uri, next_cursor.as_deref()),
        Json(SymbolsReply { items, next_cursor, damaged: stored.damaged }),
    ))
}

/// Which exchange.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeQuery {
    /// From where; the first configured exchange when left out.
    pub(super) exchange: Option<String>,
}

impl ExchangeQuery {
    pub(super) fn parse(&self) -> Result<Option<tradai_domain::ports::ExchangeKey>, Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        fields.finish()?;
        Ok(exchange)
    }
}

/// One version of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionBody {
    version: u64,
    committed_at: String,
    /// `write`, `append`, `upsert`, `replace_range`, `delete` or `restore`.
    operation: Option<&'static str>,
    /// Number of candles.
    rows: Option<u64>,
}

/// The versions of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VersionsReply {
    key: String,
    /// The newest first.
    items: Vec<VersionBody>,
}

/// Lists the versions of a series
#[utoipa::path(get, path = "/api/v1/symbols/{key}/versions", tag = "store",
    params(("key" = String, Path, example = "BTC_USDT_USDT_1h"), ExchangeQuery),
    responses((status = 200, body = VersionsReply), (status = 404)))]
pub(super) async fn versions(
    extract::State(state): extract::State<State>,
    Path(key): Path<String>,
    Query(query): Query<ExchangeQuery>,
) -> Result<Json<VersionsReply>, Problem> {
    let (exchange, series) = (query.parse()?, parse_store_symbol(&key)?);
    let found = state.catalog.versions(exchange.as_ref(), &series).await;
    let found = found.map_err(|error| problem(error, Place::Query))?;
    let body = |version: &StoredVersion| VersionBody {
        version: version.version,
        committed_at: date(version.committed),
        operation: version.operation,
        rows: version.rows,
    };
    Ok(Json(VersionsReply { key, items: found.iter().rev().map(body).collect() }))
}

/// Where to go back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackBody {
    /// The version to make the newest again.
    #[schema(minimum = 1)]
    version: u64,
}

/// What a change came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CommittedBody {
    pub(super) key: String,
    /// The version that now holds what was asked for.
    pub(super) version: u64,
    /// Whether this request made it.
    pub(super) changed: bool,
    /// Number of candles.
    pub(super) rows: u64,
}

/// Makes an earlier version the newest again
///
/// It becomes a new version; those between stay readable.
#[utoipa::path(post, path = "/api/v1/symbols/{key}/rollback", tag = "store",
    params(("key" = String, Path, example = "BTC_USDT_USDT_1h"), ExchangeQuery), request_body = RollbackBody,
    responses((status = 200, body = CommittedBody), (status = 404)))]
pub(super) async fn rollback(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    Path(key): Path<String>,
    Query(query): Query<ExchangeQuery>,
    Json(body): Json<RollbackBody>,
) -> Result<Json<CommittedBody>, Problem> {
    caller.require(Role::Trader)?;
    let (exchange, series) = (query.parse()?, parse_store_symbol(&key)?);
    let requester = requester(&caller, &ids);
    let done = state.changes.rollback(exchange.as_ref(), &series, body.version, &requester).await;
    let done = done.map_err(|error| problem(error, Place::Query))?;
    Ok(Json(CommittedBody { key, version: done.version, changed: done.changed, rows: done.rows }))
}
