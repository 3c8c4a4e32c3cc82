//! Stored candles.

use serde::{Deserialize, Serialize};
use tradai_domain::ports::{ExchangeKey, StoredCandles};
use tradai_domain::{CandleSeries, Millis, SeriesKey, Symbol};
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Json, PageQuery, Place, Problem, Query, page_links};

use super::files::{FileKind, file_response};
use super::parse::Fields;
use super::problem::problem;
use super::state::State;
use crate::core::{CandlePageRequest, no_series};

/// Candles of a JSON page, when the client does not say.
const JSON_ROWS: u64 = 1_000;

/// Most candles of a JSON page.
const MAX_JSON_ROWS: u64 = 10_000;

/// Which candles.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OhlcvQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// The market.
    #[param(example = "BTC/USDT:USDT")]
    symbol: String,
    /// Length of the candles.
    #[param(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when; from the first candle on when left out.
    start: Option<String>,
    /// Until when, exclusive.
    end: Option<String>,
    /// A version by its number; the newest when left out.
    version: Option<String>,
    /// The newest version of this moment or before.
    as_of: Option<String>,
    /// The version that a snapshot holds.
    snapshot: Option<String>,
    /// `json` (default), `csv` or `parquet`; the header `Accept` says it too.
    format: Option<String>,
    /// JSON: candles of a page, 1 to 10000, 1000 if not given.
    limit: Option<String>,
    /// JSON: `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of candles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OhlcvBody {
    exchange: String,
    symbol: String,
    timeframe: &'static str,
    /// The version that was read; all pages of a list have one.
    version: u64,
    /// Equal hashes mean equal candles, of the whole version.
    data_hash: String,
    /// Whether the candles are made up.
    synthetic: bool,
    /// What the numbers of a row are: open time in milliseconds, open, high, low, close, volume.
    columns: [&'static str; 6],
    /// The candles, oldest first.
    #[schema(value_type = Vec<[f64; 6]>, example = json!([[1_704_067_200_000_i64, 42_283.6, 42_554.6, 42_261.0, 42_475.2, 1_271.7]]))]
    rows: Vec<Row>,
    /// Asks for the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// Open time in milliseconds, open, high, low, close, volume.
#[derive(Debug, Serialize)]
struct Row(Millis, f64, f64, f64, f64, f64);

/// Where a page begins, and of which version it is.
type Position = (Millis, u64);

/// Reads stored candles
///
/// As JSON page by page; as CSV or Parquet all of the span at once, as many candles as one reply may have.
#[utoipa::path(get, path = "/api/v1/ohlcv", operation_id = "read_ohlcv", tag = "store", params(OhlcvQuery),
    responses(
    (status = 200, content((OhlcvBody = "application/json"), (String = "text/csv"),
        (Vec<u8> = "application/vnd.apache.parquet"))),
    (status = 404, description = "There is no such series or version"),
))]
pub(super) async fn read(
    extract::State(state): extract::State<State>,
    uri: Uri,
    headers: HeaderMap,
    Query(query): Query<OhlcvQuery>,
) -> Result<Response, Problem> {
    let kind = wanted_kind(query.format.as_deref(), &headers)?;
    let (exchange, request) = parse(&query, kind.is_some(), state.catalog.max_rows())?;
    match kind {
        Some(kind) => {
            let (found, _) = find(&state, exchange.as_ref(), &request).await?;
            file_response(&request.key, kind, found).await
        }
        None => json(&state, &uri, &query, exchange, request).await,
    }
}

/// Returns the file that is wanted, or `None` for JSON.
fn wanted_kind(format: Option<&str>, headers: &HeaderMap) -> Result<Option<FileKind>, Problem> {
    let Some(format) = format else {
        return Ok(FileKind::wanted(headers));
    };
    if format == "json" {
        return Ok(None);
    }
    let mut fields = Fields::of_query();
    let kind = fields.parse("format", format);
    fields.finish()?;
    Ok(kind)
}

