//! What time it is at the exchange.

use std::time::Duration;

use tradai_domain::Millis;

/// How far the exchange's clock is ahead of ours, from its answers to "what time is it?".
///
/// The exchange looked at its clock somewhere between our question and its answer; the middle is off by half the
/// way at most. A slow answer says less than a quick one: it replaces the offset only once that is old.
#[derive(Debug, Clone, Default)]
pub struct ServerTime {
    measured: Option<Measured>,
    doubted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    at: Millis,
    offset_ms: i64,
    round_trip_ms: i64,
}

/// How long a measurement holds.
const FRESH: Duration = Duration::from_secs(300);

impl ServerTime {
    /// Takes in an answer: when we asked, when it came, and what it said. Answers that came before they were asked
    /// for (our clock was set back) are ignored.
    pub fn measure(&mut self, asked: Millis, answered: Millis, server: Millis) {
        let Some(round_trip_ms) = answered.checked_sub(asked).filter(|trip| *trip >= 0) else { return };
        let middle = asked + round_trip_ms / 2;
        let new = Measured { at: answered, offset_ms: server.saturating_sub(middle), round_trip_ms };
        let keeps =
            self.measured.is_some_and(|old| old.round_trip_ms < round_trip_ms && !stale(old, answered));
        if self.doubted || !keeps {
            (self.measured, self.doubted) = (Some(new), false);
        }
    }

    /// Takes what was measured for wrong: the exchange refused a request's time. It serves until the next
    /// measurement, which replaces it however slow it is.
    pub fn doubt(&mut self) {
        self.doubted = true;
    }

    /// Returns whether what was measured was taken for wrong.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.doubted
    }

    /// Returns how far the exchange's clock is ahead of ours; `None` until it was asked.
    #[must_use]
    pub fn offset_ms(&self) -> Option<i64> {
        self.measured.map(|measured| measured.offset_ms)
    }

    /// Returns a moment that the exchange's clock has passed at our `now`; `None` without a measurement that is fresh
    /// and not doubted. It holds as long as our clock was not put forward since: by more than a measurement is fresh
    /// for, that shows here; by less it shows with the next measurement only.
    #[must_use]
    pub fn passed(&self, now: Millis) -> Option<Millis> {
        let measured = self.measured.filter(|_| !self.is_stale(now))?;
        Some(self.at(now).saturating_sub(measured.round_trip_ms / 2 + 1))
    }

    /// Returns whether it is time to ask again.
    #[must_use]
    pub fn is_stale(&self, now: Millis) -> bool {
        self.doubted || self.measured.is_none_or(|measured| stale(measured, now))
    }

    /// Returns the exchange's time at our `now`; ours until it was asked.
    #[must_use]
    pub fn at(&self, now: Millis) -> Millis {
        now.saturating_add(self.measured.map_or(0, |measured| measured.offset_ms))
    }
}

fn stale(measured: Measured, now: Millis) -> bool {
    let fresh_ms = i64::try_from(FRESH.as_millis()).unwrap_or(i64::MAX);
    now.saturating_sub(measured.at) > fresh_ms
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slow_answer_does_not_spoil_a_quick_one() {
        let mut time = ServerTime::default();
        assert!(time.is_stale(0));
        time.measure(1_000, 1_020, 4_010);
        assert_eq!(time.at(2_000), 5_000);
        time.measure(2_000, 4_000, 9_000);
        assert_eq!(time.at(2_000), 5_000);
        assert!(time.is_stale(301_021));
        time.measure(301_021, 303_021, 306_021);
        assert_eq!(time.at(0), 4_000);
        time.doubt();
        assert!(time.is_stale(303_022));
        assert_eq!(time.at(0), 4_000, "still the best there is");
        assert_eq!(time.passed(0), None, "but nothing is sure by it");
        time.measure(310_000, 319_000, 320_000);
        assert_eq!(time.at(0), 5_500);
        assert_eq!(time.passed(0), Some(999));
        assert!(time.passed(619_000).is_some());
        assert_eq!(time.passed(619_001), None, "our clock may have been put forward");
    }

    proptest! {
        #[test]
        fn the_error_is_at_most_half_the_way(offset in -10_000..10_000_i64, out in 0..2_000_i64, back in 0..2_000_i64) {
            let mut time = ServerTime::default();
            time.measure(0, out + back, out + offset);
            prop_assert!((time.at(0) - offset).abs() <= (out + back) / 2 + 1);
            prop_assert!(time.passed(0).unwrap() <= offset);
        }
    }
}
