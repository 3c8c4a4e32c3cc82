//! Rate of change.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "roc",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 10.0, 1.0)],
    outputs: &["value"],
    summary: "Change against the value some rows ago, in percent",
    program: Program::of::<1, 1, Roc>(),
};

/// Returns `(value / value[period rows ago] - 1) * 100`, in percent.
///
/// Zero where the earlier value is exactly zero. Leading NaN: `period`.
#[must_use]
pub fn roc(values: &[f64], period: usize) -> Vec<f64> {
    let [roc] = batch([values], &[period], || Roc::new(period));
    roc
}

#[derive(Debug, Clone)]
pub(super) struct Roc {
    previous: Ring<f64>,
}

impl Roc {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { previous: Ring::new(period) }
    }
}

impl Kernel<1, 1> for Roc {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        let earlier = self.previous.oldest();
        self.previous.push(value);
        let earlier = earlier?;
        Some([if earlier == 0.0 { 0.0 } else { (value / earlier - 1.0) * 100.0 }])
    }
}

impl Indicator<1, 1> for Roc {
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

    #[test]
    fn compares_with_the_value_a_period_ago() {
        let expected = [f64::NAN, f64::NAN, 300.0, -50.0, 0.0];
        assert_column(&roc(&[1.0, 2.0, 4.0, 1.0, 4.0], 2), &expected);
    }

    #[test]
    fn a_zero_before_gives_zero() {
        assert_column(&roc(&[0.0, 2.0], 1), &[f64::NAN, 0.0]);
    }
}
