//! A circuit breaker: who does not answer is left alone for a while. One per exchange, and per service that another
//! one asks.

use std::time::Duration;

use crate::Millis;

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go through.
    Closed,
    /// No call goes through before this moment.
    Open {
        /// When one call may try.
        until: Millis,
    },
    /// One call is under way to see whether the other side is back.
    HalfOpen,
}

/// Opens after so many failures in a row, lets one call try after a pause, and doubles the pause each time that
/// fails, up to sixteen times. Only what may have been the other side's or the network's fault counts as a failure.
#[derive(Debug, Clone)]
pub struct Breaker {
    failures_to_open: u32,
    pause_ms: i64,
    failures: u32,
    reopened: u32,
    state: BreakerState,
}

/// How often the pause doubles at most.
const MAX_DOUBLINGS: u32 = 4;

impl Breaker {
    /// Returns a closed breaker.
    #[must_use]
    pub fn new(failures_to_open: u32, pause: Duration) -> Self {
        let pause_ms = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
        Self {
            failures_to_open: failures_to_open.max(1),
            pause_ms,
            failures: 0,
            reopened: 0,
            state: BreakerState::Closed,
        }
    }

    /// Returns where it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        self.state
    }

    /// Returns whether a call may go at `now`. When the pause is over, the first to ask may, and no other until
    /// that call has ended.
    pub fn allows(&mut self, now: Millis) -> bool {
        match self.state {
            BreakerState::Closed => true,
            BreakerState::Open { until } if now >= until => {
                self.state = BreakerState::HalfOpen;
                true
            }
            BreakerState::Open { .. } | BreakerState::HalfOpen => false,
        }
    }

    /// Returns how long calls are refused at `now`; `None` when one may go. Lets nobody through by itself.
    #[must_use]
    pub fn refuses(&self, now: Millis) -> Option<Duration> {
        let millis = match self.state {
            BreakerState::Closed => return None,
            BreakerState::Open { until } if now >= until => return None,
            BreakerState::Open { until } => until.saturating_sub(now),
            BreakerState::HalfOpen => self.pause_ms,
        };
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
    }

    /// A call that was let through will never report: its caller has left. If it was the one to try, the next to
    /// ask may.
    pub fn abandoned(&mut self, now: Millis) {
        if self.state == BreakerState::HalfOpen {
            self.state = BreakerState::Open { until: now };
        }
    }

    /// A call came back, be it with a refusal: the other side is there.
    pub fn succeeded(&mut self) {
        (self.failures, self.reopened, self.state) = (0, 0, BreakerState::Closed);
    }

    /// A call failed on the way.
    pub fn failed(&mut self, now: Millis) {
        self.failures = self.failures.saturating_add(1);
        match self.state {
            BreakerState::HalfOpen => {
                self.reopened = (self.reopened + 1).min(MAX_DOUBLINGS);
                self.open(now);
            }
            BreakerState::Closed if self.failures >= self.failures_to_open => self.open(now),
            BreakerState::Closed | BreakerState::Open { .. } => {}
        }
    }

    fn open(&mut self, now: Millis) {
        let pause = self.pause_ms.saturating_mul(1_i64 << self.reopened);
        self.state = BreakerState::Open { until: now.saturating_add(pause) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_tries_once_and_closes() {
        let mut breaker = Breaker::new(2, Duration::from_secs(10));
        breaker.failed(0);
        assert!(breaker.allows(0));
        breaker.failed(1);
        assert!(!breaker.allows(10_000));
        assert!(breaker.allows(10_001));
        assert!(!breaker.allows(10_002), "only one call may try");
        breaker.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn a_try_whose_caller_leaves_is_handed_on() {
        let mut breaker = Breaker::new(1, Duration::from_secs(10));
        breaker.failed(0);
        assert_eq!(breaker.refuses(4_000), Some(Duration::from_secs(6)));
        assert!(breaker.allows(10_000));
        assert!(breaker.refuses(10_000).is_some(), "one is trying");
        breaker.abandoned(10_500);
        assert_eq!(breaker.refuses(10_500), None);
        assert!(breaker.allows(10_500));
        breaker.succeeded();
        breaker.abandoned(10_600);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn every_failed_try_doubles_the_pause_up_to_a_bound() {
        let mut breaker = Breaker::new(1, Duration::from_secs(1));
        let mut now = 0;
        let mut pauses = Vec::new();
        breaker.failed(now);
        for _ in 0..7 {
            let BreakerState::Open { until } = breaker.state() else { panic!("it is open") };
            pauses.push((until - now) / 1_000);
            now = until;
            assert!(breaker.allows(now));
            breaker.failed(now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 16, 16]);
    }
}
