//! Exchanges, their markets, and how the collector stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradai_control_plane::data::Exchange;
use tradai_domain::Timeframe;
use tradai_domain::ports::{BreakerStatus, ListedMarket, MarketType};
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, Uri};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Json, Page, PageQuery, Path, Place, Problem, Query, page_links};

use super::parse::Fields;
use super::problem::problem;
use super::state::State;
use super::sync_view::maybe_date;

/// One configured exchange.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExchangeBody {
    exchange: String,
    /// Whether it is meant when a request names none.
    default: bool,
    /// Lengths of its candles.
    timeframes: Vec<&'static str>,
    /// `closed`: requests go through; `open`: none does before `breaker_open_until`; `half_open`: one is under way to
    /// see whether the exchange is back.
    breaker: &'static str,
    breaker_open_until: Option<String>,
    /// Weight of requests spent in the current window.
    rate_used: u64,
    /// Weight that the exchange allows in a window.
    rate_capacity: u64,
    rate_window_seconds: i64,
    /// Until when the exchange wants no requests.
    blocked_until: Option<String>,
}

impl ExchangeBody {
    fn of(exchange: &Exchange, default: bool) -> Self {
        let status = exchange.source.status();
        let (breaker, until) = match status.breaker {
            BreakerStatus::Closed => ("closed", None),
            BreakerStatus::Open { until } => ("open", Some(until)),
            BreakerStatus::HalfOpen => ("half_open", None),
        };
        Self {
            exchange: exchange.key().to_string(),
            default,
            timeframes: exchange.source.timeframes().iter().map(|timeframe| timeframe.as_str()).collect(),
            breaker,
            breaker_open_until: maybe_date(until),
            rate_used: status.budget.used,
            rate_capacity: status.budget.capacity,
            rate_window_seconds: status.budget.window_ms / 1_000,
            blocked_until: maybe_date(status.budget.blocked_until),
        }
    }
}

fn bodies(state: &State) -> Vec<ExchangeBody> {
    let exchanges = state.collector.exchanges().iter().enumerate();
    exchanges.map(|(at, exchange)| ExchangeBody::of(exchange, at == 0)).collect()
}

/// The configured exchanges.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ExchangesReply {
    items: Vec<ExchangeBody>,
}

/// Lists the configured exchanges
#[utoipa::path(get, path = "/api/v1/exchanges", operation_id = "list_exchanges", tag = "exchanges",
    responses((status = 200, body = ExchangesReply)))]
pub(super) async fn list(extract::State(state): extract::State<State>) -> Json<ExchangesReply> {
    Json(ExchangesReply { items: bodies(&state) })
}

/// How the collector stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StatusReply {
    exchanges: Vec<ExchangeBody>,
    /// Sync jobs that are remembered, by status.
    jobs: BTreeMap<&'static str, usize>,
    /// Whether schedules are run.
    scheduler: bool,
}

/// Tells how the collector stands
///
/// Breakers, budgets of requests and jobs. Asks no exchange.
#[utoipa::path(get, path = "/api/v1/status", tag = "exchanges", responses((status = 200, body = StatusReply)))]
pub(super) async fn status(extract::State(state): extract::State<State>) -> Json<StatusReply> {
    let mut jobs = BTreeMap::new();
    for job in state.jobs.list() {
        *jobs.entry(job.view().status.as_str()).or_default() += 1;
    }
    Json(StatusReply { exchanges: bodies(&state), jobs, scheduler: state.scheduler_enabled })
}

/// Which markets.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct MarketsQuery {
    /// `true`: only those that trade now.
    active: Option<String>,
    /// Only those priced in this currency.
    #[param(example = "USDT")]
    quote: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// One market.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MarketBody {
    symbol: String,
    /// `spot`, `swap` or `future`.
    kind: &'static str,
    /// Whether it trades now; `null` where the exchange does not say.
    active: Option<bool>,
    base: String,
    quote: String,
    settle: Option<String>,
    /// When it was listed, where the exchange says.
    created_at: Option<String>,
}

impl From<ListedMarket> for MarketBody {
    fn from(market: ListedMarket) -> Self {
        let kind = match market.kind {
            MarketType::Spot => "spot",
            MarketType::Swap => "swap",
            MarketType::Future => "future",
        };
        Self {
            symbol: market.symbol.to_string(),
            kind,
            active: market.active,
            base: market.base,
            quote: market.quote,
            settle: market.settle,
            created_at: maybe_date(market.created),
        }
    }
}

/// Lists the markets of an exchange
///
/// The list may be up to an hour old.
#[utoipa::path(get, path = "/api/v1/exchanges/{exchange}/markets", tag = "exchanges",
    params(("exchange" = String, Path, example = "binance_futures"), MarketsQuery),
    responses((status = 200, body = Page<MarketBody>), (status = 503, description = "The exchange cannot be reached")))]
pub(super) async fn markets(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Path(exchange): Path<String>,
    Query(query): Query<MarketsQuery>,
) -> Result<(HeaderMap, Json<Page<MarketBody>>), Problem> {
    let page = PageQuery::new(query.limit, query.cursor);
    let limit = page.limit()?;
    let mut fields = Fields::of_query();
    let key = fields.exchange(Some(&exchange));
    let active: Option<bool> = query.active.as_deref().and_then(|text| fields.parse("active", text));
    let key = fields.finish_with(key)?;
    let list = format!("markets {key} {active:?} {:?}", query.quote);
    let after: Option<String> = state.cursors.open(&list, &page)?;
    let mut markets = state.catalog.markets(&key).await.map_err(|error| problem(error, Place::Path))?;
    markets.sort_unstable_by(|some, other| some.symbol.cmp(&other.symbol));
    markets.retain(|market| {
        after.as_ref().is_none_or(|after| market.symbol.as_str() > after.as_str())
            && active.is_none_or(|active| market.active.unwrap_or(true) == active)
            && query.quote.as_ref().is_none_or(|quote| market.quote == *quote)
    });
    let is_cut = markets.len() > limit;
    markets.truncate(limit);
    let last = markets.last().filter(|_| is_cut);
    let next_cursor = last.map(|last| state.cursors.seal(&list, &last.symbol.as_str()));
    let items = markets.into_iter().map(MarketBody::from).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// One length of candles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimeframeBody {
    timeframe: &'static str,
    seconds: i64,
    /// Exchanges that have candles of it.
    exchanges: Vec<String>,
}

/// The lengths of candles.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TimeframesReply {
    /// The shortest first.
    items: Vec<TimeframeBody>,
}

/// Lists the lengths of candles
#[utoipa::path(get, path = "/api/v1/timeframes", tag = "exchanges", responses((status = 200, body = TimeframesReply)))]
pub(super) async fn timeframes(extract::State(state): extract::State<State>) -> Json<TimeframesReply> {
    let offering = |timeframe: Timeframe| {
        let exchanges = state.collector.exchanges().iter();
        let with = exchanges.filter(|exchange| exchange.source.timeframes().contains(&timeframe));
        with.map(|exchange| exchange.key().to_string()).collect()
    };
    let body = |timeframe: Timeframe| TimeframeBody {
        timeframe: timeframe.as_str(),
        seconds: timeframe.millis() / 1_000,
        exchanges: offering(timeframe),
    };
    Json(TimeframesReply { items: Timeframe::ALL.into_iter().map(body).collect() })
}
