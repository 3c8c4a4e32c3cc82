//! Relative strength index.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "rsi",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "Relative strength index, 0 to 100",
    program: Program::of::<1, 1, Rsi>(),
};

/// Returns `100 * gain / (gain + loss)` with Wilder's averages of the rises and falls, 0 to 100.
///
/// Zero while the series does not move. Leading NaN: `period`. Source: J. Welles Wilder, "New Concepts in
/// Technical Trading Systems" (1978).
#[must_use]
pub fn rsi(values: &[f64], period: usize) -> Vec<f64> {
    let [rsi] = batch([values], &[period], || Rsi::new(period));
    rsi
}

#[derive(Debug, Clone)]
pub(super) struct Rsi {
    period: usize,
    per_value: f64,
    previous: Option<f64>,
    /// Changes seen, up to `period`.
    seen: usize,
    /// Sum of the rises while there are fewer than `period` changes, then their average.
    gain: f64,
    /// The same of the falls, as positive numbers.
    loss: f64,
}

impl Rsi {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { period, per_value: 1.0 / count(period), previous: None, seen: 0, gain: 0.0, loss: 0.0 }
    }
}

impl Kernel<1, 1> for Rsi {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        let change = value - self.previous.replace(value)?;
        if self.seen == self.period {
            self.gain *= count(self.period - 1);
            self.loss *= count(self.period - 1);
        } else {
            self.seen += 1;
        }
        let rise = if change > 0.0 { change } else { 0.0 };
        self.gain += rise;
        self.loss += rise - change;
        if self.seen < self.period {
            return None;
        }
        self.gain *= self.per_value;
        self.loss *= self.per_value;
        let total = self.gain + self.loss;
        Some([if total > 0.0 { 100.0 * (self.gain / total) } else { 0.0 }])
    }
}

impl Indicator<1, 1> for Rsi {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn is_the_share_of_rises_in_the_moves() {
        // Changes +2, -1, +3: averages 1 and 0.5, then (1+3)/2 = 2 and 0.25.
        let expected = [NAN, NAN, 100.0 / 1.5, 100.0 * 2.0 / 2.25];
        assert_column(&rsi(&[1.0, 3.0, 2.0, 5.0], 2), &expected);
    }

    #[test]
    fn a_flat_series_gives_zero_and_a_rising_one_a_hundred() {
        assert_column(&rsi(&[7.0; 4], 2), &[NAN, NAN, 0.0, 0.0]);
        assert_column(&rsi(&[1.0, 2.0, 3.0, 4.0], 2), &[NAN, NAN, 100.0, 100.0]);
    }
}
