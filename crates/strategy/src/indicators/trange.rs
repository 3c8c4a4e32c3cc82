//! True range.

use super::kernel::{Indicator, Kernel, batch};
use super::params::Params;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "trange",
    inputs: Inputs::HighLowClose,
    params: &[],
    outputs: &["value"],
    summary: "True range",
    program: Program::of::<3, 1, TrueRange>(),
};

/// Returns the largest of the row's range and its high's and low's distance to the previous close.
///
/// In the unit of the prices. Leading NaN: 1. Source: J. Welles Wilder, "New Concepts in Technical
/// Trading Systems" (1978).
#[must_use]
pub fn trange(high: &[f64], low: &[f64], close: &[f64]) -> Vec<f64> {
    let [trange] = batch([high, low, close], &[], TrueRange::default);
    trange
}

/// The true range of a row; a NaN high or low gives NaN, a NaN previous close the plain range.
#[inline]
pub(super) fn true_range(high: f64, low: f64, previous_close: f64) -> f64 {
    let mut greatest = high - low;
    for distance in [(previous_close - high).abs(), (previous_close - low).abs()] {
        if distance > greatest {
            greatest = distance;
        }
    }
    greatest
}

#[derive(Debug, Clone, Default)]
pub(super) struct TrueRange {
    previous_close: Option<f64>,
}

impl Kernel<3, 1> for TrueRange {
    #[inline]
    fn next(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let previous_close = self.previous_close.replace(close)?;
        Some([true_range(high, low, previous_close)])
    }
}

impl Indicator<3, 1> for TrueRange {
    fn from_params(_: Params<'_>) -> Self {
        Self::default()
    }

    fn lookback(_: Params<'_>) -> usize {
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    #[test]
    fn spans_the_gap_to_the_previous_close() {
        let high = [5.0, 6.0, 10.0, 3.0];
        let low = [4.0, 4.0, 9.0, 2.0];
        let close = [5.0, 5.0, 9.0, 2.0];
        assert_column(&trange(&high, &low, &close), &[f64::NAN, 2.0, 5.0, 7.0]);
    }
}
