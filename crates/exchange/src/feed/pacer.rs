//! So many events per window of time, and no more.

use std::collections::VecDeque;
use std::time::Duration;

use tradai_domain::Millis;

/// A sliding window. Where an exchange counts in fixed ones, no fixed one holds more than this allows either.
#[derive(Debug)]
pub(crate) struct Pacer {
    most: usize,
    window_ms: Millis,
    past: VecDeque<Millis>,
}

impl Pacer {
    pub(crate) fn new(most: usize, window: Duration) -> Self {
        let window_ms = Millis::try_from(window.as_millis()).unwrap_or(Millis::MAX);
        Self { most: most.max(1), window_ms, past: VecDeque::new() }
    }

    /// Returns from when on there may be another event; now or earlier when there may be one now.
    pub(crate) fn free_at(&self) -> Millis {
        match self.past.front() {
            Some(oldest) if self.past.len() >= self.most => oldest.saturating_add(self.window_ms),
            _ => Millis::MIN,
        }
    }

    /// Counts an event, if there may be one now.
    pub(crate) fn try_take(&mut self, now: Millis) -> bool {
        if now < self.free_at() {
            return false;
        }
        if self.past.len() >= self.most {
            self.past.pop_front();
        }
        self.past.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_holds_more_than_allowed() {
        let mut pacer = Pacer::new(4, Duration::from_secs(1));
        let taken: Vec<i64> = (0..400).map(|step| step * 10).filter(|now| pacer.try_take(*now)).collect();
        assert_eq!(taken.len(), 16);
        for from in 0..3_000 {
            assert!(taken.iter().filter(|at| (from..from + 1_000).contains(*at)).count() <= 4);
        }
        assert_eq!(pacer.free_at(), 4_000);
    }
}
