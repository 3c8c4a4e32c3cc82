//! Simple moving average.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "sma",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "Simple moving average",
    program: Program::of::<1, 1, Sma>(),
};

/// Returns the mean of the last `period` values, in their unit.
///
/// Kept as a running sum, so a NaN inside the series stays in it for good. Leading NaN: `period - 1`.
#[must_use]
pub fn sma(values: &[f64], period: usize) -> Vec<f64> {
    let [sma] = batch([values], &[period], || Sma::new(period));
    sma
}

#[derive(Debug, Clone)]
pub(super) struct Sma {
    window: Ring<f64>,
    sum: f64,
}

impl Sma {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { window: Ring::new(period), sum: 0.0 }
    }
}

impl Kernel<1, 1> for Sma {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        // Not through the sum, where one NaN would stay.
        if self.window.capacity() == 1 {
            return Some([value]);
        }
        self.window.push(value);
        self.sum += value;
        let oldest = self.window.oldest()?;
        let mean = self.sum / count(self.window.capacity());
        // Dropped after the division rather than before the next addition: the order of TA-Lib's sums.
        self.sum -= oldest;
        Some([mean])
    }
}

impl Indicator<1, 1> for Sma {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn averages_the_window() {
        assert_column(&sma(&[1.0, 2.0, 6.0, 7.0], 3), &[NAN, NAN, 3.0, 5.0]);
        assert_column(&sma(&[1.0, 2.0], 1), &[1.0, 2.0]);
        assert_column(&sma(&[1.0, 2.0], 3), &[NAN, NAN]);
    }

    #[test]
    fn an_inner_nan_stays_in_the_running_sum() {
        assert_column(&sma(&[NAN, 2.0, 4.0, NAN, 1.0, 2.0, 3.0], 2), &[NAN, NAN, 3.0, NAN, NAN, NAN, NAN]);
    }
}
