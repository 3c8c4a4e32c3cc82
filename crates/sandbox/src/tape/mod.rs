//! Candles as a tape of prices: what the market did, as a pure function of time.
//!
//! A candle of the replayed series is taken apart into [`POINTS`] prices along a fixed path ([`path`]); everything
//! else (trades, klines of any length, tickers, books, matching) is made of those points, so that all of it agrees.
//! Invariant: the points of a candle hold exactly its open, high, low, close and volume, and a point depends on
//! nothing but its candle.

mod book;
mod fold;
mod path;
mod rows;

use rust_decimal::Decimal;
use tradai_domain::{CandleSeries, Millis, Timeframe};

pub(crate) use book::{Book, LEVELS};
pub(crate) use fold::Fold;
pub(crate) use path::{POINTS, Point};
pub(crate) use rows::Wanted;

use crate::number;

/// One candle of the tape; prices count 1e-8, volume counts steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bar {
    pub(crate) open_time: Millis,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    units: u64,
    /// Trades before this candle.
    trades_before: u64,
}

/// A replayed series.
#[derive(Debug)]
pub(crate) struct Tape {
    bars: Vec<Bar>,
    step_ms: Millis,
    /// Price grid, in 1e-8.
    tick: i64,
    /// What one unit of volume is.
    unit: Decimal,
}

impl Tape {
    /// Returns the tape of a series. Tick and unit are the coarsest powers of ten that all its numbers are
    /// multiples of, one at most and 1e-8 at least.
    pub(crate) fn new(series: &CandleSeries, timeframe: Timeframe) -> Self {
        let columns = [series.open(), series.high(), series.low(), series.close()];
        let tick_places = columns.iter().map(|column| places(column)).max().unwrap_or(0);
        let unit_places = places(series.volume());
        let mut tape = Self {
            bars: Vec::with_capacity(series.len()),
            step_ms: timeframe.millis(),
            tick: grid(tick_places),
            unit: Decimal::new(1, unit_places),
        };
        let mut trades_before = 0;
        for (row, &open_time) in series.open_time().iter().enumerate() {
            let [open, high, low, close] = columns.map(|column| price(column[row]));
            let units = units(series.volume()[row], unit_places);
            let bar = Bar { open_time, open, high, low, close, units, trades_before };
            trades_before += bar.trade_count();
            tape.bars.push(bar);
        }
        tape
    }

    /// Returns when the first candle opens and the last one closes; zeros when there is none.
    pub(crate) fn span(&self) -> (Millis, Millis) {
        let first = self.bars.first().map_or(0, |bar| bar.open_time);
        (first, self.bars.last().map_or(0, |bar| bar.open_time + self.step_ms))
    }

    /// Returns the price grid that the series keeps to.
    pub(crate) fn tick(&self) -> Decimal {
        number::from_e8(self.tick)
    }

    /// Returns the quantity grid that the series keeps to.
    pub(crate) fn unit(&self) -> Decimal {
        self.unit
    }

    /// Returns the length of a replayed candle.
    pub(crate) fn step_ms(&self) -> Millis {
        self.step_ms
    }

    /// Returns a count of volume units as a quantity.
    pub(crate) fn quantity(&self, units: u128) -> Decimal {
        Decimal::from_i128_with_scale(i128::try_from(units).unwrap_or(0), 0) * self.unit
    }

    /// Returns the point that set the price at a moment: the latest one not after it. Before the first candle,
    /// its first point.
    pub(crate) fn latest(&self, now: Millis) -> Option<Point> {
        let after = self.bars.partition_point(|bar| bar.open_time <= now);
        let Some(bar) = after.checked_sub(1).and_then(|at| self.bars.get(at)) else {
            return self.bars.first().map(|bar| self.point(bar, 0));
        };
        let at = (0..POINTS).rev().find(|&at| self.time_of(bar, at) <= now).unwrap_or(0);
        Some(self.point(bar, at))
    }

