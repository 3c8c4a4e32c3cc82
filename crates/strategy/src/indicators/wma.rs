//! Linearly weighted moving average.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "wma",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "Linearly weighted moving average",
    program: Program::of::<1, 1, Wma>(),
};

/// Returns the moving average with weights 1 for the oldest value to `period` for the newest.
///
/// In the unit of `values`. Leading NaN: `period - 1`.
#[must_use]
pub fn wma(values: &[f64], period: usize) -> Vec<f64> {
    let [wma] = batch([values], &[period], || Wma::new(period));
    wma
}

/// Windows after which the running sums are rebuilt, to shed the rounding they gathered.
const WINDOWS_PER_REBUILD: usize = 8;

#[derive(Debug, Clone)]
struct Wma {
    window: Ring<f64>,
    /// Values seen, up to the period: the weight of the next one.
    seen: usize,
    /// The value that leaves the plain sum at the next row.
    leaving: f64,
    /// Plain sum of the window.
    sum: f64,
    /// Sum of the window's values times their weights.
    weighted: f64,
    total_weight: f64,
    rows_to_rebuild: usize,
}

impl Wma {
    fn new(period: usize) -> Self {
        Self {
            window: Ring::new(period),
            seen: 0,
            leaving: 0.0,
            sum: 0.0,
            weighted: 0.0,
            total_weight: count(period) * count(period + 1) / 2.0,
            rows_to_rebuild: WINDOWS_PER_REBUILD * period,
        }
    }

    fn rebuild(&mut self) {
        self.rows_to_rebuild = WINDOWS_PER_REBUILD * self.window.capacity();
        (self.sum, self.weighted) = (0.0, 0.0);
        let mut weight = 0.0;
        for value in self.window.iter() {
            weight += 1.0;
            self.sum += value;
            self.weighted += value * weight;
        }
    }
}

impl Kernel<1, 1> for Wma {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        // Sums carried past their only value would round it.
        if self.window.capacity() == 1 {
            return Some([value]);
        }
        self.window.push(value);
        self.seen = (self.seen + 1).min(self.window.capacity());
        self.sum += value;
        self.sum -= self.leaving;
        self.weighted += value * count(self.seen);
        self.leaving = self.window.oldest()?;
        self.rows_to_rebuild -= 1;
        if self.rows_to_rebuild == 0 {
            self.rebuild();
        }
        let average = self.weighted / self.total_weight;
        // Taking the plain sum away lowers every weight by one for the next row.
        self.weighted -= self.sum;
        Some([average])
    }
}

impl Indicator<1, 1> for Wma {
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

    #[test]
    fn newer_values_weigh_more() {
        // (1*1 + 2*2 + 3*6)/6 = 23/6; (1*2 + 2*6 + 3*7)/6 = 35/6.
        let expected = [f64::NAN, f64::NAN, 23.0 / 6.0, 35.0 / 6.0];
        assert_column(&wma(&[1.0, 2.0, 6.0, 7.0], 3), &expected);
        assert_column(&wma(&[1.0, 2.0], 1), &[1.0, 2.0]);
    }
}
