//! Moving average convergence and divergence.

use super::ema::{self, Ema};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "macd",
    inputs: Inputs::Series,
    params: &[
        ParamSpec::period("fastperiod", 12.0, 2.0),
        ParamSpec::period("slowperiod", 26.0, 2.0),
        ParamSpec::period("signalperiod", 9.0, 1.0),
    ],
    outputs: &["macd", "signal", "hist"],
    summary: "Difference of two EMAs, its EMA, and the difference of both",
    program: Program::of::<1, 3, MacdKernel>(),
};

/// Columns of [`macd`], in the unit of its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Macd {
    /// Fast EMA less slow EMA.
    pub macd: Vec<f64>,
    /// EMA of `macd`.
    pub signal: Vec<f64>,
    /// `macd` less `signal`.
    pub hist: Vec<f64>,
}

/// Returns the difference of a fast and a slow EMA, its `signal`-row EMA, and their difference.
///
/// The fast EMA starts together with the slow one, from the mean of the last `fast` of the first `slow`
/// values, so it differs at first from [`ema`](super::ema). Periods in the wrong order are swapped. All
/// columns start together; leading NaN: `max(fast, slow) - 1 + signal - 1`.
#[must_use]
pub fn macd(values: &[f64], fast: usize, slow: usize, signal: usize) -> Macd {
    let build = || MacdKernel::new(fast, slow, signal);
    let [macd, signal, hist] = batch([values], &[fast, slow, signal], build);
    Macd { macd, signal, hist }
}

#[derive(Debug, Clone)]
struct MacdKernel {
    /// Rows the fast average still has to leave out to start with the slow one.
    fast_delay: usize,
    fast: Ema,
    slow: Ema,
    signal: Ema,
}

impl MacdKernel {
    fn new(fast: usize, slow: usize, signal: usize) -> Self {
        let (fast, slow) = (fast.min(slow), fast.max(slow));
        Self { fast_delay: slow - fast, fast: Ema::new(fast), slow: Ema::new(slow), signal: Ema::new(signal) }
    }
}

impl Kernel<1, 3> for MacdKernel {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 3]> {
        let slow = self.slow.next(row);
        if self.fast_delay > 0 {
            self.fast_delay -= 1;
            return None;
        }
        let fast = self.fast.next(row);
        let ([fast], [slow]) = (fast?, slow?);
        let macd = fast - slow;
        let [signal] = self.signal.next([macd])?;
        Some([macd, signal, macd - signal])
    }
}

impl Indicator<1, 3> for MacdKernel {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.period(1), params.period(2))
    }

    fn lookback(params: Params<'_>) -> usize {
        ema::lookback(params.period(0).max(params.period(1))) + ema::lookback(params.period(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn both_averages_start_on_the_same_row() {
        // Slow ema(3) = 3, 5, 3. Fast ema(2) = (2+6)/2 = 4, then 4+(7-4)*2/3 = 6, then 6+(1-6)*2/3 = 8/3.
        let result = macd(&[1.0, 2.0, 6.0, 7.0, 1.0], 2, 3, 1);
        assert_column(&result.macd, &[NAN, NAN, 1.0, 1.0, -1.0 / 3.0]);
        assert_column(&result.signal, &result.macd);
        assert_column(&result.hist, &[NAN, NAN, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn the_signal_delays_all_columns_and_swapped_periods_are_put_right() {
        let values = [1.0, 2.0, 6.0, 7.0, 1.0];
        let result = macd(&values, 3, 2, 2);
        // Signal: mean of 1 and 1, then 1 + (-1/3 - 1)*2/3 = 1/9.
        assert_column(&result.macd, &[NAN, NAN, NAN, 1.0, -1.0 / 3.0]);
        assert_column(&result.signal, &[NAN, NAN, NAN, 1.0, 1.0 / 9.0]);
        assert_eq!(result.hist[4], macd(&values, 2, 3, 2).hist[4]);
    }
}
