//! How fresh, complete and sound stored candles are.

use serde::{Deserialize, Serialize};
use tradai_control_plane::data::{Coverage, Freshness, Quality};
use tradai_domain::SeriesKey;
use tradai_domain::ports::ExchangeKey;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Json, Page, PageQuery, Place, Problem, Query, page_links};

use super::parse::Fields;
use super::problem::problem;
use super::series_view::{date, price_name};
use super::state::State;
use super::sync_view::{SpanBody, maybe_date};
use crate::core::no_series;

/// Series that one reply describes.
const MAX_SERIES: usize = 500;

/// Spans that a coverage lists; `/gaps` has them all.
const LISTED_SPANS: usize = 20;

/// Which series, and what span of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SeriesQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Markets, separated by commas; needs `timeframe`. All stored series when left out.
    #[param(example = "BTC/USDT:USDT,ETH/USDT:USDT")]
    symbols: Option<String>,
    /// Length of the candles.
    #[param(example = "1h")]
    timeframe: Option<String>,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when; from each series' first candle on when left out.
    start: Option<String>,
    /// Until when, exclusive; until now when left out.
    end: Option<String>,
    /// Closed candles that a fresh series may lack; 1 when left out, and eight hours of funding rates at least.
    /// Freshness only.
    max_lag: Option<String>,
}

/// The parsed query.
struct Wanted {
    exchange: Option<ExchangeKey>,
    keys: Option<Vec<SeriesKey>>,
    start: Option<i64>,
    end: Option<i64>,
    max_lag: u64,
}

impl SeriesQuery {
    fn parse(&self) -> Result<Wanted, Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        let price = fields.price(self.price.as_deref());
        let symbols = fields.symbol_list(self.symbols.as_deref());
        let timeframe = self.timeframe.as_deref().map(|text| fields.timeframe(text));
        if symbols.is_some() && timeframe.is_none() {
            fields.fault("timeframe", "is needed with symbols, such as 1h");
        }
        if symbols.as_ref().is_some_and(|symbols| symbols.len() > MAX_SERIES) {
            fields.fault("symbols", format!("at most {MAX_SERIES} can be asked for at once"));
        }
        let (start, end) =
            (fields.date("start", self.start.as_deref()), fields.date("end", self.end.as_deref()));
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            fields.fault("end", "is not after the start");
        }
        let max_lag = fields.number("max_lag", self.max_lag.as_deref(), 1);
        fields.finish()?;
        let keys = symbols.zip(timeframe).map(|(symbols, timeframe)| {
            symbols.iter().map(|symbol| price.series(symbol, timeframe)).collect()
        });
        Ok(Wanted { exchange, keys, start, end, max_lag })
    }
}

/// How old the newest candle of a series is.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FreshnessBody {
    key: String,
    symbol: String,
    timeframe: &'static str,
    price: &'static str,
    /// `fresh`, `stale` or `missing`.
    status: &'static str,
    /// Open time of the newest stored candle.
    last: Option<String>,
    /// Seconds since it closed.
    age_seconds: Option<i64>,
    /// Closed candles that are newer.
    lag_candles: Option<u64>,
}

/// How fresh the candles of an exchange are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FreshnessReply {
    exchange: String,
    /// When it was looked at.
    at: String,
    /// Whether every series is fresh, and none is damaged.
    fresh: bool,
    items: Vec<FreshnessBody>,
    /// One text for each stored series that cannot be read, and so is not among the items.
    damaged: Vec<String>,
}

/// Tells how old the newest candles are
#[utoipa::path(get, path = "/api/v1/freshness", tag = "completeness", params(SeriesQuery),
    responses((status = 200, body = FreshnessReply)))]
