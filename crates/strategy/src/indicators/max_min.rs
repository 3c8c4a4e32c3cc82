//! Highest and lowest value of a moving window.

use super::extreme::{Extreme, Highest, Lowest, Order};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const MAX_SPEC: IndicatorSpec = IndicatorSpec {
    name: "max",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 2.0)],
    outputs: &["value"],
    summary: "Highest value of the window",
    program: Program::of::<1, 1, Extreme<Highest>>(),
};

pub(super) const MIN_SPEC: IndicatorSpec = IndicatorSpec {
    name: "min",
    summary: "Lowest value of the window",
    program: Program::of::<1, 1, Extreme<Lowest>>(),
    ..MAX_SPEC
};

/// Returns the highest of the last `period` values. Leading NaN: `period - 1`.
#[must_use]
pub fn max(values: &[f64], period: usize) -> Vec<f64> {
    let [max] = batch([values], &[period], || Extreme::<Highest>::new(period));
    max
}

/// Returns the lowest of the last `period` values. Leading NaN: `period - 1`.
#[must_use]
pub fn min(values: &[f64], period: usize) -> Vec<f64> {
    let [min] = batch([values], &[period], || Extreme::<Lowest>::new(period));
    min
}

impl<O: Order> Kernel<1, 1> for Extreme<O> {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        self.push(value).map(|(extreme, _)| [extreme])
    }
}

impl<O: Order + Send + 'static> Indicator<1, 1> for Extreme<O> {
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
    fn follow_the_window() {
        let values = [3.0, 1.0, 2.0, 5.0];
        assert_column(&max(&values, 2), &[f64::NAN, 3.0, 2.0, 5.0]);
        assert_column(&min(&values, 2), &[f64::NAN, 1.0, 1.0, 2.0]);
    }
}
