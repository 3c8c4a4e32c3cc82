//! Triple exponential moving average.

use super::ema::{self, Ema};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "tema",
    inputs: Inputs::Series,
    params: &[ParamSpec::period("timeperiod", 30.0, 1.0)],
    outputs: &["value"],
    summary: "Triple exponential moving average",
    program: Program::of::<1, 1, Tema>(),
};

/// Returns `3 * e1 - 3 * e2 + e3` of `values`, in their unit, each `e` being the EMA of the one before.
///
/// Leading NaN: `3 * (period - 1)`. Source: P. Mulloy, Stocks & Commodities 12:1 (1994).
#[must_use]
pub fn tema(values: &[f64], period: usize) -> Vec<f64> {
    let [tema] = batch([values], &[period], || Tema::new(period));
    tema
}

#[derive(Debug, Clone)]
struct Tema {
    averages: [Ema; 3],
}

impl Tema {
    fn new(period: usize) -> Self {
        Self { averages: std::array::from_fn(|_| Ema::new(period)) }
    }
}

impl Kernel<1, 1> for Tema {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 1]> {
        let [first, second, third] = &mut self.averages;
        let [e1] = first.next(row)?;
        let [e2] = second.next([e1])?;
        let [e3] = third.next([e2])?;
        Some([e3 + (3.0 * e1 - 3.0 * e2)])
    }
}

impl Indicator<1, 1> for Tema {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        3 * ema::lookback(params.period(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn follows_a_straight_line_without_lag() {
        // ema(2) = 2, 4, 6, 8; again 3, 5, 7; again 4, 6: 4 + 3*6 - 3*5 = 7, 6 + 3*8 - 3*7 = 9.
        assert_column(&tema(&[1.0, 3.0, 5.0, 7.0, 9.0], 2), &[NAN, NAN, NAN, 7.0, 9.0]);
    }
}
