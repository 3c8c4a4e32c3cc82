//! Time stamps in whatever unit a file has them.

use tradai_domain::Millis;

/// The unit of a stored integer time stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    Seconds,
    Millis,
    Micros,
    Nanos,
    Days,
    /// The file does not say: each stamp's size tells ([`TimeUnit::of_stamp`]).
    Unknown,
}

impl TimeUnit {
    /// Guesses the unit of a moment between 1973 and 5138: those times have 10-11, 12-14, 15-17 and 18-19
    /// digits in the four units, so no stamp of a market is read wrongly.
    fn of_stamp(stamp: i64) -> Self {
        match stamp.unsigned_abs() {
            0..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Millis,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Micros,
            _ => Self::Nanos,
        }
    }

    /// Converts a stamp to milliseconds, rounding down. Saturates where the result would overflow.
    pub(crate) fn to_millis(self, stamp: i64) -> Millis {
        match self {
            Self::Seconds => stamp.saturating_mul(1_000),
            Self::Millis => stamp,
            Self::Micros => stamp.div_euclid(1_000),
            Self::Nanos => stamp.div_euclid(1_000_000),
            Self::Days => stamp.saturating_mul(86_400_000),
            Self::Unknown => Self::of_stamp(stamp).to_millis(stamp),
        }
    }

    /// Converts a column in place.
    pub(crate) fn convert(self, stamps: &mut [i64]) {
        if self != Self::Millis {
            for stamp in stamps {
                *stamp = self.to_millis(*stamp);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_tells_the_unit() {
        for stamp in [1_502_942_400, 1_502_942_400_000, 1_502_942_400_000_000, 1_502_942_400_000_000_000] {
            assert_eq!(TimeUnit::Unknown.to_millis(stamp), 1_502_942_400_000, "{stamp}");
        }
        assert_eq!(TimeUnit::Seconds.to_millis(i64::MAX), i64::MAX);
        assert_eq!(TimeUnit::Days.to_millis(17_395), 1_502_928_000_000);
    }
}
