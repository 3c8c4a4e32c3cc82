//! Wilder's smoothed average, the base of RSI, ATR and ADX.

use super::kernel::Kernel;
use super::params::count;

/// Mean of the first `period` values, then `(previous * (period - 1) + value) / period`.
///
/// Source: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978).
#[derive(Debug, Clone)]
pub(super) struct Wilder {
    period: usize,
    seen: usize,
    /// Sum of the values while there are fewer than `period`, then the average.
    value: f64,
}

impl Wilder {
    pub(super) fn new(period: usize) -> Self {
        Self { period, seen: 0, value: 0.0 }
    }

    /// The average so far, or `None` while there are fewer than `period` values.
    #[inline]
    pub(super) fn average(&self) -> Option<f64> {
        (self.seen == self.period).then_some(self.value)
    }
}

impl Kernel<1, 1> for Wilder {
    #[inline]
    fn next(&mut self, [value]: [f64; 1]) -> Option<[f64; 1]> {
        if self.seen == self.period {
            self.value = (self.value * count(self.period - 1) + value) / count(self.period);
            return Some([self.value]);
        }
        self.seen += 1;
        self.value += value;
        if self.seen < self.period {
            return None;
        }
        self.value /= count(self.period);
        Some([self.value])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicators::kernel::batch;
    use crate::indicators::testing::assert_column;

    #[test]
    fn starts_from_the_mean_then_decays_by_one_over_the_period() {
        // (1+2+6)/3 = 3; (3*2+9)/3 = 5; (5*2+2)/3 = 4.
        let [average] = batch([&[1.0, 2.0, 6.0, 9.0, 2.0]], &[3], || Wilder::new(3));
        assert_column(&average, &[f64::NAN, f64::NAN, 3.0, 5.0, 4.0]);
    }
}
