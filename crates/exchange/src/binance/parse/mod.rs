//! Replies to the unified model.
//!
//! A row names its market by an id that spot and contracts may share; the book that was asked decides.

mod account;
mod market_data;
mod order;
mod position;
mod trade;

use tradai_domain::Symbol;

use super::book::{Book, Target};
use super::markets;
use crate::model::Market;
use crate::{Call, Context, Error, Json, Reply, Request, candles};

/// What rows are read against.
#[derive(Clone, Copy)]
struct Reader<'a> {
    target: Target<'a>,
    context: &'a Context<'a>,
}

impl<'a> Reader<'a> {
    /// Returns the market of a row: by its id, else the one that was asked about.
    fn market(&self, row: &Json<'_>) -> Option<&'a Market> {
        let book = book_of_row(row).unwrap_or(self.target.book);
        let book =
            if book == Book::Linear && self.target.book.is_contract() { self.target.book } else { book };
        self.in_book(row.get("symbol").as_str(), book)
    }

    /// Returns the symbol of a row. Options are not among our markets, but their ids say all.
    fn symbol(&self, row: &Json<'_>) -> Option<Symbol> {
        let id = row.get("symbol").as_str();
        id.and_then(option_symbol).or_else(|| self.market(row).map(|market| market.symbol.clone()))
    }

    fn in_book(&self, id: Option<&str>, book: Book) -> Option<&'a Market> {
        let named = id.and_then(|id| self.context.markets.resolve(id, |market| book.has(market)));
        named.or(self.target.market)
    }
}

/// Tells the book by fields that only one kind of book has.
fn book_of_row(row: &Json<'_>) -> Option<Book> {
    let has = |names: &[&str]| names.iter().any(|name| row.has(name));
    if has(&["cummulativeQuoteQty", "isIsolated"]) {
        return Some(Book::Spot);
    }
    let book_ticker = row.has("bidQty") && row.has("time");
    (has(&["positionSide", "cumQuote", "cumBase"]) || book_ticker).then_some(Book::Linear)
}

/// Reads an option's id: `ETH-230510-1825-C` is settled in USDT.
fn option_symbol(id: &str) -> Option<Symbol> {
    let parts: Vec<&str> = id.split('-').collect();
    let [base, date, strike, kind @ ("C" | "P")] = parts.as_slice() else { return None };
    let dated = date.len() == 6 && date.bytes().all(|byte| byte.is_ascii_digit());
    let symbol = format!("{base}/USDT:USDT-{date}-{strike}-{kind}");
    if dated { symbol.parse().ok() } else { None }
}

/// Reads the answer to a call.
pub(super) fn parse(
    default: Book,
    request: &Request,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Reply, Error> {
    let target = Target::find(default, request, context)?;
    if let Call::FetchOhlcv { .. } = request.call {
        // Inverse contracts count themselves in column 5 and base currency in column 7.
        let volume = if target.book == Book::Inverse { 7 } else { 5 };
        return candles::parse_candles(body, volume).map(Reply::Candles);
    }
    if let Call::FetchMarkets = request.call {
        return markets::parse(target.book, body).map(Reply::Markets);
    }
    let json = Json::parse(body)?;
    let reader = Reader { target, context };
    match &request.call {
        Call::FetchTime => {
            let time = json.get("serverTime").as_millis();
            time.map(Reply::Time).ok_or_else(|| Error::bad_response("the reply tells no time"))
        }
        Call::FetchStatus => Ok(market_data::status(&json)),
        Call::FetchTicker { .. } => reader.ticker(&json),
        Call::FetchTickers { .. } | Call::FetchBidsAsks { .. } => Ok(reader.tickers(&json, &request.call)),
        Call::FetchOrderBook { .. } => reader.order_book(&json),
        Call::FetchTrades { .. } | Call::FetchMyTrades { .. } => Ok(reader.trades(&json)),
        Call::FetchFundingRate { .. } => Ok(reader.funding_rate(&json)),
        Call::FetchFundingRates { symbols } => Ok(reader.funding_rates(&json, symbols)),
        Call::FetchFundingRateHistory { .. } => Ok(reader.funding_rate_history(&json)),
        Call::FetchOpenInterest { .. } => Ok(reader.open_interest(&json)),
        Call::FetchCurrencies => Ok(account::currencies(&json)),
        Call::FetchBalance => Ok(account::balances(&json)),
        Call::FetchTradingFee { .. } => Ok(reader.trading_fee(&json)),
        Call::FetchPositions { symbols } => Ok(reader.positions(&json, symbols)),
        Call::FetchPositionMode { .. } => account::position_mode(&json),
        Call::FetchLeverage { .. } => Ok(reader.leverage(&json)),
        Call::FetchLeverageTiers { symbols } => {
            Ok(Reply::LeverageTiers(reader.leverage_tiers(&json, symbols)))
        }
        Call::FetchMarketLeverageTiers { symbol } => {
            let mut tiers = reader.leverage_tiers(&json, std::slice::from_ref(symbol));
            Ok(Reply::MarketLeverageTiers(tiers.remove(symbol).unwrap_or_default()))
        }
        Call::FetchFundingHistory { .. } => Ok(reader.funding_history(&json)),
        Call::FetchOrder(_) | Call::CancelOrder(_) | Call::CreateOrder(_) | Call::EditOrder { .. } => {
            reader.order_reply(&json)
        }
        Call::FetchOrders { .. }
        | Call::FetchOpenOrders { .. }
        | Call::FetchClosedOrders { .. }
        | Call::CreateOrders(_)
        | Call::CancelOrders { .. }
        | Call::CancelAllOrders { .. } => Ok(reader.orders_reply(&json, &request.call)),
        Call::AddMargin { .. } => Ok(reader.margin_modification(&json)),
        _ => Ok(Reply::Acknowledged(json.to_string())),
    }
}

/// Returns the rows of a reply that is a list, or the one row that it is.
fn rows<'a, 'b>(json: &'a Json<'b>) -> &'a [Json<'b>] {
    match json {
        Json::List(rows) => rows,
        single => std::slice::from_ref(single),
    }
}
