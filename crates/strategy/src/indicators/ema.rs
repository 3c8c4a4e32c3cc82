//! Exponential moving average.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::seeded_average::SeededAverage;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "ema",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "Exponential moving average",
    program: Program::of::<1, 1, Ema>(),
};

/// Returns the exponential moving average of `values`, in their unit.
///
/// Starts from the mean of the first `period` values, then moves by `2 / (period + 1)` of the distance to
/// each new value. Leading NaN: `period - 1`.
#[must_use]
pub fn ema(values: &[f64], period: usize) -> Vec<f64> {
    let [ema] = batch([values], &[period], || Ema::new(period));
    ema
}

/// Rows of lookback of an EMA.
pub(super) fn lookback(period: usize) -> usize {
    period - 1
}

#[derive(Debug, Clone)]
pub(super) struct Ema {
    average: SeededAverage,
    weight: f64,
}

impl Ema {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { average: SeededAverage::new(period), weight: 2.0 / count(period + 1) }
    }
}

impl Kernel<1, 1> for Ema {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        let weight = self.weight;
        let average = self.average.next(value, |previous| (value - previous).mul_add(weight, previous))?;
        // At a weight of one the step above would round the value it is meant to return.
        Some([if weight == 1.0 { value } else { average }])
    }
}

impl Indicator<1, 1> for Ema {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        lookback(params.period(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn starts_from_the_mean_and_moves_by_its_weight() {
        // Weight 2/4: (1+2+6)/3 = 3, then halfway to 7, then halfway to 1.
        assert_column(&ema(&[1.0, 2.0, 6.0, 7.0, 1.0], 3), &[NAN, NAN, 3.0, 5.0, 3.0]);
    }

    #[test]
    fn leading_nan_is_skipped_and_a_later_one_stays() {
        assert_column(&ema(&[NAN, 1.0, 3.0, NAN, 4.0], 2), &[NAN, NAN, 2.0, NAN, NAN]);
    }

    #[test]
    fn degenerate_input_gives_no_value() {
        assert!(ema(&[], 3).is_empty());
        assert_column(&ema(&[1.0, 2.0], 3), &[NAN, NAN]);
        assert_column(&ema(&[1.0, 2.0], 0), &[NAN, NAN]);
        assert_column(&ema(&[1.0, 2.0], 1), &[1.0, 2.0]);
    }
}
