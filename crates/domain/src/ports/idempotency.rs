//! What became of requests that may come twice.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use crate::Millis;

/// How long a reply is remembered after it was completed: a day.
pub const REPLY_TTL_MS: Millis = 86_400_000;

/// Remembers replies by key.
#[async_trait]
pub trait IdempotencyRepository: Send + Sync {
    /// Takes a key, atomically: of any number of concurrent calls with a free key, one gets [`Claim::New`]. A key that
    /// was taken `lease` ago or more, and neither completed nor released, is free; so is one that was completed
    /// [`REPLY_TTL_MS`] ago or more. `fingerprint` is a hash of the rest of the request.
    async fn begin(
        &self,
        key: &str,
        fingerprint: [u8; 32],
        now: Millis,
        lease: Duration,
    ) -> Result<Claim, PortError>;

    /// Keeps the reply of a key that was taken; a later one takes its place. A key that is not taken is ignored.
    async fn complete(&self, key: &str, reply: Vec<u8>, now: Millis) -> Result<(), PortError>;

    /// Gives a key back that was taken and has no reply. Idempotent; completed keys stay.
    async fn release(&self, key: &str) -> Result<(), PortError>;
}

/// How a request with a key begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is the first: the caller answers it, then calls `complete` or `release`.
    New,
    /// The first is still being answered.
    InFlight,
    /// The key was used with another fingerprint.
    OtherRequest,
    /// The first one's reply.
    Replay(Vec<u8>),
}
