//! Calls to requests, orders apart.

mod orders;

use super::endpoints::find;
use super::sign::{self, Payload};
use super::target::Target;
use crate::base::{Query, append_pair, timeframe_seconds};
use crate::model::MarginMode;
use crate::{AccountType, Call, Context, Endpoint, Error, HttpRequest, Json, Page, PriceKind, Request};

use crate::body::Body;

/// An endpoint and what it is sent, before signing.
type Draft = (&'static Endpoint, Payload);

/// Candles when nobody says how many.
const DEFAULT_CANDLES: u32 = 200;
/// Funding rates when nobody says how many.
const DEFAULT_FUNDING_RATES: u32 = 200;

pub(super) fn build(request: &Request, context: &Context<'_>) -> Result<HttpRequest, Error> {
    let target = Target::find(request, context)?;
    let (endpoint, payload) = draft(request, &target, context)?;
    sign::write(endpoint, payload, context)
}

/// Returns the request for the page of markets after an answer, by the cursor in it.
pub(super) fn next_market_page(first: &HttpRequest, body: &[u8]) -> Option<HttpRequest> {
    let json = Json::parse(body).ok()?;
    let cursor = json.get("result").get("nextPageCursor").as_str().filter(|cursor| !cursor.is_empty())?;
    let mut next = first.clone();
    append_pair(&mut next.url, "cursor", cursor);
    Some(next)
}

fn get(name: &str, query: Query) -> Result<Draft, Error> {
    Ok((find(name)?, Payload::Query(query)))
}

fn post(name: &str, body: Body) -> Result<Draft, Error> {
    Ok((find(name)?, Payload::Body(body.into_json())))
}

/// Returns a query with market and category.
fn of_market(target: &Target<'_>) -> Result<Query, Error> {
    let mut query = Query::new();
    query.set("symbol", &target.market()?.id);
    query.set("category", target.category);
    Ok(query)
}

fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    match &request.call {
        Call::FetchTime => get("time", Query::new()),
        Call::FetchStatus => get("status", Query::new()),
        Call::FetchCurrencies => get("currencies", Query::new()),
        Call::FetchLedger { .. } => get("ledger", Query::new()),
        Call::FetchMarkets
        | Call::FetchTickers { .. }
        | Call::FetchBidsAsks { .. }
        | Call::FetchFundingRates { .. } => {
            let mut query = Query::new();
            query.set("category", target.category);
            get(if request.call == Call::FetchMarkets { "instruments" } else { "tickers" }, query)
        }
        Call::FetchTicker { .. } => get("tickers", of_market(target)?),
        Call::FetchFundingRate { .. } => get("tickers", contract(target)?),
        Call::FetchOrderBook { limit, .. } => {
            let mut query = of_market(target)?;
            query.set("limit", limit.unwrap_or(if target.is_spot() { 50 } else { 25 }));
            get("orderBook", query)
        }
        Call::FetchTrades { page, .. } => {
            let mut query = Query::new();
            query.set("symbol", &target.market()?.id);
            query.set_some("limit", page.limit);
            query.set("category", target.category);
            get("trades", query)
        }
        Call::FetchOhlcv { timeframe, page, price, .. } => candles(timeframe, page, *price, target),
        Call::FetchFundingRateHistory { page, .. } => funding_rates(page, target),
        Call::FetchOpenInterest { .. } => {
            let mut query = Query::new();
            query.set("symbol", &target.market()?.id);
            query.set("intervalTime", "1h");
            query.set("category", target.category);
            get("openInterest", query)
        }
        Call::FetchMarketLeverageTiers { .. } => get("riskLimit", of_market(target)?),
        Call::FetchLeverageTiers { .. } => {
            let mut query = Query::new();
            query.set("category", target.category);
            get("riskLimit", query)
        }
        Call::FetchTradingFee { .. } => get("feeRate", of_market(target)?),
        Call::FetchLeverage { .. } | Call::FetchPosition { .. } => get("positions", of_market(target)?),
        Call::FetchPositions { symbols } => positions(symbols.len(), target),
        Call::FetchBalance => {
            let funding = request.scope.account == Some(AccountType::Funding);
            let mut query = Query::new();
            query.set("accountType", if funding { "FUND" } else { "UNIFIED" });
            get(if funding { "fundingBalance" } else { "balance" }, query)
        }
        Call::FetchMyTrades { page, .. } => {
            let mut query = Query::new();
            query.set("execType", "Trade");
            query.set_some("symbol", target.market.map(|market| &market.id));
            query.set("category", target.category);
            set_page(&mut query, page);
            get("executions", query)
        }
        Call::FetchFundingHistory { page, .. } => {
            let mut query = Query::new();
            query.set("execType", "Funding");
            query.set_some("symbol", target.market.map(|market| &market.id));
            query.set("category", target.category);
            query.set("size", page.limit.unwrap_or(100));
            query.set_some("startTime", page.since);
            get("executions", query)
        }
        Call::SetLeverage { leverage, .. } => {
            let mut body = Body::default();
            body.text("symbol", target.market()?.id.as_str());
            body.text("buyLeverage", leverage.to_string());
            body.text("sellLeverage", leverage.to_string());
            body.text("category", target.category);
            post("setLeverage", body)
        }
        Call::SetMarginMode { mode, .. } => {
            let mut body = Body::default();
            let cross = *mode == MarginMode::Cross;
            body.text("setMarginMode", if cross { "REGULAR_MARGIN" } else { "ISOLATED_MARGIN" });
            post("setMarginMode", body)
        }
        Call::SetPositionMode { hedged, .. } => {
            let mut body = Body::default();
            body.value("mode", Json::Number(if *hedged { "3" } else { "0" }));
            match target.market {
                Some(market) => body.text("symbol", market.id.as_str()),
                None => body.text("coin", "USDT"),
            }
            body.text("category", target.category);
            post("setPositionMode", body)
        }
        _ => orders::draft(request, target, context),
    }
}

