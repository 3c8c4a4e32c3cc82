//! Bollinger bands.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::sma::Sma;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::variance::Variance;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "bbands",
    inputs: Inputs::Series,
    params: &[
        ParamSpec::period("timeperiod", 20.0, 2.0),
        ParamSpec::real("nbdevup", 2.0),
        ParamSpec::real("nbdevdn", 2.0),
    ],
    outputs: &["upper", "middle", "lower"],
    summary: "Simple moving average and bands some standard deviations above and below",
    program: Program::of::<1, 3, BbandsKernel>(),
};

/// Columns of [`bbands`], in the unit of its input.
#[derive(Debug, Clone, PartialEq)]
pub struct Bbands {
    /// Upper band.
    pub upper: Vec<f64>,
    /// Simple moving average.
    pub middle: Vec<f64>,
    /// Lower band.
    pub lower: Vec<f64>,
}

/// Returns the `period`-row mean and the bands `deviations_up` above and `deviations_down` below it,
/// counted in population standard deviations.
///
/// All three are equal where the window is flat. Leading NaN: `period - 1`. Source: J. Bollinger,
/// "Bollinger on Bollinger Bands" (2001); only the simple average of TA-Lib's choices is offered.
#[must_use]
pub fn bbands(values: &[f64], period: usize, deviations_up: f64, deviations_down: f64) -> Bbands {
    let build = || BbandsKernel::new(period, deviations_up, deviations_down);
    let [upper, middle, lower] = batch([values], &[period], build);
    Bbands { upper, middle, lower }
}

#[derive(Debug, Clone)]
struct BbandsKernel {
    mean: Sma,
    variance: Variance,
    deviations_up: f64,
    deviations_down: f64,
}

impl BbandsKernel {
    fn new(period: usize, deviations_up: f64, deviations_down: f64) -> Self {
        Self { mean: Sma::new(period), variance: Variance::new(period), deviations_up, deviations_down }
    }
}

impl Kernel<1, 3> for BbandsKernel {
    #[inline]
    fn next(&mut self, row: [f64; 1]) -> Option<[f64; 3]> {
        let mean = self.mean.next(row);
        let variance = self.variance.next(row);
        let ([mean], [variance]) = (mean?, variance?);
        let deviation = variance.sqrt();
        let below = deviation * self.deviations_down;
        // TA-Lib rounds the two cases differently.
        let upper = if self.deviations_up == self.deviations_down {
            mean + below
        } else {
            deviation.mul_add(self.deviations_up, mean)
        };
        Some([upper, mean, mean - below])
    }
}

impl Indicator<1, 3> for BbandsKernel {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.real(1), params.real(2))
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
    fn bands_lie_around_the_mean() {
        // 1, 3: mean 2, deviation 1. 3, 3: mean 3, deviation 0.
        let bands = bbands(&[1.0, 3.0, 3.0], 2, 2.0, 1.0);
        assert_column(&bands.upper, &[NAN, 4.0, 3.0]);
        assert_column(&bands.middle, &[NAN, 2.0, 3.0]);
        assert_column(&bands.lower, &[NAN, 1.0, 3.0]);
    }
}
