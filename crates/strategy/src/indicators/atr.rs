//! Average true range.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::seeded_average::SeededAverage;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::trange::TrueRange;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "atr",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 1.0)],
    outputs: &["value"],
    summary: "Average true range",
    program: Program::of::<3, 1, Atr>(),
};

/// Returns Wilder's average of the true range, in the unit of the prices.
///
/// Leading NaN: `period`. Source: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978).
#[must_use]
pub fn atr(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [atr] = batch([high, low, close], &[period], || Atr::new(period));
    atr
}

#[derive(Debug, Clone)]
pub(super) struct Atr {
    range: TrueRange,
    average: SeededAverage,
    /// Part of the previous average in the next; `period - 1` over `period`.
    kept: f64,
}

impl Atr {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        let kept = count(period - 1) / count(period);
        Self { range: TrueRange::default(), average: SeededAverage::new(period), kept }
    }
}

impl Kernel<3, 1> for Atr {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let [range] = self.range.next(row)?;
        let kept = self.kept;
        let atr = self.average.next(range, |previous| previous.mul_add(kept, (1.0 - kept) * range))?;
        Some([atr])
    }
}

impl Indicator<3, 1> for Atr {
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
    fn averages_the_true_range() {
        // True ranges 2, 5, 7: (2+5)/2 = 3.5, (3.5+7)/2 = 5.25.
        let high = [5.0, 6.0, 10.0, 3.0];
        let low = [4.0, 4.0, 9.0, 2.0];
        let close = [5.0, 5.0, 9.0, 2.0];
        assert_column(&atr(&high, &low, &close, 2), &[f64::NAN, f64::NAN, 3.5, 5.25]);
        assert_column(&atr(&high, &low, &close, 1), &[f64::NAN, 2.0, 5.0, 7.0]);
    }
}
