//! Calls to requests, orders apart.

mod orders;

use super::endpoints::find;
use super::sign::{self, Payload};
use super::target::{Target, family};
use crate::base::{Query, timeframe_seconds};
use crate::body::Body;
use crate::model::MarginMode;
use crate::{
    AccountType, Call, Context, Decimal, Endpoint, Error, ErrorClass, HttpRequest, Page, PriceKind, Request,
};

/// An endpoint and what it is sent, before signing.
type Draft = (&'static Endpoint, Payload);

/// Candles when nobody says how many.
const DEFAULT_CANDLES: u32 = 100;
/// Candles per request at most.
const MAX_CANDLES: u32 = 300;
/// How many candles back the endpoint for recent ones reaches.
const RECENT_CANDLES: i64 = 1_440;
/// From this length on, days begin at 16:00 UTC unless asked for otherwise.
const LOCAL_DAY_SECONDS: i64 = 21_600;

pub(super) fn build(
    default: &'static str,
    request: &Request,
    context: &Context<'_>,
) -> Result<HttpRequest, Error> {
    let target = Target::find(default, request, context)?;
    let (endpoint, payload) = draft(request, &target, context)?;
    sign::write(endpoint, payload, context)
}

fn get(name: &str, query: Query) -> Result<Draft, Error> {
    Ok((find(name)?, Payload::Query(query)))
}

fn post(name: &str, body: Body) -> Result<Draft, Error> {
    Ok((find(name)?, Payload::Body(body.into_json())))
}

fn of_market(target: &Target<'_>) -> Result<Query, Error> {
    let mut query = Query::new();
    query.set("instId", &target.market()?.id);
    Ok(query)
}

fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    match &request.call {
        Call::FetchTime => get("time", Query::new()),
        Call::FetchStatus => get("status", Query::new()),
        Call::FetchCurrencies => get("currencies", Query::new()),
        Call::FetchMarkets | Call::FetchTickers { .. } | Call::FetchBidsAsks { .. } => {
            let mut query = Query::new();
            query.set("instType", target.kind);
            get(if request.call == Call::FetchMarkets { "instruments" } else { "tickers" }, query)
        }
        Call::FetchTicker { .. } => get("ticker", of_market(target)?),
        Call::FetchOrderBook { limit, .. } => {
            let limit = limit.unwrap_or(100);
            let mut query = of_market(target)?;
            query.set("sz", limit);
            get(if limit > 400 { "booksFull" } else { "books" }, query)
        }
        Call::FetchTrades { page, .. } => {
            let mut query = of_market(target)?;
            query.set_some("limit", page.limit);
            get("trades", query)
        }
        Call::FetchOhlcv { timeframe, page, price, .. } => candles(timeframe, page, *price, target, context),
        Call::FetchFundingRate { .. } => get("fundingRate", contract(target)?),
        Call::FetchFundingRates { .. } => {
            let mut query = Query::new();
            query.set("instId", "ANY");
            get("fundingRate", query)
        }
        Call::FetchFundingRateHistory { page, .. } => {
            let mut query = contract(target)?;
            query.set_some("before", page.since.map(|since| since.saturating_sub(1)));
            query.set_some("after", page.until);
            query.set_some("limit", page.limit);
            get("fundingRateHistory", query)
        }
        Call::FetchOpenInterest { .. } => {
            let market = target.market()?;
            let mut query = Query::new();
            query.set("instType", target.kind);
            query.set("uly", family(market));
            query.set("instId", &market.id);
            get("openInterest", query)
        }
        Call::FetchMarketLeverageTiers { .. } => leverage_tiers(request, target),
        Call::FetchBalance if request.scope.account == Some(AccountType::Funding) => {
            get("fundingBalance", Query::new())
        }
        Call::FetchBalance => get("balance", Query::new()),
        Call::FetchTradingFee { .. } => trading_fee(target),
        Call::FetchPositions { symbols } => positions(symbols, target, context),
        Call::FetchPosition { .. } => {
            let mut query = of_market(target)?;
            query.set("instType", target.kind);
            get("positions", query)
        }
        Call::FetchPositionMode { .. } => get("accountConfig", Query::new()),
        Call::FetchLeverage { .. } => {
            let mut query = of_market(target)?;
            query.set("mgnMode", margin_mode(request).as_str());
            get("leverage", query)
        }
        Call::FetchFundingHistory { page, .. } => funding_history(page, target),
        Call::FetchLedger { .. } => {
            let mut query = Query::new();
            query.set("instType", target.kind);
            get("bills", query)
        }
        Call::FetchMyTrades { page, .. } => {
            let mut query = Query::new();
            query.set_some("instId", target.market.map(|market| &market.id));
            query.set_some("begin", page.since);
            query.set_some("end", page.until);
            query.set("instType", target.kind);
            // With a start, rows are wanted from there on, and OKX would count the limit from the newest.
            query.set_some("limit", page.limit.filter(|_| page.since.is_none()));
            get("fills", query)
        }
        Call::SetLeverage { leverage, .. } => set_leverage(*leverage, margin_mode(request), target),
        Call::SetMarginMode { mode, leverage, .. } => {
            let missing =
                || Error::new(ErrorClass::BadRequest, "OKX sets the margin mode together with a leverage");
            set_leverage(leverage.ok_or_else(missing)?, *mode, target)
        }
        Call::SetPositionMode { hedged, .. } => {
            let mut body = Body::default();
            body.text("posMode", if *hedged { "long_short_mode" } else { "net_mode" });
            post("setPositionMode", body)
        }
        Call::AddMargin { amount, .. } => {
            let mut body = Body::default();
            body.text("instId", target.market()?.id.as_str());
            body.text("amt", amount.to_string());
            body.text("type", "add");
            body.text("posSide", "net");
            post("addMargin", body)
        }
        _ => orders::draft(request, target, context),
    }
}

