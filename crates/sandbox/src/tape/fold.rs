//! Points of a stretch of time summed up as a candle.

use rust_decimal::Decimal;
use tradai_domain::Millis;

use super::{Point, Tape};
use crate::number;

/// A candle of any length, or of a rolling window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) open_time: Millis,
    /// Prices in 1e-8.
    pub(crate) open: i64,
    pub(crate) high: i64,
    pub(crate) low: i64,
    pub(crate) close: i64,
    /// Volume in the tape's units.
    pub(crate) units: u128,
    /// Volume in quote currency; each trade's is cut to eight places.
    pub(crate) quote: Decimal,
    pub(crate) trades: u64,
    pub(crate) taker_buy_units: u128,
    pub(crate) taker_buy_quote: Decimal,
    /// Number of the first trade; of the next one after an empty stretch.
    pub(crate) first_id: u64,
    /// When the last point was, for the time of a last price.
    pub(crate) last_at: Millis,
    /// Units of the last trade.
    pub(crate) last_units: u64,
}

impl Fold {
    /// Returns a stretch in which nothing has happened since `before`.
    fn flat(open_time: Millis, before: Point) -> Self {
        Self {
            open_time,
            open: before.price,
            high: before.price,
            low: before.price,
            close: before.price,
            units: 0,
            quote: Decimal::ZERO,
            trades: 0,
            taker_buy_units: 0,
            taker_buy_quote: Decimal::ZERO,
            first_id: before.id + u64::from(before.units > 0),
            last_at: before.at,
            last_units: before.units,
        }
    }

    fn add(&mut self, point: &Point, unit: Decimal) {
        self.high = self.high.max(point.price);
        self.low = self.low.min(point.price);
        self.close = point.price;
        self.last_at = point.at;
        if point.units == 0 {
            return;
        }
        let quote = number::cost(number::from_e8(point.price), Decimal::from(point.units) * unit);
        self.units += u128::from(point.units);
        self.quote += quote;
        self.trades += 1;
        self.last_units = point.units;
        if !point.is_buyer_maker {
            self.taker_buy_units += u128::from(point.units);
            self.taker_buy_quote += quote;
        }
    }
}

impl Tape {
    /// Returns the candle of `[start, end)` as far as `now`; flat at the price before it when it has no points.
    /// `None` on an empty tape.
    pub(crate) fn fold(&self, start: Millis, end: Millis, now: Millis) -> Option<Fold> {
        let until = now.min(end - 1);
        let mut points = self.points(start - 1, until);
        let Some(first) = points.next() else {
            return self.latest(until.min(start - 1)).map(|before| Fold::flat(start, before));
        };
        let mut fold = Fold { first_id: first.id, ..Fold::flat(start, first) };
        fold.add(&first, self.unit);
        points.for_each(|point| fold.add(&point, self.unit));
        Some(fold)
    }
}
