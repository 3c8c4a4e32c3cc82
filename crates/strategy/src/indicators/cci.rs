//! Commodity channel index.

use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::ring::Ring;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::zero::is_zero_scaled;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "cci",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "Commodity channel index",
    program: Program::of::<3, 1, Cci>(),
};

/// Returns the typical price's distance to its mean in units of 0.015 mean absolute deviations.
///
/// The typical price is `(high + low + close) / 3`. Zero where the distance or the deviation is within
/// rounding of zero. Leading NaN: `period - 1`. Source: D. Lambert, Commodities magazine (October 1980).
#[must_use]
pub fn cci(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [cci] = batch([high, low, close], &[period], || Cci::new(period));
    cci
}

#[derive(Debug, Clone)]
struct Cci {
    window: Ring<f64>,
}

impl Cci {
    fn new(period: usize) -> Self {
        Self { window: Ring::new(period) }
    }
}

impl Kernel<3, 1> for Cci {
    #[inline]
    fn next(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let typical = (high + low + close) / 3.0;
        self.window.push(typical);
        self.window.oldest()?;
        let period = count(self.window.capacity());
        // Summed in storage order, as TA-Lib does: another order rounds differently.
        let mean = self.window.slots().iter().sum::<f64>() / period;
        let deviation = self.window.slots().iter().map(|price| (price - mean).abs()).sum::<f64>() / period;
        let distance = typical - mean;
        let unit = 0.015 * deviation;
        let is_flat = is_zero_scaled(distance, mean.abs()) || is_zero_scaled(deviation, mean.abs());
        Some([if is_flat || unit == 0.0 { 0.0 } else { distance / unit }])
    }
}

impl Indicator<3, 1> for Cci {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
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
    fn scales_the_distance_by_the_mean_deviation() {
        // 1, 2, 6: mean 3, mean deviation (2+1+3)/3 = 2, distance 3: 3 / (0.015 * 2) = 100.
        let price = [1.0, 2.0, 6.0];
        assert_column(&cci(&price, &price, &price, 3), &[NAN, NAN, 100.0]);
    }

    #[test]
    fn a_flat_window_gives_zero() {
        assert_column(&cci(&[4.0; 3], &[4.0; 3], &[4.0; 3], 2), &[NAN, 0.0, 0.0]);
    }
}
