//! How long to wait before a lost socket is opened again.

use std::time::Duration;

/// A row of attempts: the first at once, then pauses drawn below a bound that doubles ("full jitter", so that
/// clients that were cut off together do not come back together).
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    seed: u64,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, attempts: 0, seed }
    }

    /// Returns how long to wait before the next attempt.
    pub(crate) fn next(&mut self) -> Duration {
        let doublings = self.attempts.checked_sub(1);
        self.attempts = self.attempts.saturating_add(1);
        let Some(doublings) = doublings else { return Duration::ZERO };
        let bound = self.first.saturating_mul(1 << doublings.min(16)).min(self.longest);
        let millis = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.draw() % millis.max(1))
    }

    /// The row has ended well.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// SplitMix64.
    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_at_once_and_the_rest_spread_below_a_bound_that_doubles() {
        let mut highest = [0; 12];
        for seed in 0..300 {
            let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30), seed);
            for most in &mut highest {
                *most = backoff.next().as_millis().max(*most);
            }
            backoff.reset();
            assert_eq!(backoff.next(), Duration::ZERO);
        }
        let bounds = [1, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000];
        for (most, bound) in highest.iter().zip(bounds) {
            assert!(*most < bound && *most >= bound * 9 / 10, "{highest:?}");
        }
    }
}
