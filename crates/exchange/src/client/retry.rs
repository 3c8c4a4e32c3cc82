//! When to ask once more, and after how long.
//!
//! Pure: draws come from a seed. Invariant: the retries of all calls together stay a fraction of the calls that
//! work, so that an exchange in trouble does not get the traffic of its clients several times over.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

/// How often and how fast calls that are safe to repeat are repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How often a call is tried at most, the first time included.
    pub attempts: u32,
    /// Up to how long the first pause is; the bound doubles with every further one.
    pub first_pause: Duration,
    /// The longest bound of a pause.
    pub longest_pause: Duration,
    /// How many retries all calls may have in stock.
    pub stock: u32,
    /// How many calls have to work for one more retry.
    pub calls_per_retry: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_pause: Duration::from_millis(250),
            longest_pause: Duration::from_secs(5),
            stock: 20,
            calls_per_retry: 10,
        }
    }
}

/// The retries in stock, and the draws of pauses.
#[derive(Debug)]
pub(crate) struct Retries {
    policy: RetryPolicy,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// In parts: a retry is `calls_per_retry` of them.
    parts: u32,
    seed: u64,
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy, seed: u64) -> Self {
        let parts = policy.stock.saturating_mul(policy.calls_per_retry.max(1));
        Self { policy, state: Mutex::new(State { parts, seed }) }
    }

    /// A call worked.
    pub(crate) fn worked(&self) {
        let most = self.policy.stock.saturating_mul(self.policy.calls_per_retry.max(1));
        let mut state = self.lock();
        state.parts = state.parts.saturating_add(1).min(most);
    }

    /// Returns how long to wait before a call that failed `tries` times is tried again, and takes a retry from the
    /// stock; `None` when it has been tried often enough, or the stock is empty.
    pub(crate) fn again(&self, tries: u32) -> Option<Duration> {
        if tries >= self.policy.attempts {
            return None;
        }
        {
            let mut state = self.lock();
            state.parts = state.parts.checked_sub(self.policy.calls_per_retry.max(1))?;
        }
        Some(self.pause(tries))
    }

    /// Draws a pause between nothing and the bound ("full jitter"), so that clients that failed together do not
    /// come back together.
    pub(crate) fn pause(&self, tries: u32) -> Duration {
        let doubled = self.policy.first_pause.saturating_mul(1 << tries.saturating_sub(1).min(16));
        self.jitter(doubled.min(self.policy.longest_pause))
    }

    /// Draws from `[0, bound)`.
    fn jitter(&self, bound: Duration) -> Duration {
        let drawn = self.draw();
        let nanos = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(nanos) * u128::from(drawn)) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
    }

    /// SplitMix64.
    fn draw(&self) -> u64 {
        let mut state = self.lock();
        state.seed = state.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A panic elsewhere left two numbers, both of which are always valid.
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_tried_so_often_and_no_more() {
        let retries = Retries::new(RetryPolicy::default(), 1);
        assert!(retries.again(1).is_some());
        assert!(retries.again(3).is_some());
        assert_eq!(retries.again(4), None);
    }

    #[test]
    fn failing_calls_together_use_up_the_stock_and_working_ones_fill_it() {
        let retries = Retries::new(RetryPolicy::default(), 1);
        assert_eq!((0..1_000).filter(|_| retries.again(1).is_some()).count(), 20);
        (0..9).for_each(|_| retries.worked());
        assert_eq!(retries.again(1), None);
        retries.worked();
        assert!(retries.again(1).is_some());
        assert_eq!(retries.again(1), None);
        (0..100_000).for_each(|_| retries.worked());
        assert_eq!((0..1_000).filter(|_| retries.again(1).is_some()).count(), 20, "the stock is bounded");
    }

    #[test]
    fn pauses_spread_below_a_bound_that_doubles_up_to_a_limit() {
        let retries = Retries::new(RetryPolicy::default(), 7);
        for (tries, bound) in [(1, 250), (2, 500), (3, 1_000), (9, 5_000), (60, 5_000)] {
            let drawn: Vec<u128> = (0..200).map(|_| retries.pause(tries).as_millis()).collect();
            let (low, high) = (drawn.iter().min().unwrap(), drawn.iter().max().unwrap());
            assert!(*high < bound && *high > bound * 9 / 10 && *low < bound / 10, "{tries}: {low} to {high}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_pauses() {
        let pauses = |seed| {
            let retries = Retries::new(RetryPolicy::default(), seed);
            [retries.pause(1), retries.pause(2)]
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
