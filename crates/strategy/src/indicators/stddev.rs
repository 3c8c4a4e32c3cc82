//! Standard deviation of a moving window.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};
use super::variance::Variance;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "stddev",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 5.0, 2.0), ParamSpec::real("nbdev", 1.0)],
    outputs: &["value"],
    summary: "Standard deviation of the window, times a factor",
    program: Program::of::<1, 1, StdDev>(),
};

/// Returns `deviations` times the population standard deviation of the last `period` values.
///
/// In the unit of `values`. Zero where the window is flat to within rounding. Leading NaN: `period - 1`.
#[must_use]
pub fn stddev(values: &[f64], period: usize, deviations: f64) -> Vec<f64> {
    let [stddev] = batch([values], &[period], || StdDev::new(period, deviations));
    stddev
}

#[derive(Debug, Clone)]
struct StdDev {
    variance: Variance,
    deviations: f64,
}

impl StdDev {
    fn new(period: usize, deviations: f64) -> Self {
        Self { variance: Variance::new(period), deviations }
    }
}

impl Kernel<1, 1> for StdDev {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 1]> {
        let [variance] = self.variance.next(row)?;
        Some([variance.sqrt() * self.deviations])
    }
}

impl Indicator<1, 1> for StdDev {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.real(1))
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
    fn is_the_population_deviation_times_the_factor() {
        // 1, 3: mean 2, variance 1. 3, 9: mean 6, variance 9.
        assert_column(&stddev(&[1.0, 3.0, 9.0], 2, 2.0), &[NAN, 2.0, 6.0]);
    }

    #[test]
    fn a_flat_window_gives_zero() {
        assert_column(&stddev(&[0.1, 0.1, 0.1], 3, 1.0), &[NAN, NAN, 0.0]);
    }
}
