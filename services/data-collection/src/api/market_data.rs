//! What exchanges say now: funding rates and tickers.

use serde::{Deserialize, Serialize};
use tradai_domain::Symbol;
use tradai_domain::ports::{ExchangeKey, FundingRate, Ticker};
use tradai_service::axum::extract;
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Json, Place, Problem, Query};

use super::parse::Fields;
use super::problem::problem;
use super::state::State;
use super::sync_view::maybe_date;

/// Which markets.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct NowQuery {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// Markets, separated by commas; all of them when left out.
    symbols: Option<String>,
}

impl NowQuery {
    fn parse(&self) -> Result<(Option<ExchangeKey>, Vec<Symbol>), Problem> {
        let mut fields = Fields::of_query();
        let exchange = fields.exchange(self.exchange.as_deref());
        let symbols = fields.symbol_list(self.symbols.as_deref()).unwrap_or_default();
        fields.finish()?;
        Ok((exchange, symbols))
    }
}

/// The funding rate of a perpetual.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FundingBody {
    symbol: String,
    /// Fraction of the notional per interval, as a decimal text.
    #[schema(example = "0.0001")]
    rate: Option<String>,
    /// When it is paid.
    funding_time: Option<String>,
    mark_price: Option<String>,
    /// When the exchange made it.
    at: Option<String>,
}

impl From<FundingRate> for FundingBody {
    fn from(funding: FundingRate) -> Self {
        Self {
            symbol: funding.symbol.to_string(),
            rate: funding.rate,
            funding_time: maybe_date(funding.funding_time),
            mark_price: funding.mark_price,
            at: maybe_date(funding.at),
        }
    }
}

/// Current funding rates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FundingReply {
    items: Vec<FundingBody>,
}

/// Asks for current funding rates
///
/// Past ones are collected by a sync with the price `funding_rate`.
#[utoipa::path(get, path = "/api/v1/funding", tag = "exchanges", params(NowQuery),
    responses((status = 200, body = FundingReply), (status = 503, description = "The exchange cannot be reached")))]
pub(super) async fn funding(
    extract::State(state): extract::State<State>,
    Query(query): Query<NowQuery>,
) -> Result<Json<FundingReply>, Problem> {
    let (exchange, symbols) = query.parse()?;
    let found = state.catalog.funding(exchange.as_ref(), &symbols).await;
    let items = found.map_err(|error| problem(error, Place::Query))?;
    Ok(Json(FundingReply { items: items.into_iter().map(FundingBody::from).collect() }))
}

/// A market at a glance, over the last 24 hours. Numbers are decimal texts.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TickerBody {
    symbol: String,
    at: Option<String>,
    #[schema(example = "42000.5")]
    last: Option<String>,
    bid: Option<String>,
    ask: Option<String>,
    high: Option<String>,
    low: Option<String>,
    base_volume: Option<String>,
    quote_volume: Option<String>,
}

impl From<Ticker> for TickerBody {
    fn from(ticker: Ticker) -> Self {
        Self {
            symbol: ticker.symbol.to_string(),
            at: maybe_date(ticker.at),
            last: ticker.last,
            bid: ticker.bid,
            ask: ticker.ask,
            high: ticker.high,
            low: ticker.low,
            base_volume: ticker.base_volume,
            quote_volume: ticker.quote_volume,
        }
    }
}

/// Current tickers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TickersReply {
    items: Vec<TickerBody>,
}

/// Asks for current tickers
#[utoipa::path(get, path = "/api/v1/tickers", tag = "exchanges", params(NowQuery),
    responses((status = 200, body = TickersReply), (status = 503, description = "The exchange cannot be reached")))]
pub(super) async fn tickers(
    extract::State(state): extract::State<State>,
    Query(query): Query<NowQuery>,
) -> Result<Json<TickersReply>, Problem> {
    let (exchange, symbols) = query.parse()?;
    let found = state.catalog.tickers(exchange.as_ref(), &symbols).await;
    let items = found.map_err(|error| problem(error, Place::Query))?;
    Ok(Json(TickersReply { items: items.into_iter().map(TickerBody::from).collect() }))
}
