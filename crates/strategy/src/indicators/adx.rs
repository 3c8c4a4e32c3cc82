//! Average directional movement index.

use super::directional_movement::{DirectionalMovement, MovementSums};
use super::kernel::{Indicator, Kernel, batch};
use super::params::{ParamSpec, Params, count};
use super::seeded_average::SeededAverage;
use super::spec::{IndicatorSpec, Inputs, Program};
use super::zero::is_zero;

pub(super) const SPEC: IndicatorSpec = IndicatorSpec {
    name: "adx",
    inputs: Inputs::HighLowClose,
    params: &[ParamSpec::period("timeperiod", 14.0, 2.0)],
    outputs: &["value"],
    summary: "Average directional movement index, 0 to 100",
    program: Program::of::<3, 1, Adx>(),
};

/// Returns Wilder's average of `100 * |plus_di - minus_di| / (plus_di + minus_di)`, 0 to 100.
///
/// A row without movement or range counts as zero in the starting mean and leaves the average alone
/// afterwards. Leading NaN: `2 * period - 1`. Source: J. Welles Wilder, "New Concepts in Technical Trading
/// Systems" (1978).
#[must_use]
pub fn adx(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let [adx] = batch([high, low, close], &[period], || Adx::new(period));
    adx
}

#[derive(Debug, Clone)]
struct Adx {
    movement: DirectionalMovement,
    average: SeededAverage,
    period: f64,
}

impl Adx {
    fn new(period: usize) -> Self {
        let (movement, average) = (DirectionalMovement::new(period), SeededAverage::new(period));
        Self { movement, average, period: count(period) }
    }
}

/// How one-sided the movement is, 0 to 100, or `None` when there is none.
#[inline]
fn one_sidedness(sums: &MovementSums) -> Option<f64> {
    let plus = 100.0 * sums.plus_share()?;
    let minus = 100.0 * sums.minus_share()?;
    let total = plus + minus;
    (!is_zero(total)).then(|| 100.0 * ((minus - plus).abs() / total))
}

impl Kernel<3, 1> for Adx {
    #[inline]
    fn next(&mut self, row: [f64; 3]) -> Option<[f64; 1]> {
        let sums = self.movement.next(row)?;
        let period = self.period;
        let adx = match (one_sidedness(&sums), self.average.current()) {
            (None, Some(average)) => average,
            (index, _) => {
                let index = index.unwrap_or(0.0);
                self.average.next(index, |previous| (previous * (period - 1.0) + index) / period)?
            }
        };
        Some([adx])
    }
}

impl Indicator<3, 1> for Adx {
    fn from_params(params: Params<'_>) -> Self {
        Self::new(params.period(0))
    }

    fn lookback(params: Params<'_>) -> usize {
        2 * params.period(0) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn averages_how_one_sided_the_movement_is() {
        // plus : minus is 1 : 3 at rows 2 and 3 (see directional_movement), so 50 and 50. Row 4 rises by
        // 4: plus 0.25 + 4, minus 0.75, so 70, and (50 + 70) / 2 = 60.
        let high = [10.0, 12.0, 13.0, 12.0, 16.0];
        let low = [8.0, 9.0, 6.0, 7.0, 8.0];
        let close = [9.0, 11.0, 7.0, 8.0, 9.0];
        assert_column(&adx(&high, &low, &close, 2), &[NAN, NAN, NAN, 50.0, 60.0]);
    }

    #[test]
    fn a_flat_market_has_no_direction() {
        assert_column(&adx(&[5.0; 5], &[5.0; 5], &[5.0; 5], 2), &[NAN, NAN, NAN, 0.0, 0.0]);
    }
}
