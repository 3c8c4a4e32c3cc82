//! Where batches are kept.

use async_trait::async_trait;
use serde_json::Value;

use super::{PortError, Quota, RequestKey};
use crate::Millis;
use crate::jobs::{BatchChange, BatchId, BatchRecord};

/// Keeps one record per batch, and what was asked for. Every method is atomic; what was acknowledged survives the death
/// of every process. The jobs of a batch are not its own: they are kept where jobs are. A batch that
/// cannot be read is in no list and holds up no other; asking for it by its id is an error of the kind `Data`.
#[async_trait]
pub trait BatchRepository: Send + Sync {
    /// Takes a batch in with what it asks for and its key, whole or not at all. A key that stands for another, and a
    /// quota that its jobs would go beyond, leave everything as it is; who repeats a request is told of its batch
    /// whatever the quota. Jobs of batches that are still submitting count as if they were there, for single jobs
    /// ([`JobRepository::create`](super::JobRepository::create)), too.
    async fn create(&self, batch: &NewBatch) -> Result<CreatedBatch, PortError>;

    /// Returns what creating a batch with a key would return without making one; `None` when it would make one.
    async fn recall(&self, key: &RequestKey, now: Millis) -> Result<Option<CreatedBatch>, PortError>;

    /// Returns a batch, or `None` when there is none of this id.
    async fn get(&self, id: BatchId) -> Result<Option<BatchRecord>, PortError>;

    /// Returns what a batch asks for, as it was taken in; `None` when there is no such batch.
    async fn request(&self, id: BatchId) -> Result<Option<Value>, PortError>;

    /// Returns at most `limit` batches with ids below `before` (of all without it), the newest first.
    async fn list(&self, before: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, PortError>;

    /// Returns the batches that are submitting or cancelling with ids above `after` (of all without it), the oldest first,
    /// at most `limit`.
    async fn unfinished(&self, after: Option<BatchId>, limit: usize) -> Result<Vec<BatchRecord>, PortError>;

    /// Moves a batch on by the rules of [`BatchRecord::advance`], and returns it as it is now; `None` when there is no
    /// such batch.
    async fn advance(&self, id: BatchId, change: &BatchChange) -> Result<Option<BatchRecord>, PortError>;

    /// Deletes the batches whose `ttl` has passed, and returns how many there were: none that is unfinished, and none of
    /// which a job waits or runs. A storage that deletes them by itself may return 0.
    async fn delete_expired(&self, now: Millis) -> Result<u64, PortError>;
}

/// A batch that is to be taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewBatch {
    /// The batch, as it stands at first.
    pub record: BatchRecord,
    /// What it asks for.
    pub request: Value,
    /// What a repetition of the request is recognised by, for [`REPLY_TTL_MS`](super::REPLY_TTL_MS).
    pub key: Option<RequestKey>,
    /// How many jobs may wait once all of its own do; any number without.
    pub quota: Option<Quota>,
}

/// What became of a batch that was to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedBatch {
    /// It is there now.
    New,
    /// The one that the key stands for was there before.
    Before(Box<BatchRecord>),
    /// The one that the key stands for was deleted.
    Deleted(BatchId),
    /// The key was used with another fingerprint.
    OtherRequest,
    /// More jobs would wait than may, all together.
    TooMany,
    /// More would wait than may of whoever asks.
    TooManyOfActor,
}
