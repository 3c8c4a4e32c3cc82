//! A market's rules, applied to what is about to be sent.

use crate::base::{Counting, Padding, Rounding, decimal_to_precision};
use crate::model::{Market, MinMax, OrderType, Side};
use crate::{Decimal, Error, OrderRequest};

/// Returns an amount as the market takes it, cut to its step.
///
/// # Errors
/// `InvalidOrder` when nothing is left.
pub fn amount_to_precision(market: &Market, amount: Decimal) -> Result<String, Error> {
    let text = to_step(amount, Rounding::Truncate, market.precision.amount);
    if text == "0" { Err(below(market, "amount", market.precision.amount)) } else { Ok(text) }
}

/// Returns a price as the market takes it, rounded to its step.
///
/// # Errors
/// `InvalidOrder` when nothing is left.
pub fn price_to_precision(market: &Market, price: Decimal) -> Result<String, Error> {
    let text = to_step(price, Rounding::Round, market.precision.price);
    if text == "0" { Err(below(market, "price", market.precision.price)) } else { Ok(text) }
}

/// Returns a cost as the market takes it, cut to the step of prices (or of costs, where there is one).
#[must_use]
pub fn cost_to_precision(market: &Market, cost: Decimal) -> String {
    to_step(cost, Rounding::Truncate, market.precision.cost.or(market.precision.price))
}

fn to_step(value: Decimal, rounding: Rounding, step: Option<Decimal>) -> String {
    step.and_then(|step| decimal_to_precision(value, rounding, step, Counting::TickSize, Padding::None))
        .unwrap_or_else(|| value.to_string())
}

fn below(market: &Market, what: &str, step: Option<Decimal>) -> Error {
    let step = step.map(|step| step.to_string()).unwrap_or_default();
    Error::invalid_order(format!("{what} of {} must be at least its step, {step}", market.symbol))
}

/// Checks an order against the market's bounds before it is sent.
///
/// # Errors
/// `InvalidOrder` that names the bound.
pub fn check_limits(
    market: &Market,
    side: Side,
    amount: Decimal,
    price: Option<Decimal>,
    at_market: bool,
) -> Result<(), Error> {
    within(market, "amount", amount, market.limits.amount)?;
    if at_market {
        within(market, "amount of a market order", amount, market.limits.market)?;
    }
    let Some(price) = price else { return Ok(()) };
    within(market, "price", price, market.limits.price)?;
    let size = market.contract_size.unwrap_or(Decimal::ONE);
    let cost = amount
        .checked_mul(size)
        .and_then(|value| if market.is_inverse() { Some(value) } else { value.checked_mul(price) });
    // Sells that close a position may be smaller on contracts; spot has one bound for both sides.
    match cost {
        Some(cost) if market.is_spot() || side == Side::Buy => {
            within(market, "cost", cost, market.limits.cost)
        }
        _ => Ok(()),
    }
}

/// Returns an order as the market takes it: amounts cut to their step, prices rounded to theirs, and all of it within
/// the market's bounds. What an order is short for, by less than a step, is what CCXT's rules cut as well.
///
/// # Errors
/// `InvalidOrder` that names what is missing or out of bounds.
pub fn prepare_order(market: &Market, order: &OrderRequest) -> Result<OrderRequest, Error> {
    let round =
        |price: Option<Decimal>| price.map(|price| parsed(&price_to_precision(market, price)?)).transpose();
    let mut prepared = order.clone();
    prepared.amount = order.amount.map(|amount| parsed(&amount_to_precision(market, amount)?)).transpose()?;
    prepared.price = round(order.price)?;
    prepared.trigger_price = round(order.trigger_price)?;
    prepared.stop_loss_price = round(order.stop_loss_price)?;
    prepared.take_profit_price = round(order.take_profit_price)?;
    let at_market = order.kind == OrderType::Market;
    if !at_market && prepared.price.is_none() {
        return Err(Error::invalid_order(format!("a limit order of {} needs a price", market.symbol)));
    }
    match (prepared.amount, order.cost) {
        (Some(amount), _) => check_limits(market, order.side, amount, prepared.price, at_market)
            .or_else(|error| if is_small_exit(market, order, amount) { Ok(()) } else { Err(error) })?,
        (None, Some(cost)) => {
            within(market, "cost", parsed(&cost_to_precision(market, cost))?, market.limits.cost)?
        }
        (None, None) => {
            return Err(Error::invalid_order(format!("an order of {} needs an amount", market.symbol)));
        }
    }
    Ok(prepared)
}

