//! On-balance volume.

use super::kernel::{Indicator, Kernel, batch};
use super::params::Params;
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "obv",
    inputs: Inputs::CloseVolume,
    params: &[],
    outputs: &["value"],
    summary: "On-balance volume",
    program: Program::of::<2, 1, Obv>(),
};

/// Returns the running sum of volume, added when `close` rises and taken away when it falls.
///
/// Starts at the first row's volume and has no leading NaN. In the unit of `volume`. Source: J. Granville,
/// "New Key to Stock Market Profits" (1963).
#[must_use]
pub fn obv(close: &[f64], volume: &[f64]) -> Vec<f64> {
    let [obv] = batch([close, volume], &[], Obv::default);
    obv
}

#[derive(Debug, Clone, Default)]
struct Obv {
    previous: Option<f64>,
    total: f64,
}

impl Kernel<2, 1> for Obv {
    #[inline]
    fn next(&mut self, [close, volume]: [f64; 2]) -> Option<[f64; 1]> {
        match self.previous.replace(close) {
            None => self.total = volume,
            Some(previous) if close > previous => self.total += volume,
            Some(previous) if close < previous => self.total -= volume,
            Some(_) => {}
        }
        Some([self.total])
    }
}

impl Indicator<2, 1> for Obv {
    fn from_params(_: Params<'_>) -> Self {
        Self::default()
    }

    fn lookback(_: Params<'_>) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    #[test]
    fn volume_follows_the_sign_of_the_move() {
        let close = [5.0, 6.0, 6.0, 4.0, 7.0];
        let volume = [10.0, 1.0, 2.0, 3.0, 0.0];
        assert_column(&obv(&close, &volume), &[10.0, 11.0, 11.0, 8.0, 8.0]);
    }
}
