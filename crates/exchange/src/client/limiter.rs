//! The budget of calls: weights per window, resynchronised with what the exchange says it has counted.

use std::time::Duration;

use tradai_domain::Millis;

use crate::Lane;

/// Whether a call may go now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may; its weight is taken.
    Go,
    /// Not before this much time has passed; nothing is taken.
    Wait(Duration),
}

/// A budget per window, shared by all calls from one address.
///
/// The lanes share it unequally: market data may use half, what reads the account three quarters, orders nine
/// tenths, and cancellations all. So whatever else is going on, there is room to take risk away.
#[derive(Debug, Clone)]
pub struct Limiter {
    capacity: u32,
    window_ms: i64,
    window: i64,
    used: u32,
}

impl Limiter {
    /// Returns a budget of `capacity` per `window`; windows are aligned with the clock, as exchanges count them.
    #[must_use]
    pub fn new(capacity: u32, window: Duration) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1);
        Self { capacity: capacity.max(1), window_ms, window: 0, used: 0 }
    }

    /// Returns whether `weight` fits at `now`, without taking it. A weight beyond the lane's share goes when the
    /// window is empty: it would never fit otherwise.
    pub fn check(&mut self, lane: Lane, weight: u32, now: Millis) -> Decision {
        self.roll(now);
        if self.used.saturating_add(weight) <= self.share(lane) || self.used == 0 {
            return Decision::Go;
        }
        let next = (self.window + 1).saturating_mul(self.window_ms);
        wait(next.saturating_sub(now))
    }

    /// Takes `weight`, whether it fits or not.
    pub fn take(&mut self, weight: u32, now: Millis) {
        self.roll(now);
        self.used = self.used.saturating_add(weight);
    }

    /// Asks for `weight` at `now`, and takes it when it may go.
    pub fn ask(&mut self, lane: Lane, weight: u32, now: Millis) -> Decision {
        let decision = self.check(lane, weight, now);
        if decision == Decision::Go {
            self.take(weight, now);
        }
        decision
    }

    /// Takes over what the exchange says it has counted in the current window, in the answer to a call of `asked`.
    /// Never lowers our own count: calls under way are not in the exchange's yet. A call of another window may have
    /// been counted there: what its answer says is not of this one.
    pub fn resync(&mut self, used: u32, asked: Millis, now: Millis) {
        self.roll(now);
        if asked.div_euclid(self.window_ms) == self.window {
            self.used = self.used.max(used);
        }
    }

    /// Takes over what the exchange says it allows.
    pub fn set_capacity(&mut self, capacity: u32) {
        self.capacity = capacity.max(1);
    }

    /// Returns what is taken in the current window.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Returns what a window holds.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Returns the length of a window in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// A later window starts empty. An earlier one, after the clock was set back, keeps the count: what was sent
    /// may lie in it.
    fn roll(&mut self, now: Millis) {
        let window = now.div_euclid(self.window_ms);
        if window > self.window {
            self.used = 0;
        }
        self.window = window;
    }

    fn share(&self, lane: Lane) -> u32 {
        lane_share(self.capacity, lane)
    }
}

/// Returns how much of a capacity a lane may use.
pub(crate) fn lane_share(capacity: u32, lane: Lane) -> u32 {
    let capacity = u64::from(capacity);
    let share = match lane {
        Lane::Cancel => capacity,
        Lane::Order => capacity * 9 / 10,
        Lane::Account => capacity * 3 / 4,
        Lane::Data => capacity / 2,
    };
    u32::try_from(share).unwrap_or(u32::MAX).max(1)
}

fn wait(millis: i64) -> Decision {
    Decision::Wait(Duration::from_millis(u64::try_from(millis).unwrap_or(0).max(1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn data_leaves_room_for_cancellations() {
        let mut limiter = Limiter::new(100, MINUTE);
        assert_eq!(limiter.ask(Lane::Data, 50, 0), Decision::Go);
        assert_eq!(limiter.ask(Lane::Data, 1, 30_000), Decision::Wait(Duration::from_secs(30)));
        assert_eq!(limiter.ask(Lane::Order, 40, 30_000), Decision::Go);
        assert!(matches!(limiter.ask(Lane::Order, 1, 30_000), Decision::Wait(_)));
        assert_eq!(limiter.ask(Lane::Cancel, 10, 30_000), Decision::Go);
        assert_eq!(limiter.ask(Lane::Data, 1, 60_000), Decision::Go);
    }

    #[test]
    fn a_clock_set_back_neither_stalls_nor_forgets() {
        let mut limiter = Limiter::new(100, MINUTE);
        assert_eq!(limiter.ask(Lane::Cancel, 80, 10 * 60_000), Decision::Go);
        assert_eq!(limiter.check(Lane::Cancel, 21, 5 * 60_000), Decision::Wait(MINUTE));
        assert_eq!(limiter.check(Lane::Cancel, 21, 6 * 60_000), Decision::Go);
    }

    #[test]
    fn what_others_used_counts() {
        let mut limiter = Limiter::new(100, MINUTE);
        limiter.resync(95, 5, 10);
        assert!(matches!(limiter.ask(Lane::Order, 1, 20), Decision::Wait(_)));
        assert_eq!(limiter.ask(Lane::Cancel, 5, 20), Decision::Go);
        limiter.resync(3, 25, 30);
        assert_eq!(limiter.used(), 100);
    }

    #[test]
    fn a_late_answer_does_not_fill_the_new_window() {
        let mut limiter = Limiter::new(100, MINUTE);
        limiter.resync(100, 59_990, 60_010);
        assert_eq!(limiter.ask(Lane::Data, 50, 60_020), Decision::Go);
        limiter.resync(90, 60_020, 60_030);
        assert_eq!(limiter.used(), 90);
    }

    proptest! {
        #[test]
        fn no_window_takes_more_than_the_budget(asks in prop::collection::vec((0..4_usize, 1..40_u32, 0..5_000_i64), 1..200)) {
            let lanes = [Lane::Cancel, Lane::Order, Lane::Account, Lane::Data];
            let mut limiter = Limiter::new(100, Duration::from_secs(10));
            let (mut now, mut taken) = (0, std::collections::BTreeMap::new());
            for (lane, weight, gap) in asks {
                now += gap;
                if limiter.ask(lanes[lane], weight, now) == Decision::Go {
                    *taken.entry(now / 10_000).or_insert(0) += weight;
                }
            }
            prop_assert!(taken.values().all(|weight| *weight <= 100));
        }
    }
}
