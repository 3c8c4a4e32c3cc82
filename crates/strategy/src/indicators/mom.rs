//! Momentum.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "mom",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 10.0, 1.0)],
    outputs: &["value"],
    summary: "Difference to the value some rows ago",
    program: Program::of::<1, 1, Mom>(),
};

/// Returns `value - value[period rows ago]`, in the unit of `values`. Leading NaN: `period`.
#[must_use]
pub fn mom(values: &[f64], period: usize) -> Vec<f64> {
    let [mom] = batch([values], &[period], || Mom::new(period));
    mom
}

#[derive(Debug, Clone)]
struct Mom {
    previous: Ring<f64>,
}

impl Mom {
    fn new(period: usize) -> Self {
        Self { previous: Ring::new(period) }
    }
}

impl Kernel<1, 1> for Mom {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        let earlier = self.previous.oldest();
        self.previous.push(value);
        Some([value - earlier?])
    }
}

impl Indicator<1, 1> for Mom {
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
    fn subtracts_the_value_a_period_ago() {
        let expected = [f64::NAN, f64::NAN, 3.0, -1.0];
        assert_column(&mom(&[1.0, 2.0, 4.0, 1.0], 2), &expected);
    }
}