/// An order that only reduces a position may be worth less than others must: exchanges exempt it.
fn is_small_exit(market: &Market, order: &OrderRequest, amount: Decimal) -> bool {
    let at_market = order.kind == OrderType::Market;
    market.is_contract()
        && order.reduce_only
        && check_limits(market, Side::Sell, amount, order.price, at_market).is_ok()
}

fn parsed(text: &str) -> Result<Decimal, Error> {
    text.parse().map_err(|_| Error::invalid_order(format!("`{text}` is no number")))
}

fn within(market: &Market, what: &str, value: Decimal, bounds: MinMax) -> Result<(), Error> {
    let symbol = &market.symbol;
    match bounds {
        MinMax { min: Some(min), .. } if value < min => {
            Err(Error::invalid_order(format!("{what} of {symbol} is {value}, below the smallest, {min}")))
        }
        MinMax { max: Some(max), .. } if max.is_positive() && value > max => {
            Err(Error::invalid_order(format!("{what} of {symbol} is {value}, above the largest, {max}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adapter, binance};

    /// A market with steps of 0.001 and 0.1, at least 0.002 and worth 5, at most 10 at market.
    fn market(contract: bool) -> Market {
        let filters = r#""filters":[
            {"filterType":"PRICE_FILTER","minPrice":"1","maxPrice":"100000","tickSize":"0.1"},
            {"filterType":"LOT_SIZE","minQty":"0.002","maxQty":"100","stepSize":"0.001"},
            {"filterType":"MARKET_LOT_SIZE","minQty":"0.002","maxQty":"10","stepSize":"0.001"},
            {"filterType":"MIN_NOTIONAL","minNotional":"5","notional":"5"}]"#;
        let body = format!(
            r#"{{"symbols":[{{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT",
            "marginAsset":"USDT","contractType":"PERPETUAL",{filters}}}]}}"#
        );
        let path = if contract { "/fapi/v1/exchangeInfo" } else { "/api/v3/exchangeInfo" };
        let source = binance::SPOT.endpoints().iter().find(|endpoint| endpoint.path == path).unwrap();
        binance::SPOT.parse_markets(source, body.as_bytes()).unwrap().remove(0)
    }

    fn order(kind: OrderType, amount: Option<&str>, price: Option<&str>) -> OrderRequest {
        let number = |text: &str| text.parse().unwrap();
        OrderRequest::new(market(false).symbol, kind, Side::Buy, amount.map(number), price.map(number))
    }

    #[test]
    fn orders_go_out_on_the_markets_steps() {
        let mut asked = order(OrderType::Limit, Some("0.12399"), Some("30000.25"));
        asked.trigger_price = "29999.96".parse().ok();
        let prepared = prepare_order(&market(false), &asked).unwrap();
        let shown = |value: Option<Decimal>| value.map(|value| value.to_string());
        assert_eq!(shown(prepared.amount).as_deref(), Some("0.123"));
        assert_eq!(shown(prepared.price).as_deref(), Some("30000.3"));
        assert_eq!(shown(prepared.trigger_price).as_deref(), Some("30000"));
    }

    #[test]
    fn orders_out_of_bounds_are_refused_by_name() {
        for (kind, amount, price, word) in [
            (OrderType::Limit, Some("0.0009"), Some("30000"), "at least its step"),
            (OrderType::Limit, Some("0.0015"), Some("30000"), "below the smallest, 0.002"),
            (OrderType::Limit, Some("0.0029"), Some("2400"), "cost of BTC/USDT is 4.8"),
            (OrderType::Limit, Some("101"), Some("30000"), "above the largest, 100"),
            (OrderType::Market, Some("11"), None, "above the largest, 10"),
            (OrderType::Limit, Some("1"), Some("100001"), "above the largest, 100000"),
            (OrderType::Limit, Some("1"), None, "needs a price"),
            (OrderType::Market, None, None, "needs an amount"),
        ] {
            let error = prepare_order(&market(false), &order(kind, amount, price)).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
        let mut spending = order(OrderType::Market, None, None);
        spending.cost = "4".parse().ok();
        assert!(prepare_order(&market(false), &spending).is_err());
        spending.cost = "5".parse().ok();
        assert!(prepare_order(&market(false), &spending).is_ok());
    }

    #[test]
    fn what_reduces_a_position_may_be_worth_little_but_not_smaller_than_a_lot() {
        let mut exit = order(OrderType::Limit, Some("0.002"), Some("2000"));
        assert!(prepare_order(&market(true), &exit).is_err());
        exit.reduce_only = true;
        assert!(prepare_order(&market(true), &exit).is_ok());
        exit.amount = "0.001".parse().ok();
        assert!(prepare_order(&market(true), &exit).is_err());
    }
}
