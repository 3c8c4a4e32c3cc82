//! Chance that is the same when a state is gone into again.
//!
//! Numbers follow from the run's seed and the entry into the state, so that a state that is taken up after its process
//! was killed asks for the very thing that it asked for before.

use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Numbers of one entry into a state.
#[derive(Debug)]
pub(super) struct Random {
    seed: String,
    drawn: AtomicU32,
}

impl Random {
    pub(super) fn new(seed: impl Into<String>) -> Self {
        Self { seed: seed.into(), drawn: AtomicU32::new(0) }
    }

    fn bytes(&self) -> [u8; 16] {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256::digest(format!("{}/{number}", self.seed));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        bytes
    }

    pub(super) fn next(&self) -> u64 {
        let bytes = self.bytes();
        u64::from_be_bytes(std::array::from_fn(|at| bytes[at]))
    }

    /// Returns a number from 0 to below 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub(super) fn fraction(&self) -> f64 {
        (self.next() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    pub(super) fn uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid()
    }
}
