//! Replies to the unified model.
//!
//! Every reply is an envelope: `result`, mostly with a `list`, and the `time` it was made.

mod account;
mod market_data;
mod order;
mod position;

use tradai_domain::Symbol;

use super::target::{Target, category};
use crate::model::{Market, PositionMode};
use crate::{Call, Context, Error, Json, Reply, Request, candles};

/// What rows are read against.
#[derive(Clone, Copy)]
struct Reader<'a> {
    target: Target<'a>,
    context: &'a Context<'a>,
}

impl<'a> Reader<'a> {
    /// Returns the market of a row: by its id within the category, else the one that was asked about.
    fn market(&self, row: &Json<'_>) -> Option<&'a Market> {
        let named = row.get("symbol").as_str().and_then(|id| {
            self.context.markets.resolve(id, |market| category(market) == self.target.category)
        });
        named.or(self.target.market)
    }

    /// Returns the symbol of a row. Of options only those we listed are markets, but their ids say all.
    fn symbol(&self, row: &Json<'_>) -> Option<Symbol> {
        let option = row.get("symbol").as_str().and_then(option_symbol);
        option.or_else(|| self.market(row).map(|market| market.symbol.clone()))
    }
}

/// Reads an option's id: `BTC-30DEC22-18000-C`.
fn option_symbol(id: &str) -> Option<Symbol> {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let parts: Vec<&str> = id.split('-').collect();
    let [base, date, strike, kind @ ("C" | "P")] = parts.as_slice() else { return None };
    let day_digits = date.len().checked_sub(5)?;
    let (day, month, year) =
        (date.get(..day_digits)?, date.get(day_digits..day_digits + 3)?, date.get(day_digits + 3..)?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day: u8 = day.parse().ok()?;
    format!("{base}/USDC:USDC-{year}{month:02}{day:02}-{strike}-{kind}").parse().ok()
}

/// Reads the answer to a call.
pub(super) fn parse(request: &Request, body: &[u8], context: &Context<'_>) -> Result<Reply, Error> {
    let target = Target::find(request, context)?;
    if let Call::FetchOhlcv { .. } = request.call {
        // Inverse contracts count themselves in column 5 and base currency in column 6.
        let volume = if target.category == "inverse" { 6 } else { 5 };
        return candles::parse_candles_at(body, &["result", "list"], volume).map(Reply::Candles);
    }
    if let Call::FetchMarkets = request.call {
        return super::markets::parse(body).map(Reply::Markets);
    }
    let json = Json::parse(body)?;
    let reader = Reader { target, context };
    let result = json.get("result");
    match &request.call {
        Call::FetchTime => {
            let time = json.get("time").as_millis();
            time.map(Reply::Time).ok_or_else(|| Error::bad_response("the reply tells no time"))
        }
        Call::FetchStatus => Ok(market_data::status(result)),
        Call::FetchTicker { .. } => reader.ticker(result),
        Call::FetchTickers { symbols } | Call::FetchBidsAsks { symbols } => {
            Ok(reader.tickers(result, symbols))
        }
        Call::FetchOrderBook { .. } => reader.order_book(result),
        Call::FetchTrades { .. } | Call::FetchMyTrades { .. } => Ok(reader.trades(result)),
        Call::FetchFundingRate { .. } => reader.funding_rate(result, &json),
        Call::FetchFundingRates { symbols } => Ok(reader.funding_rates(result, &json, symbols)),
        Call::FetchFundingRateHistory { .. } => Ok(reader.funding_rate_history(result)),
        Call::FetchOpenInterest { .. } => reader.open_interest(result),
        Call::FetchCurrencies => Ok(account::currencies(result)),
        Call::FetchBalance => Ok(account::balances(&json)),
        Call::FetchTradingFee { .. } => reader.trading_fee(result),
        Call::FetchPositions { symbols } => Ok(reader.positions(result, symbols)),
        Call::FetchPosition { .. } => reader.position(result),
        Call::FetchPositionMode { .. } => {
            let hedged = list(result).iter().any(|row| row.get("positionIdx").as_i64().unwrap_or(0) != 0);
            Ok(Reply::PositionMode(PositionMode { hedged }))
        }
        Call::FetchLeverage { .. } => reader.leverage(result),
        Call::FetchLeverageTiers { symbols } => {
            Ok(Reply::LeverageTiers(reader.leverage_tiers(result, symbols)))
        }
        Call::FetchMarketLeverageTiers { symbol } => {
            let mut tiers = reader.leverage_tiers(result, std::slice::from_ref(symbol));
            Ok(Reply::MarketLeverageTiers(tiers.remove(symbol).unwrap_or_default()))
        }
        Call::FetchFundingHistory { .. } => Ok(reader.funding_history(result)),
        Call::EditOrder { .. } => Ok(order::acknowledged(result)),
        Call::FetchOrder(_) | Call::CancelOrder(_) | Call::CreateOrder(_) => reader.order_reply(result),
        Call::FetchOrders { .. }
        | Call::FetchOpenOrders { .. }
        | Call::FetchClosedOrders { .. }
        | Call::CreateOrders(_)
        | Call::CancelOrders { .. }
        | Call::CancelAllOrders { .. } => Ok(reader.orders_reply(result)),
        _ => Ok(Reply::Acknowledged(json.to_string())),
    }
}

/// Returns the rows of a result.
fn list<'a, 'b>(result: &'a Json<'b>) -> &'a [Json<'b>] {
    result.get("list").items()
}

/// Returns the only row of a result.
fn first<'a, 'b>(result: &'a Json<'b>) -> Result<&'a Json<'b>, Error> {
    list(result).first().ok_or_else(|| Error::new(crate::ErrorClass::NullResponse, "the reply is empty"))
}
