//! How far a job is.

use serde::{Deserialize, Serialize};

/// How much of a job is done, in steps of a thousandth. Written as a fraction between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(from = "f64", into = "f64")]
pub struct Progress(u16);

impl Progress {
    /// Nothing is done yet.
    pub const NONE: Self = Self(0);
    /// All is done.
    pub const DONE: Self = Self(1_000);

    /// Returns `done` of `total`; everything of nothing is done.
    #[must_use]
    pub fn of(done: u64, total: u64) -> Self {
        if total == 0 {
            return Self::DONE;
        }
        let thousandths = u128::from(done.min(total)) * 1_000 / u128::from(total);
        Self(u16::try_from(thousandths).unwrap_or(1_000))
    }

    /// Returns the thousandths.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

impl From<f64> for Progress {
    /// Rounds down to a thousandth; what lies outside 0 to 1 counts as the nearer end, no number as 0.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast rounds down and makes 0 of no number, and this is 0 to 1000"
    )]
    fn from(fraction: f64) -> Self {
        // 0.29 * 1000 is 289.999…: a millionth of a thousandth makes up for it.
        Self((fraction.clamp(0.0, 1.0) * 1_000.0 + 1e-6) as u16)
    }
}

impl From<Progress> for f64 {
    fn from(progress: Progress) -> Self {
        Self::from(progress.0) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_its_own_notation() {
        for n in 0..=1_000_u16 {
            let progress = Progress::of(u64::from(n), 1_000);
            assert_eq!(progress.thousandths(), n);
            assert_eq!(Progress::from(f64::from(progress)), progress);
            let text = serde_json::to_string(&progress).unwrap();
            assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
        }
    }

    #[test]
    fn what_is_no_fraction_counts_as_the_nearer_end() {
        assert_eq!(Progress::from(-1.0), Progress::NONE);
        assert_eq!(Progress::from(f64::NAN), Progress::NONE);
        assert_eq!(Progress::from(f64::INFINITY), Progress::DONE);
        assert_eq!(Progress::of(7, 0), Progress::DONE);
        assert_eq!(Progress::of(u64::MAX, u64::MAX), Progress::DONE);
    }
}
