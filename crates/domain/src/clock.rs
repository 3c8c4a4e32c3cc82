//! Where the time of day comes in.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

use crate::Millis;

/// Tells the time. Held as `&dyn Clock` or `Arc<dyn Clock>`, so that tests and replays decide what it is.
pub trait Clock: Send + Sync {
    /// Returns the current moment.
    fn now(&self) -> DateTime<Utc>;

    /// Returns the current moment in milliseconds since the epoch.
    fn now_ms(&self) -> Millis {
        self.now().timestamp_millis()
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Returns a clock that shows `at`, in milliseconds since the epoch.
    #[must_use]
    pub fn at(at: Millis) -> Self {
        Self(AtomicI64::new(at))
    }

    /// Moves the clock forward.
    pub fn advance(&self, millis: Millis) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }
}
