//! What becomes of a state that failed: it is tried again, what failed is caught, or the branch ends.

use std::time::Duration;

use super::execute::check_size;
use super::{Running, millis};
use crate::workflow::document::{ResultPath, Retrier, State};
use crate::workflow::fault::WorkflowFault;
use crate::workflow::history::WorkflowStep;
use crate::workflow::random::Random;
use crate::workflow::store::{Cursor, To};

/// The longest that a retry waits, whatever its numbers come to: a year.
const LONGEST_DELAY: Duration = Duration::from_secs(31_536_000);

impl Running {
    pub(super) fn recover(
        &self,
        state: &State,
        cursor: Cursor,
        fault: WorkflowFault,
        of_task: bool,
    ) -> (WorkflowStep, To) {
        let name = cursor.state.clone();
        let fault = fault.clipped();
        let recovery = state.recovery();
        let retriers = recovery.map_or(&[][..], |recovery| &recovery.retry);
        let matching = retriers.iter().position(|retrier| is_meant(&retrier.errors, &fault, of_task));
        if let Some(at) = matching
            && let Some(again) = self.again(&cursor, at, &retriers[at])
        {
            let retry_at = again.resume_at.unwrap_or_default();
            return (WorkflowStep::StateRetried { state: name, retry_at, fault }, To::Again(again));
        }
        let catchers = recovery.map_or(&[][..], |recovery| &recovery.catch);
        let Some(catcher) = catchers.iter().find(|catcher| is_meant(&catcher.errors, &fault, of_task)) else {
            let failed = WorkflowStep::StateFailed { state: name, fault: fault.clone() };
            return (failed, To::End(Err((fault, of_task))));
        };
        let caught = match &catcher.result {
            ResultPath::Discard => Ok(cursor.input),
            ResultPath::At(place) => place.put(cursor.input, fault.output()),
        };
        match caught.and_then(|input| check_size(&input).map(|()| input)) {
            Ok(input) => {
                let next = catcher.next.clone();
                (WorkflowStep::FaultCaught { state: name, fault }, To::State { name: next, input })
            }
            Err(fault) => {
                let failed = WorkflowStep::StateFailed { state: name, fault: fault.clone() };
                (failed, To::End(Err((fault, false))))
            }
        }
    }

    /// Returns where the state is tried again, or `None` when it was tried often enough.
    fn again(&self, cursor: &Cursor, at: usize, retrier: &Retrier) -> Option<Cursor> {
        let mut again = cursor.clone();
        again.retries.resize(again.retries.len().max(at + 1), 0);
        let done = again.retries[at];
        if done >= retrier.attempts {
            return None;
        }
        again.retries[at] += 1;
        let seed = format!("{}/{}/retry", self.run.seed, cursor.attempt());
        let delay = delay(retrier, done, &Random::new(seed));
        again.resume_at = Some(self.clock.now_ms().saturating_add(millis(delay)));
        again.called_at = None;
        Some(again)
    }
}

fn is_meant(names: &[String], fault: &WorkflowFault, of_task: bool) -> bool {
    names.iter().any(|name| fault.matches(name, of_task))
}

/// Returns how long to wait before trying again, when that was done so often before.
fn delay(retrier: &Retrier, done: u32, random: &Random) -> Duration {
    let longest = retrier.longest.map_or(LONGEST_DELAY, |seconds| Duration::from_secs(seconds.into()));
    let grown = f64::from(retrier.interval) * retrier.backoff.powi(i32::try_from(done).unwrap_or(i32::MAX));
    let seconds = grown.min(longest.as_secs_f64()).min(LONGEST_DELAY.as_secs_f64());
    let share = if retrier.full_jitter { random.fraction() } else { 1.0 };
    Duration::from_secs_f64(seconds * share)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(interval: u32, backoff: f64, longest: Option<u32>) -> Vec<u64> {
        let retrier =
            Retrier { errors: Vec::new(), interval, attempts: 4, backoff, longest, full_jitter: false };
        (0..4).map(|done| delay(&retrier, done, &Random::new("")).as_secs()).collect()
    }

    #[test]
    fn delays_grow_to_their_bound() {
        // The example of AWS's documentation: an interval of 3 seconds and a rate of 2.
        assert_eq!(delays(3, 2.0, None), [3, 6, 12, 24]);
        assert_eq!(delays(3, 2.0, Some(10)), [3, 6, 10, 10]);
        assert_eq!(delays(1, 1.0, None), [1, 1, 1, 1]);
        assert_eq!(delays(u32::MAX, 1e300, None), [31_536_000; 4]);
    }

    #[test]
    fn jitter_stays_below_the_delay_and_is_the_same_after_a_kill() {
        let retrier = Retrier {
            errors: Vec::new(),
            interval: 8,
            attempts: 3,
            backoff: 2.0,
            longest: None,
            full_jitter: true,
        };
        let draw = |seed: &str| delay(&retrier, 1, &Random::new(seed));
        let drawn: Vec<Duration> = (0..50).map(|seed| draw(&seed.to_string())).collect();
        assert!(drawn.iter().all(|delay| *delay < Duration::from_secs(16)));
        assert!(drawn.iter().max() > drawn.iter().min());
        assert_eq!(draw("7"), drawn[7]);
    }
}