    /// Returns the points with `after < time <= until`, oldest first.
    pub(crate) fn points(&self, after: Millis, until: Millis) -> impl Iterator<Item = Point> + '_ {
        let from = self.bars.partition_point(|bar| bar.open_time + self.step_ms <= after);
        self.bars[from..]
            .iter()
            .take_while(move |bar| bar.open_time <= until)
            .flat_map(|bar| (0..POINTS).map(|at| self.point(bar, at)))
            .filter(move |point| point.at > after && point.at <= until)
    }

    /// Returns up to `limit` trades, oldest first: those from an id on, or the latest ones up to `now`.
    pub(crate) fn trades(&self, from_id: Option<u64>, now: Millis, limit: usize) -> Vec<Point> {
        let end = self.bars.partition_point(|bar| bar.open_time <= now);
        let start = match from_id {
            Some(id) => {
                self.bars.partition_point(|bar| bar.trades_before < id.max(1)).saturating_sub(1).min(end)
            }
            None => {
                let wanted = limit as u64;
                let seen = end.checked_sub(1).map_or(0, |last| self.bars[last].trades_before);
                self.bars[..end]
                    .partition_point(|bar| bar.trades_before < seen.saturating_sub(wanted))
                    .saturating_sub(1)
            }
        };
        let known = |point: &Point| point.units > 0 && point.at <= now;
        let all = self.bars[start..end].iter().flat_map(|bar| (0..POINTS).map(|at| self.point(bar, at)));
        let all = all.filter(known);
        match from_id {
            Some(id) => all.filter(|point| point.id >= id).take(limit).collect(),
            None => {
                let mut trades: Vec<Point> = all.collect();
                trades.split_off(trades.len().saturating_sub(limit))
            }
        }
    }
}

/// Returns how many decimal places a column needs, 8 at most.
fn places(column: &[f64]) -> u32 {
    let mut places = 0;
    for &value in column {
        match number::exact_e8(value) {
            Some(count) => {
                while count % grid(places) != 0 {
                    places += 1;
                }
            }
            None => places = places.max(number::from_f64(value).scale()),
        }
    }
    places
}

/// Returns the step of a number of places in 1e-8; 1 for eight.
fn grid(places: u32) -> i64 {
    10_i64.pow(number::PLACES - places)
}

fn price(value: f64) -> i64 {
    number::exact_e8(value).unwrap_or_else(|| number::to_e8(number::from_f64(value)))
}

/// Returns a volume in units of so many places; none for less than nothing.
fn units(value: f64, places: u32) -> u64 {
    if let Some(count) = number::exact_e8(value) {
        return u64::try_from(count / grid(places)).unwrap_or(0);
    }
    let volume = number::from_f64(value).max(Decimal::ZERO);
    u64::try_from((volume / Decimal::new(1, places)).trunc().mantissa()).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two five-minute candles, the second falling, and one after a gap of one.
    pub(crate) fn tape() -> Tape {
        let mut series = CandleSeries::default();
        series.push(0, [100.0, 110.5, 95.0, 105.0, 26.0]);
        series.push(300_000, [105.0, 106.0, 90.0, 91.0, 2.0]);
        series.push(900_000, [91.0, 92.0, 90.5, 92.0, 13.5]);
        Tape::new(&series, Timeframe::M5)
    }

    #[test]
    fn grids_are_those_of_the_numbers() {
        let tape = tape();
        assert_eq!((tape.tick(), tape.unit()), (Decimal::new(1, 1), Decimal::new(1, 1)));
    }

    #[test]
    fn the_latest_price_holds_over_gaps() {
        let tape = tape();
        let price = |at| tape.latest(at).map(|point| number::from_e8(point.price)).unwrap();
        assert_eq!(price(-5), Decimal::from(100));
        assert_eq!(price(0), Decimal::from(100));
        assert_eq!(price(599_999), Decimal::from(91));
        assert_eq!(price(899_999), Decimal::from(91), "a gap has no prices of its own");
        assert_eq!(price(i64::MAX), Decimal::from(92));
    }

    #[test]
    fn trade_ids_are_consecutive_over_thin_candles_and_gaps() {
        let tape = tape();
        let trades = tape.trades(Some(1), i64::MAX, 1_000);
        let ids: Vec<u64> = trades.iter().map(|trade| trade.id).collect();
        assert_eq!(ids, (1..=trades.len() as u64).collect::<Vec<_>>());
        assert_eq!(trades.len(), 13 + 13 + 13);
        assert!(trades.windows(2).all(|pair| pair[0].at < pair[1].at));
        for from in 1..=39 {
            assert_eq!(tape.trades(Some(from), i64::MAX, 2).first().map(|trade| trade.id), Some(from));
        }
        let last: Vec<u64> = tape.trades(None, i64::MAX, 3).iter().map(|trade| trade.id).collect();
        assert_eq!(last, [37, 38, 39]);
        assert_eq!(tape.trades(None, 0, 3).len(), 1, "what has not happened yet is not told");
    }
}
