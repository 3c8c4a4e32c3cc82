//! Aroon.

use super::extreme::{Extreme, Highest, Lowest};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "aroon",
    inputs: Inputs::HighLow,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["down", "up"],
    summary: "How recent the window's low and high are, 0 to 100",
    program: Program::of::<2, 2, AroonKernel>(),
};

/// Columns of [`aroon`], 0 (a period ago) to 100 (now).
#[derive(Debug, Clone, PartialEq)]
pub struct Aroon {
    /// How recent the lowest low is.
    pub down: Vec<f64>,
    /// How recent the highest high is.
    pub up: Vec<f64>,
}

/// Returns how recent the lowest low and the highest high of the last `period + 1` rows are.
///
/// 100 on the row of the extreme, less `100 / period` for every row since; the latest of equal extremes
/// counts. Leading NaN: `period`. Source: T. Chande, Stocks & Commodities 13:9 (1995).
#[must_use]
pub fn aroon(high: &[f64], low: &[f64], period: usize) -> Aroon {
    let [down, up] = batch([high, low], &[period], || AroonKernel::new(period));
    Aroon { down, up }
}

#[derive(Debug, Clone)]
struct AroonKernel {
    period: usize,
    highest: Extreme<Highest>,
    lowest: Extreme<Lowest>,
}

impl AroonKernel {
    fn new(period: usize) -> Self {
        Self { period, highest: Extreme::new(period + 1), lowest: Extreme::new(period + 1) }
    }
}

impl Kernel<2, 2> for AroonKernel {
    #[inline]
    fn next(&mut self, [high, low]: [f64; 2]) -> Option<[f64; 2]> {
        let highest = self.highest.push(high);
        let lowest = self.lowest.push(low);
        let ((_, high_age), (_, low_age)) = (highest?, lowest?);
        let per_row = 100.0 / count(self.period);
        Some([low_age, high_age].map(|age| per_row * count(self.period - age)))
    }
}

impl Indicator<2, 2> for AroonKernel {
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
    fn counts_rows_since_the_extremes() {
        let result = aroon(&[9.0, 7.0, 8.0, 8.0], &[3.0, 2.0, 2.0, 4.0], 2);
        assert_column(&result.up, &[NAN, NAN, 0.0, 100.0]);
        assert_column(&result.down, &[NAN, NAN, 100.0, 50.0]);
    }
}
