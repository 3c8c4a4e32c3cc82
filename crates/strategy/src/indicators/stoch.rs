//! Stochastic oscillator, slow and fast.

use super::extreme::{Extreme, Highest, Lowest};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::sma::Sma;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::zero::is_zero_scaled;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "stoch",
    inputs: Inputs::HighLowClose,
    params: &[
        ParamSpec::period("fastk_period", 5.0, 1.0),
        ParamSpec::period("slowk_period", 3.0, 1.0),
        ParamSpec::period("slowd_period", 3.0, 1.0),
    ],
    outputs: &["k", "d"],
    summary: "Slow stochastic oscillator, 0 to 100",
    program: Program::of::<3, 2, SlowStoch>(),
};

pub(super) const FAST_SPEC: IndicatorSpec = IndicatorSpec {
    name: "stochf",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("fastk_period", 5.0, 1.0), ParamSpec::period("fastd_period", 3.0, 1.0)],
    outputs: &["k", "d"],
    summary: "Fast stochastic oscillator, 0 to 100",
    program: Program::of::<3, 2, FastStoch>(),
};

/// Columns of a stochastic oscillator, 0 to 100.
#[derive(Debug, Clone, PartialEq)]
pub struct Stoch {
    /// The oscillator.
    pub k: Vec<f64>,
    /// Simple moving average of `k`.
    pub d: Vec<f64>,
}

/// Returns the slow stochastic oscillator: `k` is the `slowk`-row mean of close's place in the range of the
/// last `fastk` rows, in percent, and `d` the `slowd`-row mean of `k`.
///
/// Close's place is zero where the range is within rounding of zero. Both columns start together; leading NaN:
/// `fastk + slowk + slowd - 3`. Only the simple average of TA-Lib's choices is offered.
#[must_use]
pub fn stoch(high: &[f64], low: &[f64], close: &[f64], fastk: usize, slowk: usize, slowd: usize) -> Stoch {
    let build = || SlowStoch::new(fastk, slowk, slowd);
    let [k, d] = batch([high, low, close], &[fastk, slowk, slowd], build);
    Stoch { k, d }
}

/// Returns the fast stochastic oscillator: `k` is close's place in the range of the last `fastk` rows, in
/// percent, and `d` its `fastd`-row mean. Leading NaN: `fastk + fastd - 2`; otherwise as [`stoch`].
#[must_use]
pub fn stochf(high: &[f64], low: &[f64], close: &[f64], fastk: usize, fastd: usize) -> Stoch {
    let [k, d] = batch([high, low, close], &[fastk, fastd], || FastStoch::new(fastk, fastd));
    Stoch { k, d }
}

/// Close's place in the range of the last rows, 0 to 100.
#[derive(Debug, Clone)]
struct PlaceInRange {
    highest: Extreme<Highest>,
    lowest: Extreme<Lowest>,
}

impl PlaceInRange {
    fn new(window: usize) -> Self {
        Self { highest: Extreme::new(window), lowest: Extreme::new(window) }
    }
}

impl Kernel<3, 1> for PlaceInRange {
    #[inline]
    fn next(&mut self, [high, low, close]: [f64; 3]) -> Option<[f64; 1]> {
        let highest = self.highest.push(high);
        let lowest = self.lowest.push(low);
        let ((highest, _), (lowest, _)) = (highest?, lowest?);
        let range = highest - lowest;
        let is_flat = is_zero_scaled(range, highest.abs() + lowest.abs());
        Some([if is_flat { 0.0 } else { (close - lowest) / range * 100.0 }])
    }
}

#[derive(Debug, Clone)]
pub(super) struct FastStoch {
    place: PlaceInRange,
    mean: Sma,
}

impl FastStoch {
    /// Both periods are at least one.
    pub(super) fn new(fastk: usize, fastd: usize) -> Self {
        Self { place: PlaceInRange::new(fastk), mean: Sma::new(fastd) }
    }

    pub(super) fn lookback(fastk: usize, fastd: usize) -> usize {
        fastk + fastd - 2
    }
}

impl Kernel<3, 2> for FastStoch {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 2]> {
        let [k] = self.place.next(row)?;
        let [d] = self.mean.next([k])?;
        Some([k, d])
    }
}

impl Indicator<3, 2> for FastStoch {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.period(1))
    }

    fn lookback(params: Params<'_>) -> usize {
        Self::lookback(params.period(0), params.period(1))
    }
}

#[derive(Debug, Clone)]
struct SlowStoch {
    place: PlaceInRange,
    k: Sma,
    d: Sma,
}

impl SlowStoch {
    fn new(fastk: usize, slowk: usize, slowd: usize) -> Self {
        Self { place: PlaceInRange::new(fastk), k: Sma::new(slowk), d: Sma::new(slowd) }
    }
}

impl Kernel<3, 2> for SlowStoch {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 2]> {
        let place = self.place.next(row)?;
        let [k] = self.k.next(place)?;
        let [d] = self.d.next([k])?;
        Some([k, d])
    }
}

impl Indicator<3, 2> for SlowStoch {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0), params.period(1), params.period(2))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0) + params.period(1) + params.period(2) - 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;
    const HIGH: [f64; 4] = [5.0, 6.0, 9.0, 8.0];
    const LOW: [f64; 4] = [4.0, 4.0, 5.0, 7.0];
    const CLOSE: [f64; 4] = [4.0, 5.0, 8.0, 7.0];

    #[test]
    fn fast_k_is_closes_place_in_the_range() {
        // Ranges of two rows: 4-6, 4-9, 5-9; places 1/2, 4/5, 2/4.
        let fast = stochf(&HIGH, &LOW, &CLOSE, 2, 2);
        assert_column(&fast.k, &[NAN, NAN, 80.0, 50.0]);
        assert_column(&fast.d, &[NAN, NAN, 65.0, 65.0]);
    }

    #[test]
    fn slow_k_is_the_mean_of_fast_k() {
        let slow = stoch(&HIGH, &LOW, &CLOSE, 2, 2, 1);
        assert_column(&slow.k, &[NAN, NAN, 65.0, 65.0]);
        assert_column(&slow.d, &slow.k);
    }

    #[test]
    fn a_flat_range_gives_zero() {
        assert_column(&stochf(&[3.0; 3], &[3.0; 3], &[3.0; 3], 2, 1).k, &[NAN, 0.0, 0.0]);
    }
}
