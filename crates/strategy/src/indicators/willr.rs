//! Williams' %R.

use super::extreme::{Extreme, Highest, Lowest};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};
use super::zero::is_zero_scaled;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "willr",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "Williams' %R, -100 to 0",
    program: Program::of::<3, 1, Willr>(),
};

/// Returns close's distance below the highest high in percent of the range of the last `period` rows,
/// -100 to 0.
///
/// A close outside the range counts as its end. Zero where the range is within rounding of zero. Leading NaN: `period - 1`.
#[must_use]
pub fn willr(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [willr] = batch([high, low, close], &[period], || Willr::new(period));
    willr
}

#[derive(Debug, Clone)]
struct Willr {
    highest: Extreme<Highest>,
    lowest: Extreme<Lowest>,
}

impl Willr {
    fn new(period: usize) -> Self {
        Self { highest: Extreme::new(period), lowest: Extreme::new(period) }
    }
}

impl Kernel<3, 1> for Willr {
    #[inline]
    fn next(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let highest = self.highest.push(high);
        let lowest = self.lowest.push(low);
        let ((highest, _), (lowest, _)) = (highest?, lowest?);
        let range = highest - lowest;
        if is_zero_scaled(range, highest.abs() + lowest.abs()) {
            return Some([0.0]);
        }
        Some([((highest - close) / range * -100.0).clamp(-100.0, 0.0)])
    }
}

impl Indicator<3, 1> for Willr {
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
    fn measures_down_from_the_highest_high() {
        // Ranges of two rows: 4-6, 4-9, 5-9; closes 1, 1 and 2 below the high.
        let high = [5.0, 6.0, 9.0, 8.0];
        let low = [4.0, 4.0, 5.0, 7.0];
        let close = [4.0, 5.0, 8.0, 7.0];
        assert_column(&willr(&high, &low, &close, 2), &[NAN, -50.0, -20.0, -50.0]);
        assert_column(&willr(&[3.0; 2], &[3.0; 2], &[3.0; 2], 2), &[NAN, 0.0]);
    }
}
