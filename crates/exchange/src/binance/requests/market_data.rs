//! Requests that need no keys.

use super::super::book::{Book, Target};
use super::super::endpoints::find;
use super::{Draft, bare, of_market};
use crate::base::{Query, timeframe_seconds};
use crate::{Call, Context, Error, Json, Page, PriceKind};

/// Candles per request that every book serves.
pub(in super::super) const MAX_CANDLES: u32 = 1000;
/// Candles when nobody says how many.
const DEFAULT_CANDLES: u32 = 500;
/// Trades per request that the contract books serve.
const MAX_CONTRACT_TRADES: u32 = 1000;
/// How far a request for trades may reach from its start.
const TRADES_WINDOW_MS: i64 = 3_600_000;

pub(super) fn draft(call: &Call, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    let book = target.book;
    match call {
        Call::FetchTime => bare(book, "time"),
        Call::FetchStatus => bare(Book::Spot, "status"),
        Call::FetchMarkets => bare(book, "exchangeInfo"),
        Call::FetchTicker { .. } => Ok((find(book, "ticker24h")?, of_market(target)?)),
        Call::FetchTickers { symbols } => tickers("ticker24h", symbols, target, context),
        Call::FetchBidsAsks { symbols } => tickers("bookTicker", symbols, target, context),
        Call::FetchOrderBook { limit, .. } => {
            let mut query = of_market(target)?;
            query.set_some("limit", *limit);
            Ok((find(book, "depth")?, query))
        }
        Call::FetchTrades { page, .. } => trades(page, target),
        Call::FetchOhlcv { timeframe, page, price, .. } => candles(timeframe, page, *price, target, context),
        Call::FetchFundingRate { .. } => Ok((find(book, "premiumIndex")?, of_market(target)?)),
        Call::FetchFundingRates { .. } => bare(contract(book)?, "premiumIndex"),
        Call::FetchFundingRateHistory { page, .. } => funding_rates(page, target),
        Call::FetchOpenInterest { .. } => Ok((find(book, "openInterest")?, of_market(target)?)),
        other => Err(Error::not_supported(other.method())),
    }
}

fn contract(book: Book) -> Result<Book, Error> {
    if book.is_contract() { Ok(book) } else { Err(Error::not_supported("only contracts have this")) }
}

/// Spot takes a list of markets, the contract books one or all.
fn tickers(
    name: &str,
    symbols: &[tradai_domain::Symbol],
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    let mut query = Query::new();
    let mut ids = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        ids.push(Json::Text(context.markets.get(symbol)?.id.as_str().into()));
    }
    if target.book == Book::Spot && !ids.is_empty() {
        query.set("symbols", Json::List(ids));
    }
    Ok((find(target.book, name)?, query))
}

fn trades(page: &Page, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = of_market(target)?;
    query.set_some("startTime", page.since);
    query
        .set_some("endTime", page.until.or(page.since.and_then(|since| since.checked_add(TRADES_WINDOW_MS))));
    let most = if target.book.is_contract() { MAX_CONTRACT_TRADES } else { u32::MAX };
    query.set_some("limit", page.limit.map(|limit| limit.min(most)));
    Ok((find(target.book, "aggTrades")?, query))
}

fn candles(
    timeframe: &str,
    page: &Page,
    price: PriceKind,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    let market = target.market()?;
    let whole_window = page.since.is_some() && page.until.is_some() && page.limit.is_none();
    let limit =
        if whole_window { MAX_CANDLES } else { page.limit.unwrap_or(DEFAULT_CANDLES).min(MAX_CANDLES) };
    let mut query = Query::new();
    query.set("interval", timeframe);
    query.set("limit", limit);
    let name = match price {
        PriceKind::Last => "klines",
        PriceKind::Mark => "markKlines",
        PriceKind::Index => "indexKlines",
    };
    match price {
        PriceKind::Index => query.set("pair", pair_of(&market.id)),
        PriceKind::Last | PriceKind::Mark => query.set("symbol", &market.id),
    }
    query.set_some("startTime", page.since);
    query.set_some("endTime", page.until.or_else(|| inverse_end(timeframe, limit, page, target, context)));
    Ok((find(target.book, name)?, query))
}

/// An index belongs to the pair, without the contract's suffix.
fn pair_of(id: &str) -> &str {
    id.split('_').next().unwrap_or(id)
}

/// The inverse book serves 200 days around now unless it is told where to end.
fn inverse_end(
    timeframe: &str,
    limit: u32,
    page: &Page,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Option<i64> {
    if target.book != Book::Inverse {
        return None;
    }
    let length_ms = timeframe_seconds(timeframe)?.checked_mul(1_000)?.checked_mul(limit.into())?;
    Some(page.since?.checked_add(length_ms)?.checked_sub(1)?.min(context.now_ms))
}

fn funding_rates(page: &Page, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = Query::new();
    query.set_some("symbol", target.market.map(|market| &market.id));
    query.set_some("startTime", page.since);
    query.set_some("endTime", page.until);
    query.set_some("limit", page.limit);
    Ok((find(contract(target.book)?, "fundingRate")?, query))
}
