//! What OKX counts: calls per endpoint in two seconds.

use crate::budget::{Budget, Counts, LimitScope};
use crate::{Endpoint, Error};

/// Calls per two seconds, as OKX documents them; endpoints that are not here take [`USUAL`].
const CALLS: &[(&str, u32)] = &[
    ("instruments", 20),
    ("ticker", 20),
    ("tickers", 20),
    ("books", 40),
    ("trades", 100),
    ("candles", 40),
    ("historyCandles", 20),
    ("markCandles", 20),
    ("indexCandles", 20),
    ("openInterest", 20),
    ("order", 60),
    ("openOrders", 60),
    ("openAlgoOrders", 20),
    ("algoOrder", 20),
    ("orderHistory", 40),
    ("leverage", 20),
    ("createOrders", 300),
    ("createAlgoOrder", 20),
    ("editOrder", 60),
    ("cancelOrder", 60),
    ("cancelAlgoOrders", 20),
    ("cancelOrders", 300),
    ("setLeverage", 20),
    ("addMargin", 20),
    ("status", 1),
    ("billsArchive", 5),
    ("accountConfig", 5),
    ("tradeFee", 5),
    ("setPositionMode", 5),
];

/// What most endpoints take at least.
const USUAL: u32 = 10;

pub(super) fn budgets(endpoint: &Endpoint) -> Vec<Budget> {
    let known = CALLS.iter().find(|(name, _)| *name == endpoint.name);
    // A list of orders counts as many calls as it has orders.
    let counts = if endpoint.name == "createOrders" { Counts::Orders } else { Counts::Calls };
    vec![Budget::new(endpoint.name, counts, known.map_or(USUAL, |(_, calls)| *calls), 2)]
}

/// 50011 is about the endpoint; 429 without a code comes from the gate in front of all of them.
pub(super) fn scope(endpoint: &Endpoint, error: &Error) -> LimitScope {
    if error.code.is_some() { LimitScope::Budget(endpoint.name) } else { LimitScope::Host }
}
