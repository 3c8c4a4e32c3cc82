//! Parabolic stop and reverse.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "sar",
    inputs: Inputs::HighLow,
    params: &[ParamSpec::non_negative("acceleration", 0.02), ParamSpec::non_negative("maximum", 0.2)],
    outputs: &["value"],
    summary: "Parabolic stop and reverse",
    program: Program::of::<2, 1, Sar>(),
};

/// Returns Wilder's trailing stop, in the unit of the prices: below the price on the long side, above it on
/// the short side.
///
/// `acceleration` is the part of the way to the trend's extreme the stop moves per row; it grows by itself
/// with every new extreme up to `maximum`. The first side is short when the low fell further than the high
/// rose between the first two rows. Leading NaN: 1. Source: J. Welles Wilder, "New Concepts in Technical
/// Trading Systems" (1978).
#[must_use]
pub fn sar(high: &[f64], low: &[f64], acceleration: f64, maximum: f64) -> Vec<f64> {
    let [sar] = batch([high, low], &[], || Sar::new(acceleration, maximum));
    sar
}

#[derive(Debug, Clone)]
struct Sar {
    acceleration: f64,
    maximum: f64,
    previous: Option<[f64; 2]>,
    trend: Option<Trend>,
}

/// A side being held, and the stop for the next row.
#[derive(Debug, Clone, Copy)]
struct Trend {
    long: bool,
    stop: f64,
    /// Best price reached: highest high when long, lowest low when short.
    extreme: f64,
    factor: f64,
}

impl Sar {
    fn new(acceleration: f64, maximum: f64) -> Self {
        Self { acceleration: acceleration.min(maximum), maximum, previous: None, trend: None }
    }

    /// The side taken on the second row, its stop at the first row's far end.
    fn open(&self, [first_high, first_low]: [f64; 2], [high, low]: [f64; 2]) -> Trend {
        let fall = first_low - low;
        let long = !(fall > 0.0 && high - first_high < fall);
        let (stop, extreme) = if long { (first_low, high) } else { (first_high, low) };
        Trend { long, stop, extreme, factor: self.acceleration }
    }
}

impl Trend {
    /// Whether the row reaches the stop.
    fn is_stopped(&self, [high, low]: [f64; 2]) -> bool {
        if self.long { low <= self.stop } else { high >= self.stop }
    }

    /// The opposite side, its stop at this side's extreme but not inside the last two rows.
    fn reversed(&self, previous: [f64; 2], row: [f64; 2], acceleration: f64) -> Self {
        let [high, low] = row;
        let extreme = if self.long { low } else { high };
        let mut reversed = Self { long: !self.long, stop: self.extreme, extreme, factor: acceleration };
        reversed.keep_outside(previous, row);
        reversed
    }

    /// Notes a new extreme, which quickens the stop.
    fn extend(&mut self, [high, low]: [f64; 2], acceleration: f64, maximum: f64) {
        let best = if self.long { high } else { low };
        if if self.long { best > self.extreme } else { best < self.extreme } {
            self.extreme = best;
            self.factor = (self.factor + acceleration).min(maximum);
        }
    }

    /// Moves the stop towards the extreme, for the next row.
    fn advance(&mut self, previous: [f64; 2], row: [f64; 2]) {
        self.stop = self.factor.mul_add(self.extreme - self.stop, self.stop);
        self.keep_outside(previous, row);
    }

    /// Holds the stop at or beyond the far ends of the last two rows.
    fn keep_outside(&mut self, previous: [f64; 2], row: [f64; 2]) {
        for [high, low] in [previous, row] {
            if self.long && self.stop > low {
                self.stop = low;
            }
            if !self.long && self.stop < high {
                self.stop = high;
            }
        }
    }
}

impl Kernel<2, 1> for Sar {
    #[inline]
    fn next(&mut self, row: [f64; 2]) -> Option<[f64; 1]> {
        let mut previous = self.previous.replace(row)?;
        let mut trend = match self.trend {
            Some(trend) => trend,
            None => {
                // The second row stands for both of "the last two rows" when the first stop moves.
                let trend = self.open(previous, row);
                previous = row;
                trend
            }
        };
        let stopped = trend.is_stopped(row);
        if stopped {
            trend = trend.reversed(previous, row, self.acceleration);
        }
        let stop = trend.stop;
        if !stopped {
            trend.extend(row, self.acceleration, self.maximum);
        }
        trend.advance(previous, row);
        self.trend = Some(trend);
        Some([stop])
    }
}

impl Indicator<2, 1> for Sar {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.real(0), params.real(1))
    }

    fn lookback(_: Params<'_>) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn the_stop_follows_a_rise_and_reverses_when_touched() {
        // Long from row 1, stop 8, extreme 12.
        // Row 1: no new extreme; stop becomes 8 + 0.5*(12-8) = 10, held at row 1's low 9.
        // Row 2: extreme 14, factor 1; stop 9 + 5 = 14, held at the lows: 9.
        // Row 3: low 8 touches 9: short, stop at the extreme 14; next 14 + 0.5*(8-14) = 11, held at 14.
        // Row 4: lower low 6: factor 1.
        let high = [10.0, 12.0, 14.0, 13.0, 9.0];
        let low = [8.0, 9.0, 11.0, 8.0, 6.0];
        assert_column(&sar(&high, &low, 0.5, 1.0), &[NAN, 8.0, 9.0, 14.0, 14.0]);
    }

    #[test]
    fn a_first_fall_opens_short() {
        assert_column(&sar(&[10.0, 9.0], &[8.0, 6.0], 0.02, 0.2), &[NAN, 10.0]);
    }
}