pub(super) async fn freshness(
    extract::State(state): extract::State<State>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<FreshnessReply>, Problem> {
    let wanted = query.parse()?;
    let refused = |error| problem(error, Place::Query);
    let exchange = state.catalog.exchange(wanted.exchange.as_ref()).map_err(refused)?;
    let found = state.collector.freshness(exchange, wanted.keys.as_deref(), wanted.max_lag).await;
    let found = found.map_err(refused)?;
    let items: Vec<FreshnessBody> = found.items.iter().map(freshness_body).collect();
    Ok(Json(FreshnessReply {
        exchange: exchange.key().to_string(),
        at: date(state.clock.now_ms()),
        fresh: found.damaged.is_empty() && items.iter().all(|item| item.status == "fresh"),
        items,
        damaged: found.damaged,
    }))
}

fn freshness_body(freshness: &Freshness) -> FreshnessBody {
    FreshnessBody {
        key: freshness.key.store_symbol(),
        symbol: freshness.key.symbol.to_string(),
        timeframe: freshness.key.timeframe.as_str(),
        price: price_name(freshness.key.kind),
        status: freshness.status.as_str(),
        last: maybe_date(freshness.last_open),
        age_seconds: freshness.age_ms.map(|age| age / 1_000),
        lag_candles: freshness.lag_candles,
    }
}

/// How complete a series is in a span.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CoverageBody {
    key: String,
    symbol: String,
    timeframe: &'static str,
    price: &'static str,
    /// The version that was looked at; `null` when nothing is stored.
    version: Option<u64>,
    /// Whether what is stored is made up.
    synthetic: bool,
    /// The span: as far as candles are closed.
    span: SpanBody,
    /// Candles that are stored; 0 for funding rates, which keep no grid to be counted on.
    stored: u64,
    /// Candles that a sync would ask for.
    missing: u64,
    /// Candles that the exchange was asked for and does not have.
    absent: u64,
    /// Whether nothing is missing.
    complete: bool,
    /// Stored candles as a share of those to be had, 0 to 1.
    ratio: f64,
    /// The first 20 missing spans.
    missing_spans: Vec<SpanBody>,
    /// The first 20 spans that the exchange does not have.
    absent_spans: Vec<SpanBody>,
}

impl CoverageBody {
    pub(super) fn of(coverage: &Coverage) -> Self {
        let timeframe = coverage.key.timeframe;
        let listed = |spans: &[tradai_domain::ports::Span]| {
            spans.iter().take(LISTED_SPANS).map(|span| SpanBody::of(*span, timeframe)).collect()
        };
        Self {
            key: coverage.key.store_symbol(),
            symbol: coverage.key.symbol.to_string(),
            timeframe: timeframe.as_str(),
            price: price_name(coverage.key.kind),
            version: coverage.version,
            synthetic: coverage.synthetic,
            span: SpanBody::of(coverage.span, timeframe),
            stored: coverage.stored,
            missing: coverage.missing_candles(),
            absent: coverage.absent_candles(),
            complete: coverage.is_complete(),
            ratio: coverage.ratio(),
            missing_spans: listed(&coverage.missing),
            absent_spans: listed(&coverage.absent),
        }
    }
}

/// How complete the candles of an exchange are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CoverageReply {
    exchange: String,
    /// Whether nothing is missing of any series, and none is damaged.
    complete: bool,
    items: Vec<CoverageBody>,
    /// One text for each stored series that cannot be read, and so is not among the items.
    damaged: Vec<String>,
}

/// Tells how complete candles are
///
/// Reads no candles. What is missing is told from what the exchange does not have.
#[utoipa::path(get, path = "/api/v1/coverage", tag = "completeness", params(SeriesQuery),
    responses((status = 200, body = CoverageReply)))]
pub(super) async fn coverage(
    extract::State(state): extract::State<State>,
    Query(query): Query<SeriesQuery>,
) -> Result<Json<CoverageReply>, Problem> {
    let wanted = query.parse()?;
    let refused = |error| problem(error, Place::Query);
    let exchange = state.catalog.exchange(wanted.exchange.as_ref()).map_err(refused)?;
    let found = state.collector.coverage(exchange, wanted.keys.as_deref(), wanted.start, wanted.end).await;
    let found = found.map_err(refused)?;
    let items: Vec<CoverageBody> = found.items.iter().map(CoverageBody::of).collect();
    let complete = found.damaged.is_empty() && items.iter().all(|item| item.complete);
    let exchange = exchange.key().to_string();
    Ok(Json(CoverageReply { exchange, complete, items, damaged: found.damaged }))
}

/// Which series.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OneSeriesQuery {
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
    /// Until when, exclusive; until now when left out.
    end: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The parsed query.
struct OneSeries {
    exchange: Option<ExchangeKey>,
    key: SeriesKey,
    start: Option<i64>,
    end: Option<i64>,
}

impl OneSeriesQuery {
    fn parse(&self) -> Result<OneSeries, Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        let price = fields.price(self.price.as_deref());
        let symbol = fields.parse::<tradai_domain::Symbol>("symbol", &self.symbol);
        let timeframe = fields.timeframe(&self.timeframe);
        let (start, end) =
            (fields.date("start", self.start.as_deref()), fields.date("end", self.end.as_deref()));
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            fields.fault("end", "is not after the start");
        }
        let symbol = fields.finish_with(symbol)?;
        Ok(OneSeries { exchange, key: price.series(&symbol, timeframe), start, end })
    }

    fn page(&self) -> PageQuery {
        PageQuery::new(self.limit.clone(), self.cursor.clone())
    }
}

