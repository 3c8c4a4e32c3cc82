//! A market's rules, applied to what is about to be sent.

use crate::base::{Counting, Padding, Rounding, decimal_to_precision};
use crate::model::{Market, MinMax, Side};
use crate::{Decimal, Error};

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
