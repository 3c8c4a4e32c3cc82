//! What replies leave out and can be computed from the rest, by CCXT's rules.

use crate::Decimal;
use crate::model::{Fee, Market, Order, OrderStatus, OrderType, Ticker, TimeInForce, Trade};

/// Digits after the point of computed quotients.
const PLACES: u32 = 18;

/// Computes the cost of a trade: price times amount, times contract size on contracts; inverse contracts cost
/// amount times contract size over price.
pub fn complete_trade(trade: &mut Trade, market: Option<&Market>) {
    trade.cost = trade.cost.or_else(|| cost(trade.price?, trade.amount?, market));
}

fn cost(price: Decimal, amount: Decimal, market: Option<&Market>) -> Option<Decimal> {
    let size = market.and_then(|market| market.contract_size).unwrap_or(Decimal::ONE);
    let value = amount.checked_mul(size)?;
    if market.is_some_and(Market::is_inverse) { value.div(price, PLACES) } else { value.checked_mul(price) }
}

/// Computes what an order's reply left out: from its fills first, then from its other fields.
pub fn complete_order(order: &mut Order, market: Option<&Market>) {
    from_trades(order);
    from_amounts(order, market);
    if let Some(TimeInForce::PostOnly) = order.time_in_force {
        order.post_only = Some(true);
    }
    if order.time_in_force.is_none() && order.kind == Some(OrderType::Market) {
        order.time_in_force = Some(TimeInForce::Ioc);
    }
    if order.kind == Some(OrderType::Market) && order.price.is_none_or(Decimal::is_zero) {
        order.price = order.average;
    }
}

fn from_trades(order: &mut Order) {
    if order.trades.is_empty() {
        return;
    }
    let sum = |pick: fn(&Trade) -> Option<Decimal>| {
        order.trades.iter().filter_map(pick).try_fold(Decimal::ZERO, Decimal::checked_add)
    };
    order.filled = order.filled.or_else(|| sum(|trade| trade.amount));
    order.cost = order.cost.or_else(|| sum(|trade| trade.cost));
    order.last_trade_timestamp =
        order.last_trade_timestamp.or_else(|| order.trades.iter().filter_map(|trade| trade.timestamp).max());
    if order.fees.is_empty() {
        order.fees = merge_fees(order.trades.iter().filter_map(|trade| trade.fee.as_ref()));
    }
}

/// Sums fees by currency and rate, in order of appearance.
fn merge_fees<'a>(fees: impl Iterator<Item = &'a Fee>) -> Vec<Fee> {
    let mut merged: Vec<Fee> = Vec::new();
    for fee in fees {
        match merged.iter_mut().find(|known| known.currency == fee.currency && known.rate == fee.rate) {
            Some(known) => known.cost = known.cost.zip(fee.cost).and_then(|(a, b)| a.checked_add(b)),
            None => merged.push(fee.clone()),
        }
    }
    merged
}

fn from_amounts(order: &mut Order, market: Option<&Market>) {
    let closed = order.status == Some(OrderStatus::Closed);
    if order.amount.is_none() {
        order.amount = match (order.filled, order.remaining) {
            (Some(filled), Some(remaining)) => filled.checked_add(remaining),
            (Some(filled), None) if closed => Some(filled),
            _ => None,
        };
    }
    if order.filled.is_none() {
        order.filled = match (order.amount, order.remaining) {
            (Some(amount), Some(remaining)) => amount.checked_sub(remaining),
            (Some(amount), None) if closed => Some(amount),
            _ => None,
        };
    }
    if order.remaining.is_none() {
        order.remaining = match (order.amount, order.filled) {
            (Some(amount), Some(filled)) => amount.checked_sub(filled),
            (_, None) if closed => Some(Decimal::ZERO),
            _ => None,
        };
    }
    let inverse = market.is_some_and(Market::is_inverse);
    let size = market.and_then(|market| market.contract_size).unwrap_or(Decimal::ONE);
    if order.average.is_none() {
        order.average = average(order, size, inverse);
    }
    if order.cost.is_none() {
        order.cost = order.filled.and_then(|filled| {
            let price = order.average.or(order.price)?;
            if inverse && price.is_zero() { None } else { cost(price, filled, market) }
        });
    }
}

fn average(order: &Order, size: Decimal, inverse: bool) -> Option<Decimal> {
    let (filled, cost) = (order.filled?, order.cost?);
    if !filled.is_positive() {
        return None;
    }
    let value = filled.checked_mul(size)?;
    if inverse { value.div(cost, PLACES) } else { cost.div(value, PLACES) }
}

/// Computes what a ticker's reply left out: change, percentage, average, open and the volume-weighted average.
pub fn complete_ticker(ticker: &mut Ticker, price_step: Option<Decimal>) {
    let two = Decimal::from(2);
    let hundred = Decimal::from(100);
    let t = ticker;
    t.vwap = t.vwap.or_else(|| t.quote_volume?.div(t.base_volume.filter(|v| v.is_positive())?, PLACES));
    t.last = t.last.or_else(|| t.open?.checked_add(t.change?));
    t.open = t.open.or_else(|| t.last?.checked_sub(t.change?));
    t.open = t.open.or_else(|| {
        let factor = Decimal::ONE.checked_add(t.percentage?.div(hundred, PLACES)?)?;
        t.last?.div(factor, PLACES)
    });
    t.change = t.change.or_else(|| t.last?.checked_sub(t.open?));
    t.percentage = t
        .percentage
        .or_else(|| t.change?.div(t.open.filter(|o| o.is_positive())?, PLACES)?.checked_mul(hundred));
    t.average = t.average.or_else(|| {
        let middle = t.last?.checked_add(t.open?)?.div(two, PLACES)?;
        Some(price_step.map_or(middle, |step| truncated_to(middle, step)))
    });
}

/// Cuts a number to the digits after the point that a step has.
fn truncated_to(value: Decimal, step: Decimal) -> Decimal {
    value.truncated(step.scale())
}
