//! The path of prices inside a candle.
//!
//! A rising candle (close at or above open) goes open, low, high, close; a falling one open, high, low, close.
//! Thirteen points in equal steps of time: the four corners at 0, 4, 8 and 12, three in between each pair on the
//! straight line, rounded to the tick toward the earlier corner. The last point lies 12/13 into the candle.

use tradai_domain::Millis;

use super::{Bar, Tape};

/// Points of a candle.
pub(crate) const POINTS: usize = 13;

/// In which order points get the units of volume that do not divide evenly: corners first, so that a thin candle
/// still trades at its open and close.
const RANK: [u64; POINTS] = [0, 4, 5, 6, 2, 7, 8, 9, 3, 10, 11, 12, 1];

/// A price at a moment, and the trade that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) at: Millis,
    /// In 1e-8.
    pub(crate) price: i64,
    /// Traded volume in the tape's units; zero when the candle is too thin for every point to trade.
    pub(crate) units: u64,
    /// Number of the trade, from 1, without holes; of the next one when nothing traded.
    pub(crate) id: u64,
    /// Whether the seller took: the path was falling.
    pub(crate) is_buyer_maker: bool,
}

impl Bar {
    /// Returns how many of the points trade.
    pub(crate) fn trade_count(&self) -> u64 {
        self.units.min(POINTS as u64)
    }

    fn corners(&self) -> [i64; 4] {
        if self.close >= self.open {
            [self.open, self.low, self.high, self.close]
        } else {
            [self.open, self.high, self.low, self.close]
        }
    }

    fn units_at(&self, at: usize) -> u64 {
        self.units / POINTS as u64 + u64::from(RANK[at] < self.units % POINTS as u64)
    }
}

impl Tape {
    pub(super) fn time_of(&self, bar: &Bar, at: usize) -> Millis {
        bar.open_time + self.step_ms * at as Millis / POINTS as Millis
    }

    pub(super) fn point(&self, bar: &Bar, at: usize) -> Point {
        let corners = bar.corners();
        let (leg, along) = (at / 4, (at % 4) as i64);
        let (from, to) = (corners[leg], corners[(leg + 1).min(3)]);
        let price = from + (to - from) * along / 4 / self.tick * self.tick;
        let before = if bar.units >= POINTS as u64 {
            at as u64
        } else {
            RANK[..at].iter().filter(|&&rank| rank < bar.units).count() as u64
        };
        // The point at a corner was made by the leg that led to it.
        let (led_from, led_to) =
            if along == 0 && leg > 0 { (corners[leg - 1], corners[leg]) } else { (from, to) };
        Point {
            at: self.time_of(bar, at),
            price,
            units: bar.units_at(at),
            id: bar.trades_before + before + 1,
            is_buyer_maker: led_to < led_from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tape;
    use super::*;

    #[test]
    fn a_candle_comes_out_as_it_went_in() {
        let tape = tape();
        for bar in &tape.bars {
            let points: Vec<Point> = (0..POINTS).map(|at| tape.point(bar, at)).collect();
            assert_eq!(points[0].price, bar.open);
            assert_eq!(points[12].price, bar.close);
            assert_eq!(points.iter().map(|point| point.price).max(), Some(bar.high));
            assert_eq!(points.iter().map(|point| point.price).min(), Some(bar.low));
            assert_eq!(points.iter().map(|point| point.units).sum::<u64>(), bar.units);
            assert_eq!(points.iter().filter(|point| point.units > 0).count() as u64, bar.trade_count());
            assert!(points.iter().all(|point| point.price % tape.tick == 0));
        }
    }

    #[test]
    fn rising_candles_fall_first() {
        let tape = tape();
        let at = |bar: usize, at| tape.point(&tape.bars[bar], at).price / 10_000_000;
        assert_eq!((at(0, 0), at(0, 2), at(0, 4), at(0, 8)), (1_000, 975, 950, 1_105));
        assert_eq!((at(1, 0), at(1, 4), at(1, 8)), (1_050, 1_060, 900));
    }
}
