//! Identifiers and where they come from.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Clock, Millis};

/// The id of a job: a UUIDv7, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub Uuid);

impl JobId {
    /// Returns when the id was made, in milliseconds: the first 48 bits of a UUIDv7.
    #[must_use]
    pub fn made_at(&self) -> Millis {
        i64::try_from(self.0.as_u128() >> 80).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Makes ids.
pub trait IdSource: Send + Sync {
    /// Returns a UUIDv7 stamped with the clock's time, different from every earlier one.
    fn next(&self, clock: &dyn Clock) -> Uuid;
}

/// Ids from the operating system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl IdSource for RandomIds {
    fn next(&self, clock: &dyn Clock) -> Uuid {
        let mut bytes = [0_u8; 10];
        for (byte, random) in bytes.iter_mut().zip(random_bytes()) {
            *byte = random;
        }
        uuid::Builder::from_unix_timestamp_millis(stamp(clock), &bytes).into_uuid()
    }
}

/// Sixteen random bytes: the standard library seeds every `RandomState` from the operating system.
fn random_bytes() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let word = |salt: u64| RandomState::new().hash_one(salt).to_le_bytes();
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&word(1));
    bytes[8..].copy_from_slice(&word(2));
    bytes
}

/// Ids that count up from 1: the same in every run.
#[derive(Debug, Default)]
pub struct SequentialIds(AtomicU64);

impl IdSource for SequentialIds {
    fn next(&self, clock: &dyn Clock) -> Uuid {
        let count = self.0.fetch_add(1, Ordering::SeqCst) + 1;
        let mut bytes = [0_u8; 10];
        bytes[2..].copy_from_slice(&count.to_be_bytes());
        uuid::Builder::from_unix_timestamp_millis(stamp(clock), &bytes).into_uuid()
    }
}

fn stamp(clock: &dyn Clock) -> u64 {
    u64::try_from(clock.now_ms()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn sequential_ids_repeat_and_sort() {
        let clock = ManualClock::at(1_700_000_000_000);
        let make = || {
            let ids = SequentialIds::default();
            [ids.next(&clock), ids.next(&clock)]
        };
        assert_eq!(make(), make());
        assert!(make()[0] < make()[1]);
        assert_eq!(make()[0].get_version_num(), 7);
        assert_eq!(JobId(make()[0]).made_at(), 1_700_000_000_000);
    }

    #[test]
    fn random_ids_differ() {
        let clock = ManualClock::at(1_700_000_000_000);
        assert_ne!(RandomIds.next(&clock), RandomIds.next(&clock));
    }
}
