//! Double exponential moving average.

use super::ema::{self, Ema};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "dema",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "Double exponential moving average",
    program: Program::of::<1, 1, Dema>(),
};

/// Returns `2 * ema - ema(ema)` of `values`, in their unit.
///
/// Leading NaN: `2 * (period - 1)`. Source: P. Mulloy, Stocks & Commodities 12:1 (1994).
#[must_use]
pub fn dema(values: &[f64], period: usize) -> Vec<f64> {
    let [dema] = batch([values], &[period], || Dema::new(period));
    dema
}

#[derive(Debug, Clone)]
struct Dema {
    first: Ema,
    second: Ema,
}

impl Dema {
    fn new(period: usize) -> Self {
        Self { first: Ema::new(period), second: Ema::new(period) }
    }
}

impl Kernel<1, 1> for Dema {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 1]> {
        let [first] = self.first.next(row)?;
        let [second] = self.second.next([first])?;
        Some([2.0 * first - second])
    }
}

impl Indicator<1, 1> for Dema {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        2 * ema::lookback(params.period(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    #[test]
    fn corrects_the_average_by_its_own_average() {
        // ema(2) = -, 2, 4, 6 (weight 2/3); ema of that = 3, 5; 2*4-3 = 5, 2*6-5 = 7.
        let expected = [f64::NAN, f64::NAN, 5.0, 7.0];
        assert_column(&dema(&[1.0, 3.0, 5.0, 7.0], 2), &expected);
    }
}
