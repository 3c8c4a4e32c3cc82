//! Stochastic oscillator of the relative strength index.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::rsi::Rsi;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::stoch::{FastStoch, Stoch};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "stochrsi",
    inputs: Inputs::Series,
    params: &[
        ParamSpec::period("timeperiod", 14.0, 2.0),
        ParamSpec::period("fastk_period", 5.0, 1.0),
        ParamSpec::period("fastd_period", 3.0, 1.0),
    ],
    outputs: &["k", "d"],
    summary: "Fast stochastic oscillator of the relative strength index, 0 to 100",
    program: Program::of::<1, 2, StochRsi>(),
};

/// Returns the fast stochastic oscillator of `rsi(values, period)`, the RSI standing for high, low and
/// close alike.
///
/// Zero where the RSI did not move for `fastk` rows. Both columns start together; leading NaN:
/// `period + fastk + fastd - 2`.
#[must_use]
pub fn stochrsi(values: &[f64], period: usize, fastk: usize, fastd: usize) -> Stoch {
    let build = || StochRsi::new(period, fastk, fastd);
    let [k, d] = batch([values], &[period, fastk, fastd], build);
    Stoch { k, d }
}

#[derive(Debug, Clone)]
struct StochRsi {
    rsi: Rsi,
    stoch: FastStoch,
}

impl StochRsi {
    fn new(period: usize, fastk: usize, fastd: usize) -> Self {
        Self { rsi: Rsi::new(period), stoch: FastStoch::new(fastk, fastd) }
    }
}

impl Kernel<1, 2> for StochRsi {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 2]> {
        let [rsi] = self.rsi.next(row)?;
        self.stoch.next([rsi, rsi, rsi])
    }
}

impl Indicator<1, 2> for StochRsi {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.period(1), params.period(2))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0) + FastStoch::lookback(params.period(1), params.period(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn places_the_rsi_in_its_own_range() {
        // rsi(2) = 66.7 then 88.9 (see rsi); a fall to 2 makes it 1 / (1 + 1.625). Highest, then lowest.
        let result = stochrsi(&[1.0, 3.0, 2.0, 5.0, 2.0], 2, 2, 1);
        assert_column(&result.k, &[NAN, NAN, NAN, 100.0, 0.0]);
        assert_column(&result.d, &result.k);
    }
}