/// A span without candles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GapBody {
    #[serde(flatten)]
    span: SpanBody,
    /// `missing`: a sync would ask for it; `absent`: the exchange does not have it.
    status: &'static str,
}

/// Lists the spans without candles
#[utoipa::path(get, path = "/api/v1/gaps", tag = "completeness", params(OneSeriesQuery),
    responses((status = 200, body = Page<GapBody>), (status = 404)))]
pub(super) async fn gaps(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(query): Query<OneSeriesQuery>,
) -> Result<(HeaderMap, Json<Page<GapBody>>), Problem> {
    let OneSeries { exchange, key, start, end } = query.parse()?;
    let (page, refused) = (query.page(), |error| problem(error, Place::Query));
    let limit = page.limit()?;
    let list = format!("gaps {key} {start:?} {end:?}");
    let after: Option<i64> = state.cursors.open(&list, &page)?;
    let exchange = state.catalog.exchange(exchange.as_ref()).map_err(refused)?;
    let found = state.collector.coverage(exchange, Some(std::slice::from_ref(&key)), start, end).await;
    let Some(coverage) =
        found.map_err(refused)?.items.into_iter().next().filter(|found| found.version.is_some())
    else {
        return Err(problem(no_series(&key), Place::Query));
    };
    let missing = coverage.missing.iter().map(|span| (*span, "missing"));
    let mut gaps: Vec<_> = missing.chain(coverage.absent.iter().map(|span| (*span, "absent"))).collect();
    gaps.sort_unstable();
    gaps.retain(|(span, _)| after.is_none_or(|after| span.start > after));
    let next = gaps.get(limit - 1).filter(|_| gaps.len() > limit);
    let next_cursor = next.map(|(span, _)| state.cursors.seal(&list, &span.start));
    let body = |&(span, status): &(_, _)| GapBody { span: SpanBody::of(span, key.timeframe), status };
    let items = gaps.iter().take(limit).map(body).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// What reading a series found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct QualityBody {
    key: String,
    /// The version that was read.
    version: u64,
    /// What was read of it.
    span: SpanBody,
    /// Candles read.
    rows: u64,
    /// Share of candles, missing ones included, that nothing is wrong with, 0 to 1.
    score: f64,
    /// Candles missing between the first and the last.
    missing: u64,
    /// Candles whose values contradict each other.
    impossible: u64,
    /// Candles off the timeframe's grid.
    off_grid: u64,
    /// Candles in which nothing was traded.
    zero_volume: u64,
    /// Candles with equal high and low.
    flat: u64,
    /// Candles that close more than 50 % away from the one before.
    jumps: u64,
    /// The first 20 rows that something is odd about.
    faults: Vec<QualityFaultBody>,
}

/// One odd row.
#[derive(Debug, Serialize, ToSchema)]
struct QualityFaultBody {
    open_time: String,
    reason: String,
}

/// Reads candles and tells what is wrong with them
#[utoipa::path(get, path = "/api/v1/quality", tag = "completeness", params(OneSeriesQuery),
    responses((status = 200, body = QualityBody), (status = 404)))]
pub(super) async fn quality(
    extract::State(state): extract::State<State>,
    Query(query): Query<OneSeriesQuery>,
) -> Result<Json<QualityBody>, Problem> {
    let OneSeries { exchange, key, start, end } = query.parse()?;
    let refused = |error| problem(error, Place::Query);
    let exchange = state.catalog.exchange(exchange.as_ref()).map_err(refused)?;
    match state.collector.quality(exchange, &key, start, end).await.map_err(refused)? {
        Some(quality) => Ok(Json(quality_body(quality))),
        None => Err(problem(no_series(&key), Place::Query)),
    }
}

fn quality_body(quality: Quality) -> QualityBody {
    QualityBody {
        key: quality.key.store_symbol(),
        version: quality.version,
        span: SpanBody::of(quality.span, quality.key.timeframe),
        rows: quality.rows,
        score: quality.score(),
        missing: quality.missing,
        impossible: quality.impossible,
        off_grid: quality.off_grid,
        zero_volume: quality.zero_volume,
        flat: quality.flat,
        jumps: quality.jumps,
        faults: quality
            .faults
            .into_iter()
            .map(|fault| QualityFaultBody { open_time: date(fault.open_time), reason: fault.reason })
            .collect(),
    }
}
