//! Locks: times during which a pair, or every pair, takes no new trade.

use serde::Serialize;
use tradai_domain::{Millis, Timeframe};

/// A lock that a protection made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lock {
    /// The pair, or `*` for all.
    pub pair: String,
    /// When it was made.
    pub lock_time: Millis,
    /// Until when it lasts (exclusive), on a candle boundary.
    pub lock_end_time: Millis,
    /// Why.
    pub reason: String,
    /// `long`, `short`, or `*` for both.
    pub side: &'static str,
}

/// All locks so far.
#[derive(Debug)]
pub(crate) struct Locks {
    locks: Vec<Lock>,
    timeframe: Timeframe,
    /// When the last lock ends; after that nothing is locked.
    latest_end: Millis,
}

pub(crate) const ALL_PAIRS: &str = "*";
pub(crate) const BOTH_SIDES: &str = "*";

impl Locks {
    pub(crate) fn new(timeframe: Timeframe) -> Self {
        Self { locks: Vec::new(), timeframe, latest_end: Millis::MIN }
    }

    pub(crate) fn into_vec(self) -> Vec<Lock> {
        self.locks
    }

    /// Whether no new trade may open on this pair and side.
    pub(crate) fn is_pair_locked(&self, pair: &str, now: Millis, side: &str) -> bool {
        // The newest locks are the ones that still hold.
        let none_left = self.latest_end <= now;
        !none_left
            && self.locks.iter().rev().any(|lock| {
                lock.lock_end_time > now
                    && (lock.pair == pair || lock.pair == ALL_PAIRS)
                    && (lock.side == BOTH_SIDES || lock.side == side)
            })
    }

    /// Locks a pair until the candle boundary strictly after `until`, unless it is locked until then already.
    pub(crate) fn lock(
        &mut self,
        pair: &str,
        until: Millis,
        reason: String,
        now: Millis,
        side: &'static str,
    ) {
        if self.is_pair_locked(pair, until, side) {
            return;
        }
        let lock_end_time = self.timeframe.floor(until) + self.timeframe.millis();
        let same = |lock: &Lock| {
            lock.lock_end_time == lock_end_time
                && lock.pair == pair
                && lock.reason == reason
                && lock.side == side
        };
        if lock_end_time > now && self.locks.iter().any(same) {
            return;
        }
        self.latest_end = self.latest_end.max(lock_end_time);
        self.locks.push(Lock { pair: pair.to_owned(), lock_time: now, lock_end_time, reason, side });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aligned_end_gets_one_more_candle() {
        let mut locks = Locks::new(Timeframe::M5);
        locks.lock("A/B", 600_000, "why".into(), 0, BOTH_SIDES);
        assert_eq!(locks.locks[0].lock_end_time, 900_000);
        assert!(locks.is_pair_locked("A/B", 899_999, "long"));
        assert!(!locks.is_pair_locked("A/B", 900_000, "long"));
        assert!(!locks.is_pair_locked("C/D", 0, "long"));
        locks.lock("A/B", 700_000, "why".into(), 0, BOTH_SIDES);
        assert_eq!(locks.locks.len(), 1);
        locks.lock(ALL_PAIRS, 1_000_000, "all".into(), 0, "short");
        assert!(locks.is_pair_locked("C/D", 0, "short") && !locks.is_pair_locked("C/D", 0, "long"));
    }
}
