//! Plus and minus directional index.

use super::directional_movement::DirectionalMovement;
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params};
use super::spec::{IndicatorSpec, Inputs, Program};

pub(super) const PLUS_SPEC: IndicatorSpec = IndicatorSpec {
    name: "plus_di",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 1.0)],
    outputs: &["value"],
    summary: "Upward movement in percent of the true range",
    program: Program::of::<3, 1, DirectionalIndex<true>>(),
};

pub(super) const MINUS_SPEC: IndicatorSpec = IndicatorSpec {
    name: "minus_di",
    summary: "Downward movement in percent of the true range",
    program: Program::of::<3, 1, DirectionalIndex<false>>(),
    ..PLUS_SPEC
};

/// Returns smoothed upward movement in percent of the smoothed true range, 0 to 100.
///
/// Zero where there is no range. A `period` of one gives a fraction, 0 to 1, as TA-Lib does. Leading NaN:
/// `period`. Source: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978).
#[must_use]
pub fn plus_di(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [plus_di] = batch([high, low, close], &[period], || DirectionalIndex::<true>::new(period));
    plus_di
}

/// Returns smoothed downward movement in percent of the smoothed true range; otherwise as [`plus_di`].
#[must_use]
pub fn minus_di(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [minus_di] = batch([high, low, close], &[period], || DirectionalIndex::<false>::new(period));
    minus_di
}

#[derive(Debug, Clone)]
struct DirectionalIndex<const PLUS: bool> {
    movement: DirectionalMovement,
    scale: f64,
}

impl<const PLUS: bool> DirectionalIndex<PLUS> {
    fn new(period: usize) -> Self {
        let scale = if period > 1 { 100.0 } else { 1.0 };
        Self { movement: DirectionalMovement::new(period), scale }
    }
}

impl<const PLUS: bool> Kernel<3, 1> for DirectionalIndex<PLUS> {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let sums = self.movement.next(row)?;
        let share = if PLUS { sums.plus_share() } else { sums.minus_share() };
        Some([share.map_or(0.0, |share| self.scale * share)])
    }
}

impl<const PLUS: bool> Indicator<3, 1> for DirectionalIndex<PLUS> {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        params.period(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;
    const HIGH: [f64; 4] = [10.0, 12.0, 13.0, 12.0];
    const LOW: [f64; 4] = [8.0, 9.0, 6.0, 7.0];
    const CLOSE: [f64; 4] = [9.0, 11.0, 7.0, 8.0];

    #[test]
    fn are_the_movements_over_the_range() {
        // Sums (plus, minus, range): 1, 3, 8.5 then 0.5, 1.5, 9.25; see directional_movement.
        let plus = [NAN, NAN, 100.0 / 8.5, 50.0 / 9.25];
        let minus = [NAN, NAN, 300.0 / 8.5, 150.0 / 9.25];
        assert_column(&plus_di(&HIGH, &LOW, &CLOSE, 2), &plus);
        assert_column(&minus_di(&HIGH, &LOW, &CLOSE, 2), &minus);
    }

    #[test]
    fn a_period_of_one_gives_the_rows_own_fraction_and_no_range_gives_zero() {
        assert_column(&plus_di(&HIGH, &LOW, &CLOSE, 1), &[NAN, 2.0 / 3.0, 0.0, 0.0]);
        assert_column(&plus_di(&[5.0; 3], &[5.0; 3], &[5.0; 3], 2), &[NAN, NAN, 0.0]);
    }
}