fn contract(target: &Target<'_>) -> Result<Query, Error> {
    if target.is_spot() { Err(Error::not_supported("only contracts have this")) } else { of_market(target) }
}

fn set_page(query: &mut Query, page: &Page) {
    query.set_some("limit", page.limit);
    query.set_some("startTime", page.since);
    query.set_some("endTime", page.until);
}

/// Bybit's spelling of a timeframe; unknown ones go as they are.
fn interval(timeframe: &str) -> &str {
    match timeframe {
        "1m" => "1",
        "3m" => "3",
        "5m" => "5",
        "15m" => "15",
        "30m" => "30",
        "1h" => "60",
        "2h" => "120",
        "4h" => "240",
        "6h" => "360",
        "12h" => "720",
        "1d" => "D",
        "1w" => "W",
        "1M" => "M",
        other => other,
    }
}

fn candles(timeframe: &str, page: &Page, price: PriceKind, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = Query::new();
    query.set("symbol", &target.market()?.id);
    // A start inside a candle would bring that candle, which opened before it.
    let length = timeframe_seconds(timeframe).map(|seconds| seconds.saturating_mul(1_000));
    let start = page.since.map(|since| match length {
        Some(length) => since.saturating_add(length - 1).div_euclid(length).saturating_mul(length),
        None => since,
    });
    query.set_some("start", start);
    query.set("limit", page.limit.unwrap_or(DEFAULT_CANDLES));
    query.set_some("end", page.until);
    query.set("interval", interval(timeframe));
    query.set("category", target.category);
    get(
        match price {
            PriceKind::Last => "klines",
            PriceKind::Mark => "markKlines",
            PriceKind::Index => "indexKlines",
        },
        query,
    )
}

/// A start needs an end: as many rates as asked for, at the market's interval.
fn funding_rates(page: &Page, target: &Target<'_>) -> Result<Draft, Error> {
    let market = target.market()?;
    let limit = page.limit.unwrap_or(DEFAULT_FUNDING_RATES);
    let minutes = market.funding_interval_minutes.unwrap_or(480);
    let span = i64::from(limit).saturating_mul(minutes).saturating_mul(60_000);
    let mut query = Query::new();
    query.set("limit", limit);
    query.set("symbol", &market.id);
    query.set("category", target.category);
    query.set_some("startTime", page.since);
    query.set_some("endTime", page.until.or(page.since.map(|since| since.saturating_add(span))));
    get("fundingHistory", query)
}

fn positions(symbols: usize, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = Query::new();
    match target.market {
        Some(market) if symbols == 1 => query.set("symbol", &market.id),
        _ if target.category == "linear" => query.set("settleCoin", "USDT"),
        _ => {}
    }
    query.set("limit", 200);
    query.set("category", target.category);
    get("positions", query)
}
