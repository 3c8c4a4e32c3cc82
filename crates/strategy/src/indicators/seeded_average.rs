//! The start shared by all exponential averages.

use super::params::count;

/// The mean of the first `period` values, then whatever a step makes of the average.
#[derive(Debug, Clone)]
pub(super) struct SeededAverage {
    period: usize,
    seen: usize,
    /// Sum of the values while there are fewer than `period`, then the average.
    value: f64,
}

impl SeededAverage {
    /// `period` is at least one.
    pub(super) fn new(period: usize) -> Self {
        Self { period, seen: 0, value: 0.0 }
    }

    /// Takes the next value. Until `period` values are in, it only counts towards the mean; afterwards
    /// `step` turns the previous average into the new one.
    #[inline]
    pub(super) fn next(&mut self, value: f64, step: impl FnOnce(f64) -> f64) -> Option<f64> {
        if self.seen == self.period {
            self.value = step(self.value);
            return Some(self.value);
        }
        self.seen += 1;
        self.value += value;
        if self.seen < self.period {
            return None;
        }
        self.value /= count(self.period);
        Some(self.value)
    }

    /// The average so far, or `None` while there are fewer than `period` values.
    #[inline]
    pub(super) fn current(&self) -> Option<f64> {
        (self.seen == self.period).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_from_the_mean_then_steps() {
        let mut average = SeededAverage::new(2);
        assert_eq!(average.next(1.0, |_| f64::NAN), None);
        assert_eq!(average.current(), None);
        assert_eq!(average.next(5.0, |_| f64::NAN), Some(3.0));
        assert_eq!(average.next(7.0, |previous| previous * 2.0), Some(6.0));
        assert_eq!(average.current(), Some(6.0));
    }
}
