//! Candles from trades.

use serde::Serialize;
use tradai_domain::Millis;

use crate::{Decimal, model::Trade};

/// A candle with the number of its trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ohlcvc {
    /// When the period began.
    pub open_time: Millis,
    /// The first price.
    pub open: Decimal,
    /// The highest price.
    pub high: Decimal,
    /// The lowest price.
    pub low: Decimal,
    /// The last price.
    pub close: Decimal,
    /// What was traded.
    pub volume: Decimal,
    /// In how many trades.
    pub count: u32,
}

/// Builds candles of `period_ms` from trades, which come in order of time. Periods without a trade get none;
/// trades before `since`, or without time, price or amount, count nowhere.
#[must_use]
pub fn build_ohlcvc(trades: &[Trade], period_ms: i64, since: Option<Millis>) -> Vec<Ohlcvc> {
    let mut candles: Vec<Ohlcvc> = Vec::new();
    for trade in trades {
        let (Some(at), Some(price), Some(amount)) = (trade.timestamp, trade.price, trade.amount) else {
            continue;
        };
        if period_ms <= 0 || since.is_some_and(|since| at < since) {
            continue;
        }
        let open_time = at - at.rem_euclid(period_ms);
        match candles.last_mut() {
            Some(last) if open_time < last.open_time + period_ms => {
                last.high = last.high.max(price);
                last.low = last.low.min(price);
                last.close = price;
                last.volume = last.volume.checked_add(amount).unwrap_or(last.volume);
                last.count += 1;
            }
            _ => candles.push(Ohlcvc {
                open_time,
                open: price,
                high: price,
                low: price,
                close: price,
                volume: amount,
                count: 1,
            }),
        }
    }
    candles
}
