//! Replies to the unified model. Every reply is an envelope around `data`, a list.

mod account;
mod market_data;
mod order;
mod position;

use tradai_domain::Symbol;

use super::target::Target;
use crate::model::{Market, PositionMode};
use crate::{Call, Context, Error, ErrorClass, Json, Reply, Request, candles};

/// What rows are read against.
#[derive(Clone, Copy)]
struct Reader<'a> {
    target: Target<'a>,
    context: &'a Context<'a>,
}

impl<'a> Reader<'a> {
    /// Returns the market of a row: by its id, which is unique on OKX; for rows that name none, the one that was
    /// asked about.
    fn market(&self, row: &Json<'_>) -> Option<&'a Market> {
        match row.get("instId").as_str() {
            Some(id) => self.context.markets.resolve(id, |_| true),
            None => self.target.market,
        }
    }

    /// Returns the symbol of a row. Ids say all, also of markets we did not list.
    fn symbol(&self, row: &Json<'_>) -> Option<Symbol> {
        let known = self.market(row).map(|market| market.symbol.clone());
        known.or_else(|| row.get("instId").as_str().and_then(symbol_of_id))
    }
}

/// Reads an id: `ETH-BTC`, `LINK-USDT-SWAP`, `BTC-USD-241220`, `BTC-USD-241217-92000-C`.
fn symbol_of_id(id: &str) -> Option<Symbol> {
    let parts: Vec<&str> = id.split('-').collect();
    let settle = |base: &str, quote: &str| if quote == "USD" { base.to_owned() } else { quote.to_owned() };
    let text = match parts.as_slice() {
        [base, quote] => format!("{base}/{quote}"),
        [base, quote, "SWAP"] => format!("{base}/{quote}:{}", settle(base, quote)),
        [base, quote, date] => format!("{base}/{quote}:{}-{date}", settle(base, quote)),
        [base, quote, date, strike, kind] => {
            format!("{base}/{quote}:{}-{date}-{strike}-{kind}", settle(base, quote))
        }
        _ => return None,
    };
    text.parse().ok()
}

/// Reads the answer to a call.
pub(super) fn parse(
    default: &'static str,
    request: &Request,
    body: &[u8],
    context: &Context<'_>,
) -> Result<Reply, Error> {
    let target = Target::find(default, request, context)?;
    if let Call::FetchOhlcv { .. } = request.call {
        // Inverse contracts count themselves in column 5 and base currency in column 6.
        let volume = if target.market.is_some_and(Market::is_inverse) { 6 } else { 5 };
        return candles::parse_candles_at(body, &["data"], volume).map(Reply::Candles);
    }
    if let Call::FetchMarkets = request.call {
        return super::markets::parse(body).map(Reply::Markets);
    }
    let json = Json::parse(body)?;
    let reader = Reader { target, context };
    let data = json.get("data");
    match &request.call {
        Call::FetchTime => {
            let time = data.at(0).get("ts").as_millis();
            time.map(Reply::Time).ok_or_else(|| Error::bad_response("the reply tells no time"))
        }
        Call::FetchStatus => Ok(market_data::status(data)),
        Call::FetchTicker { .. } => reader.ticker(first(data)?),
        Call::FetchTickers { symbols } | Call::FetchBidsAsks { symbols } => Ok(reader.tickers(data, symbols)),
        Call::FetchOrderBook { .. } => reader.order_book(first(data)?),
        Call::FetchTrades { .. } | Call::FetchMyTrades { .. } => Ok(reader.trades(data)),
        Call::FetchFundingRate { .. } => Ok(reader.funding_rate(first(data)?)),
        Call::FetchFundingRates { symbols } => Ok(reader.funding_rates(data, symbols)),
        Call::FetchFundingRateHistory { .. } => Ok(reader.funding_rate_history(data)),
        Call::FetchOpenInterest { .. } => Ok(reader.open_interest(first(data)?)),
        Call::FetchCurrencies => Ok(account::currencies(data)),
        Call::FetchBalance => Ok(account::balances(data)),
        Call::FetchTradingFee { .. } => Ok(reader.trading_fee(first(data)?)),
        Call::FetchPositions { symbols } => Ok(reader.positions(data, symbols)),
        Call::FetchPosition { .. } => Ok(reader.position(first(data)?)),
        Call::FetchPositionMode { .. } => {
            let hedged = first(data)?.get("posMode").as_str() == Some("long_short_mode");
            Ok(Reply::PositionMode(PositionMode { hedged }))
        }
        Call::FetchLeverage { .. } => Ok(reader.leverage(data)),
        Call::FetchMarketLeverageTiers { .. } => Ok(Reply::MarketLeverageTiers(reader.leverage_tiers(data))),
        Call::FetchFundingHistory { .. } => Ok(reader.funding_history(data)),
        Call::CreateOrder(asked) => reader.created_order(first(data)?, asked),
        Call::CreateOrders(_) => Ok(reader.created_orders(data)),
        Call::EditOrder { change, .. } => reader.created_order(first(data)?, change),
        Call::FetchOrder(_) | Call::CancelOrder(_) => reader.order_reply(first(data)?),
        Call::FetchOrders { .. }
        | Call::FetchOpenOrders { .. }
        | Call::FetchClosedOrders { .. }
        | Call::CancelOrders { .. }
        | Call::CancelAllOrders { .. } => Ok(reader.orders_reply(data)),
        Call::AddMargin { .. } => Ok(reader.margin_modification(first(data)?)),
        _ => Ok(Reply::Acknowledged(json.to_string())),
    }
}

/// Returns the first row.
fn first<'a, 'b>(data: &'a Json<'b>) -> Result<&'a Json<'b>, Error> {
    data.items().first().ok_or_else(|| Error::new(ErrorClass::NullResponse, "the reply is empty"))
}
