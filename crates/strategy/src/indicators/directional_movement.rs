//! Wilder's directional movement, the base of the directional indices and ADX.

use super::params::count;
use super::trange::true_range;

/// Smoothed sums of upward movement, downward movement and true range.
///
/// A row's movement goes to one side only: the larger of the high's rise and the low's fall, when
/// positive. The first `period - 1` rows are summed; from then on a sum loses a `period`th of itself
/// before the row's value is added. Source: J. Welles Wilder, "New Concepts in Technical Trading Systems"
/// (1978), with TA-Lib's starting sums one row short of his.
#[derive(Debug, Clone)]
pub(super) struct DirectionalMovement {
    period: usize,
    /// Rows that went into the starting sums.
    summed: usize,
    previous: Option<[f64; 3]>,
    sums: MovementSums,
}

/// The state of [`DirectionalMovement`] after a row, in the unit of the prices.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MovementSums {
    pub(super) plus: f64,
    pub(super) minus: f64,
    pub(super) true_range: f64,
}

impl MovementSums {
    /// Upward movement as a part of the true range, or `None` when there is no range.
    #[inline]
    pub(super) fn plus_share(&self) -> Option<f64> {
        (self.true_range > 0.0).then(|| self.plus / self.true_range)
    }

    /// Downward movement as a part of the true range, or `None` when there is no range.
    #[inline]
    pub(super) fn minus_share(&self) -> Option<f64> {
        (self.true_range > 0.0).then(|| self.minus / self.true_range)
    }
}

impl DirectionalMovement {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { period, summed: 0, previous: None, sums: MovementSums::default() }
    }

    /// Takes high, low and close of the next row; returns the sums from row `period` on.
    #[inline]
    pub(super) fn next(&mut self, row: [f64; 3]) -> Option<MovementSums> {
        let [previous_high, previous_low, previous_close] = self.previous.replace(row)?;
        let [high, low, _] = row;
        let rise = high - previous_high;
        let fall = previous_low - low;
        let minus = if fall > 0.0 && rise < fall { fall } else { 0.0 };
        let plus = if rise > 0.0 && rise > fall { rise } else { 0.0 };
        let range = true_range(high, low, previous_close);

        let sums = &mut self.sums;
        if self.summed < self.period - 1 {
            self.summed += 1;
            sums.plus += plus;
            sums.minus += minus;
            sums.true_range += range;
            return None;
        }
        let period = count(self.period);
        sums.plus = sums.plus - sums.plus / period + plus;
        sums.minus = sums.minus - sums.minus / period + minus;
        sums.true_range = sums.true_range - sums.true_range / period + range;
        Some(*sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_moves_one_way_and_sums_decay() {
        let mut movement = DirectionalMovement::new(2);
        assert!(movement.next([10.0, 8.0, 9.0]).is_none());
        // High up 2, low up 1: all upward. Range 12 - 9 = 3.
        assert!(movement.next([12.0, 9.0, 11.0]).is_none());
        // High up 1, low down 3: all downward. Range 13 - 6 = 7.
        let sums = movement.next([13.0, 6.0, 7.0]).unwrap();
        assert_eq!((sums.plus, sums.minus, sums.true_range), (1.0, 3.0, 8.5));
        // Inside row: no movement. Range 12 - 7 = 5.
        let sums = movement.next([12.0, 7.0, 8.0]).unwrap();
        assert_eq!((sums.plus, sums.minus, sums.true_range), (0.5, 1.5, 9.25));
    }

    #[test]
    fn there_is_no_share_of_no_range() {
        assert!(MovementSums::default().plus_share().is_none());
    }
}