fn parse(
    query: &OhlcvQuery,
    whole: bool,
    max_rows: usize,
) -> Result<(Option<ExchangeKey>, CandlePageRequest), Problem> {
    let mut fields = Fields::of_query();
    let exchange = fields.exchange(query.exchange.as_deref());
    let price = fields.price(query.price.as_deref());
    let symbol = fields.parse::<Symbol>("symbol", &query.symbol);
    let timeframe = fields.timeframe(&query.timeframe);
    let start = fields.date("start", query.start.as_deref());
    let end = fields.date("end", query.end.as_deref());
    if start.zip(end).is_some_and(|(start, end)| end <= start) {
        fields.fault("end", "is not after the start");
    }
    let version = fields.version(query.version.as_deref(), query.as_of.as_deref(), query.snapshot.as_deref());
    let rows = fields.number("limit", query.limit.as_deref(), JSON_ROWS);
    if !(1..=MAX_JSON_ROWS).contains(&rows) {
        fields.fault("limit", format!("expected a number from 1 to {MAX_JSON_ROWS}"));
    }
    let symbol = fields.finish_with(symbol)?;
    let limit = if whole { max_rows } else { usize::try_from(rows).unwrap_or(max_rows) };
    let key = price.series(&symbol, timeframe);
    Ok((exchange, CandlePageRequest { key, start, end, version, limit, whole }))
}

async fn find(
    state: &State,
    exchange: Option<&ExchangeKey>,
    request: &CandlePageRequest,
) -> Result<(StoredCandles, Option<Millis>), Problem> {
    let found = state.catalog.candles(exchange, request).await;
    let found = found.map_err(|error| problem(error, Place::Query))?;
    found.ok_or_else(|| problem(no_series(&request.key), Place::Query))
}

async fn json(
    state: &State,
    uri: &Uri,
    query: &OhlcvQuery,
    exchange: Option<ExchangeKey>,
    mut request: CandlePageRequest,
) -> Result<Response, Problem> {
    let list = list_name(&exchange, &request);
    // The limit is ours and not the page query's, whose bounds are those of other lists.
    let page = PageQuery::new(None, query.cursor.clone());
    if let Some((start, version)) = state.cursors.open::<Position>(&list, &page)? {
        request.start = Some(start);
        request.version = tradai_domain::ports::VersionChoice::Number(version);
    }
    let (found, next) = find(state, exchange.as_ref(), &request).await?;
    let next_cursor = next.map(|next| state.cursors.seal::<Position>(&list, &(next, found.version)));
    let exchange = state.catalog.exchange(exchange.as_ref()).map_err(|error| problem(error, Place::Query))?;
    let headers = page_links(uri, next_cursor.as_deref());
    Ok((headers, Json(body(exchange.key(), &request.key, &found, next_cursor))).into_response())
}

/// Names the list that a cursor belongs to: everything but where the page begins.
fn list_name(exchange: &Option<ExchangeKey>, request: &CandlePageRequest) -> String {
    format!("ohlcv {exchange:?} {} {:?} {:?} {:?}", request.key, request.start, request.end, request.version)
}

fn body(
    exchange: &ExchangeKey,
    key: &SeriesKey,
    found: &StoredCandles,
    next_cursor: Option<String>,
) -> OhlcvBody {
    OhlcvBody {
        exchange: exchange.to_string(),
        symbol: key.symbol.to_string(),
        timeframe: key.timeframe.as_str(),
        version: found.version,
        data_hash: found.data_hash.clone(),
        synthetic: found.synthetic,
        columns: ["timestamp", "open", "high", "low", "close", "volume"],
        rows: rows(&found.candles),
        next_cursor,
    }
}

fn rows(candles: &CandleSeries) -> Vec<Row> {
    let row = |at: usize| {
        Row(
            candles.open_time()[at],
            candles.open()[at],
            candles.high()[at],
            candles.low()[at],
            candles.close()[at],
            candles.volume()[at],
        )
    };
    (0..candles.len()).map(row).collect()
}
