//! The exchange's own time: stepped by hand, or running at a multiple of the machine's.
//!
//! Invariant: it never goes back, whatever the machine's clock does.

use std::sync::Arc;

use tradai_domain::{Clock, Millis};

/// How the exchange's time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// It stands still until `POST /_sandbox/clock` moves it.
    Stepped,
    /// It runs this many times as fast as the machine's; 1 to 10,000.
    Running(u32),
}

/// Fastest pace: 10,000 times, a minute candle every 6 ms.
pub(crate) const MAX_RATE: u32 = 10_000;

/// The exchange's clock. Asked by the engine, which then catches up with it.
pub(crate) struct VirtualClock {
    machine: Arc<dyn Clock>,
    pace: Pace,
    /// Virtual time at `since`.
    base: Millis,
    /// Machine time when `base` was set.
    since: Millis,
    latest: Millis,
}

impl VirtualClock {
    /// Returns a clock that shows `start` now.
    pub(crate) fn new(machine: Arc<dyn Clock>, start: Millis, pace: Pace) -> Self {
        let since = machine.now_ms();
        Self { machine, pace, base: start, since, latest: start }
    }

    /// Returns the exchange's time.
    pub(crate) fn now(&mut self) -> Millis {
        let shown = match self.pace {
            Pace::Stepped => self.base,
            Pace::Running(rate) => {
                let elapsed = self.machine.now_ms().saturating_sub(self.since).max(0);
                self.base.saturating_add(elapsed.saturating_mul(i64::from(rate)))
            }
        };
        self.latest = self.latest.max(shown);
        self.latest
    }

    /// Moves time forward.
    pub(crate) fn advance(&mut self, millis: Millis) {
        let now = self.now();
        self.base = now.saturating_add(millis.max(0));
        self.since = self.machine.now_ms();
    }

    /// Changes the pace from now on; rates are clamped to what is allowed.
    pub(crate) fn set_pace(&mut self, pace: Pace) {
        self.advance(0);
        self.pace = match pace {
            Pace::Running(rate) => Pace::Running(rate.clamp(1, MAX_RATE)),
            Pace::Stepped => Pace::Stepped,
        };
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tradai_domain::ManualClock;

    #[test]
    fn runs_at_a_multiple_and_keeps_time_over_changes_of_pace() {
        let machine = Arc::new(ManualClock::at(50));
        let mut clock = VirtualClock::new(machine.clone(), 1_000, Pace::Running(10));
        machine.advance(7);
        assert_eq!(clock.now(), 1_070);
        clock.set_pace(Pace::Stepped);
        machine.advance(1_000);
        assert_eq!(clock.now(), 1_070);
        clock.advance(30);
        clock.set_pace(Pace::Running(1));
        machine.advance(-500);
        assert_eq!(clock.now(), 1_100, "a machine clock set back does not take us along");
    }
}
