//! Average true range as a share of the price.

use super::atr::Atr;
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "natr",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 1.0)],
    outputs: &["value"],
    summary: "Average true range in percent of close",
    program: Program::of::<3, 1, Natr>(),
};

/// Returns the average true range in percent of the row's close.
///
/// Zero where close is zero. A `period` of one gives the plain true range, in the unit of the prices and
/// not in percent, as TA-Lib does. Leading NaN: `period`.
#[must_use]
pub fn natr(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [natr] = batch([high, low, close], &[period], || Natr::new(period));
    natr
}

#[derive(Debug, Clone)]
struct Natr {
    atr: Atr,
    in_percent: bool,
}

impl Natr {
    fn new(period: usize) -> Self {
        Self { atr: Atr::new(period), in_percent: period > 1 }
    }
}

impl Kernel<3, 1> for Natr {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let [_, _, close] = row;
        let [atr] = self.atr.next(row)?;
        if !self.in_percent {
            return Some([atr]);
        }
        Some([if close == 0.0 { 0.0 } else { atr / close * 100.0 }])
    }
}

impl Indicator<3, 1> for Natr {
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
    fn divides_the_average_by_close() {
        // Average true ranges 3.5 and 5.25 (see atr) over closes 10 and 0.
        let high = [5.0, 6.0, 10.0, 4.0];
        let low = [4.0, 4.0, 9.0, 3.0];
        let close = [5.0, 5.0, 10.0, 0.0];
        assert_column(&natr(&high, &low, &close, 2), &[f64::NAN, f64::NAN, 35.0, 0.0]);
        assert_column(&natr(&high, &low, &close, 1), &[f64::NAN, 2.0, 5.0, 7.0]);
    }
}
