//! Population variance of a moving window.

use super::kernel::Kernel;
use super::params::count;
use super::ring::Ring;

/// Windows after which the running sums are rebuilt in any case.
const WINDOWS_PER_REBUILD: usize = 32;

/// Part of the mean squared deviation from the anchor below which the variance has lost digits.
const LOST_DIGITS: f64 = 1e-6;

/// Multiple of the remaining squares above which a value that leaves takes their digits with it.
const OUTLIER: f64 = 1e6;

/// Part of the mean squared deviation below which a freshly rebuilt variance is rounding noise.
const NOISE: f64 = 1e-12;

/// Variance of the last `period` values from running sums of their deviations from an anchor.
///
/// The anchor is the first value, then the window's mean whenever the sums are rebuilt. They are rebuilt
/// when the anchor has drifted so far from the window that subtraction would cost digits, when an outlier
/// leaves, and every 32 windows. These are TA-Lib's rules with TA-Lib's constants, because near flat
/// prices they decide the digits.
#[derive(Debug, Clone)]
pub(super) struct Variance {
    window: Ring<f64>,
    per_value: f64,
    anchor: Option<f64>,
    /// Sum of deviations from the anchor.
    sum: f64,
    /// Sum of squared deviations from the anchor.
    squares: f64,
    rows_to_rebuild: usize,
}

impl Variance {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self {
            window: Ring::new(period),
            per_value: 1.0 / count(period),
            anchor: None,
            sum: 0.0,
            squares: 0.0,
            rows_to_rebuild: WINDOWS_PER_REBUILD * period,
        }
    }

    #[inline]
    fn variance(&self) -> f64 {
        let mean = self.sum * self.per_value;
        self.squares * self.per_value - mean * mean
    }

    /// Takes a deviation out of the sums; returns its square.
    #[inline]
    fn remove(&mut self, deviation: f64) -> f64 {
        let square = deviation * deviation;
        self.sum -= deviation;
        self.squares -= square;
        square
    }

    /// Moves the anchor to the window's mean; returns the variance and takes `oldest` out of the sums.
    fn rebuild(&mut self, oldest: f64) -> f64 {
        self.rows_to_rebuild = WINDOWS_PER_REBUILD * self.window.capacity();
        let anchor = self.window.iter().sum::<f64>() * self.per_value;
        self.anchor = Some(anchor);
        (self.sum, self.squares) = (0.0, 0.0);
        for value in self.window.iter() {
            let deviation = value - anchor;
            self.sum += deviation;
            self.squares += deviation * deviation;
        }
        let variance = self.variance();
        let floor = NOISE * (self.squares * self.per_value);
        self.remove(oldest - anchor);
        if variance < floor { 0.0 } else { variance }
    }
}

impl Kernel<1, 1> for Variance {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        let anchor = *self.anchor.get_or_insert(value);
        let deviation = value - anchor;
        self.window.push(value);
        self.sum += deviation;
        self.squares += deviation * deviation;
        let oldest = self.window.oldest()?;
        let variance = self.variance();
        let removed = self.remove(oldest - anchor);

        self.rows_to_rebuild -= 1;
        let is_stale = variance < LOST_DIGITS * (self.squares * self.per_value)
            || removed > OUTLIER * self.squares
            || self.rows_to_rebuild == 0;
        Some([if is_stale { self.rebuild(oldest) } else { variance }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::kernel::batch;
    use crate::indicators::testing::assert_column;

    const NAN: f64 = f64::NAN;

    #[test]
    fn is_the_population_variance() {
        // 1, 3: mean 2, deviations 1. 3, 9: mean 6, deviations 3.
        let [variance] = batch([&[1.0, 3.0, 9.0]], &[2], || Variance::new(2));
        assert_column(&variance, &[NAN, 1.0, 9.0]);
    }

    #[test]
    fn survives_a_level_far_above_the_spread() {
        // Deviations of one half around 1e9: squares near 1e18 would leave no digits of 0.25.
        let values: Vec<f64> = (0..200).map(|row| 1e9 + f64::from(row % 2)).collect();
        let [variance] = batch([&values], &[2], || Variance::new(2));
        assert!(variance[1..].iter().all(|&v| v == 0.25), "{variance:?}");
    }

    #[test]
    fn a_flat_window_after_an_outlier_is_exactly_zero() {
        let [variance] = batch([&[1e9, 0.1, 0.1, 0.1, 0.1]], &[3], || Variance::new(3));
        assert_eq!(variance[3..], [0.0, 0.0]);
    }
}
