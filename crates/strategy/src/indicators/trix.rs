//! Rate of change of a triple-smoothed average.

use super::ema::{self, Ema};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::roc::Roc;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "trix",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "One-row rate of change of a triple EMA, in percent",
    program: Program::of::<1, 1, Trix>(),
};

/// Returns the change of `ema(ema(ema(values)))` from row to row, in percent.
///
/// Zero where the smoothed value before is zero. Leading NaN: `3 * (period - 1) + 1`.
#[must_use]
pub fn trix(values: &[f64], period: usize) -> Vec<f64> {
    let [trix] = batch([values], &[period], || Trix::new(period));
    trix
}

#[derive(Debug, Clone)]
struct Trix {
    averages: [Ema; 3],
    change: Roc,
}

impl Trix {
    fn new(period: usize) -> Self {
        Self { averages: std::array::from_fn(|_| Ema::new(period)), change: Roc::new(1) }
    }
}

impl Kernel<1, 1> for Trix {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 1]> {
        let mut smoothed = row;
        for average in &mut self.averages {
            smoothed = average.next(smoothed)?;
        }
        self.change.next(smoothed)
    }
}

impl Indicator<1, 1> for Trix {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        3 * ema::lookback(params.period(0)) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn measures_the_smoothed_change_in_percent() {
        // The triple ema(2) of this line is 4, 6 (see tema): a rise of 50 %.
        assert_column(&trix(&[1.0, 3.0, 5.0, 7.0, 9.0], 2), &[NAN, NAN, NAN, NAN, 50.0]);
        assert_column(&trix(&[5.0, 5.0, 5.0], 1), &[NAN, 0.0, 0.0]);
    }
}
