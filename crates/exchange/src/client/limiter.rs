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

/// A budget of weight per window, shared by all calls from one address.
///
/// The lanes share it unequally: market data may use half, what reads the account three quarters, orders nine
/// tenths, and cancellations all. So whatever else is going on, there is room to take risk away.
///
/// Invariant: once the exchange says to wait, nothing is sent before that moment, cancellations included: going
/// on turns a limit into a ban.
#[derive(Debug, Clone)]
pub struct Limiter {
    capacity: u32,
    window_ms: i64,
    window: i64,
    used: u32,
    blocked_until: Millis,
}

impl Limiter {
    /// Returns a budget of `capacity` per `window`; windows are aligned with the clock, as exchanges count them.
    #[must_use]
    pub fn new(capacity: u32, window: Duration) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1);
        Self { capacity: capacity.max(1), window_ms, window: 0, used: 0, blocked_until: 0 }
    }

    /// Asks for `weight` at `now`. A weight beyond the lane's share goes when the window is empty: it would never
    /// fit otherwise.
    pub fn ask(&mut self, lane: Lane, weight: u32, now: Millis) -> Decision {
        if now < self.blocked_until {
            return wait(self.blocked_until - now);
        }
        self.roll(now);
        let after = self.used.saturating_add(weight);
        if after <= self.share(lane) || self.used == 0 {
            self.used = after;
            return Decision::Go;
        }
        let next = (self.window + 1).saturating_mul(self.window_ms);
        wait(next.saturating_sub(now))
    }

    /// Takes over what the exchange says it has counted in the current window. Never lowers our own count: calls
    /// under way are not in the exchange's yet.
    pub fn resync(&mut self, used: u32, now: Millis) {
        self.roll(now);
        self.used = self.used.max(used);
    }

    /// Stops everything for as long as the exchange wants.
    pub fn block(&mut self, wait: Duration, now: Millis) {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        self.blocked_until = self.blocked_until.max(now.saturating_add(wait_ms));
    }

    /// Returns the weight taken in the current window.
    #[must_use]
    pub fn used(&self) -> u32 {
        self.used
    }

    fn roll(&mut self, now: Millis) {
        let window = now.div_euclid(self.window_ms);
        if window > self.window {
            (self.window, self.used) = (window, 0);
        }
    }

    fn share(&self, lane: Lane) -> u32 {
        let capacity = u64::from(self.capacity);
        let share = match lane {
            Lane::Cancel => capacity,
            Lane::Order => capacity * 9 / 10,
            Lane::Account => capacity * 3 / 4,
            Lane::Data => capacity / 2,
        };
        u32::try_from(share).unwrap_or(u32::MAX).max(1)
    }
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
    fn a_limit_stops_everything_to_the_millisecond() {
        let mut limiter = Limiter::new(100, MINUTE);
        limiter.block(Duration::from_secs(7), 1_000);
        limiter.block(Duration::from_secs(1), 1_500);
        assert_eq!(limiter.ask(Lane::Cancel, 1, 7_999), Decision::Wait(Duration::from_millis(1)));
        assert_eq!(limiter.ask(Lane::Cancel, 1, 8_000), Decision::Go);
    }

    #[test]
    fn what_others_used_counts() {
        let mut limiter = Limiter::new(100, MINUTE);
        limiter.resync(95, 10);
        assert!(matches!(limiter.ask(Lane::Order, 1, 20), Decision::Wait(_)));
        assert_eq!(limiter.ask(Lane::Cancel, 5, 20), Decision::Go);
        limiter.resync(3, 30);
        assert_eq!(limiter.used(), 100);
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
