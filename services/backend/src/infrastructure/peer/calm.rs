//! When a peer may be called, and when again: its breaker, and pauses.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tradai_domain::{Breaker, Clock, IdSource};

/// Failures in a row after which a peer is left alone.
const FAILURES_TO_OPEN: u32 = 3;
/// For how long it is, at first.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause before a first repetition; each following one is twice as long.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);

/// What all who call one peer know together.
pub(super) struct Calm {
    breaker: Mutex<Breaker>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
}

/// Leave to call. Who leaves before the answer hands it on.
pub(super) struct Pass<'a> {
    calm: &'a Calm,
    is_reported: bool,
}

impl Calm {
    pub(super) fn new(clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { breaker: Mutex::new(Breaker::new(FAILURES_TO_OPEN, PAUSE)), clock, ids }
    }

    /// Returns how long the peer is left alone; `None` when it may be called. Lets nobody through.
    pub(super) fn refuses(&self) -> Option<Duration> {
        self.breaker().refuses(self.clock.now_ms())
    }

    /// Lets a call through, or says how long the peer is left alone.
    pub(super) fn pass(&self) -> Result<Pass<'_>, Duration> {
        let now = self.clock.now_ms();
        let mut breaker = self.breaker();
        if breaker.allows(now) {
            return Ok(Pass { calm: self, is_reported: false });
        }
        Err(breaker.refuses(now).unwrap_or(PAUSE))
    }

    /// Returns the pause before a repetition, the first of which is 0: with up to as much again, so that those who
    /// failed together do not come back together.
    pub(super) fn backoff(&self, repetition: u32) -> Duration {
        let pause = FIRST_BACKOFF * 2_u32.saturating_pow(repetition);
        let random = u32::try_from(self.ids.next(self.clock.as_ref()).as_u128() & 0xff).unwrap_or(0);
        pause + pause * random / 256
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Says what became of the call.
    pub(super) fn report(mut self, has_failed: bool) {
        self.is_reported = true;
        let mut breaker = self.calm.breaker();
        if has_failed { breaker.failed(self.calm.clock.now_ms()) } else { breaker.succeeded() }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if !self.is_reported {
            self.calm.breaker().abandoned(self.calm.clock.now_ms());
        }
    }
}