fn contract(target: &Target<'_>) -> Result<Query, Error> {
    if target.kind == "SWAP" { of_market(target) } else { Err(Error::not_supported("only swaps have this")) }
}

fn margin_mode(request: &Request) -> MarginMode {
    request.scope.margin_mode.unwrap_or(MarginMode::Cross)
}

/// OKX's spelling of a timeframe; unknown ones go as they are.
fn bar(timeframe: &str) -> String {
    let seconds = timeframe_seconds(timeframe).unwrap_or(0);
    let word =
        if timeframe.ends_with(['h', 'd', 'w']) { timeframe.to_uppercase() } else { timeframe.to_owned() };
    if seconds >= LOCAL_DAY_SECONDS { format!("{word}utc") } else { word }
}

/// `before` and `after` leave out the moment they name, and mean later and earlier.
fn candles(
    timeframe: &str,
    page: &Page,
    price: PriceKind,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    let market = target.market()?;
    let limit = page.limit.unwrap_or(DEFAULT_CANDLES).min(MAX_CANDLES);
    let length_ms = timeframe_seconds(timeframe).unwrap_or(60).saturating_mul(1_000);
    let mut query = Query::new();
    match price {
        PriceKind::Index => query.set("instId", family(market)),
        PriceKind::Last | PriceKind::Mark => query.set("instId", &market.id),
    }
    query.set("bar", bar(timeframe));
    query.set("limit", limit);
    let window_end = page.since.map(|since| since.saturating_add(length_ms.saturating_mul(limit.into())));
    query.set_some("before", page.since.map(|since| since.saturating_sub(1)));
    query.set_some("after", page.until.or(window_end));
    let recent = context.now_ms.saturating_sub(length_ms.saturating_mul(RECENT_CANDLES));
    let old = page.since.is_some_and(|since| since < recent);
    get(
        match (price, old) {
            (PriceKind::Last, false) => "candles",
            (PriceKind::Last, true) => "historyCandles",
            (PriceKind::Mark, false) => "markCandles",
            (PriceKind::Mark, true) => "historyMarkCandles",
            (PriceKind::Index, false) => "indexCandles",
            (PriceKind::Index, true) => "historyIndexCandles",
        },
        query,
    )
}

fn leverage_tiers(request: &Request, target: &Target<'_>) -> Result<Draft, Error> {
    let market = target.market()?;
    let mut query = Query::new();
    query.set("instType", if market.is_spot() { "MARGIN" } else { target.kind });
    query.set("tdMode", margin_mode(request).as_str());
    if market.is_spot() {
        query.set("instId", &market.id);
    } else {
        query.set("instFamily", family(market));
    }
    get("positionTiers", query)
}

fn trading_fee(target: &Target<'_>) -> Result<Draft, Error> {
    let market = target.market()?;
    let mut query = Query::new();
    query.set("instType", target.kind);
    if market.is_spot() {
        query.set("instId", &market.id);
    } else {
        query.set("uly", family(market));
    }
    get("tradeFee", query)
}

fn positions(
    symbols: &[tradai_domain::Symbol],
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    let mut query = Query::new();
    if target.market.is_some() {
        let mut ids = Vec::with_capacity(symbols.len());
        for symbol in symbols {
            ids.push(context.markets.get(symbol)?.id.as_str());
        }
        query.set("instId", ids.join(","));
    }
    get("positions", query)
}

/// Bills of type 8 are funding.
fn funding_history(page: &Page, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = Query::new();
    query.set("type", 8);
    if let Some(market) = target.market {
        if market.is_spot() {
            return Err(Error::not_supported("only contracts have this"));
        }
        query.set("ctType", if market.is_inverse() { "inverse" } else { "linear" });
        query.set_some("ccy", market.settle_id.as_ref());
        query.set("instType", target.kind);
    }
    query.set_some("begin", page.since);
    query.set_some("limit", page.limit);
    get("billsArchive", query)
}

fn set_leverage(leverage: Decimal, mode: MarginMode, target: &Target<'_>) -> Result<Draft, Error> {
    if !(1..=125).contains(&leverage.to_i64().unwrap_or(0)) {
        return Err(Error::new(ErrorClass::BadRequest, format!("leverage {leverage} is not from 1 to 125")));
    }
    let mut body = Body::default();
    body.text("lever", leverage.to_string());
    body.text("mgnMode", mode.as_str());
    body.text("instId", target.market()?.id.as_str());
    if mode == MarginMode::Isolated {
        body.text("posSide", "net");
    }
    post("setLeverage", body)
}
