//! Work that waits for whoever takes it.

use std::time::Duration;

use async_trait::async_trait;

use super::PortError;
use crate::Millis;

/// How long a message is recognised as one that was sent before: five minutes, as of SQS.
pub const DEDUP_MS: Millis = 5 * 60_000;

/// A queue of messages in groups (SQS FIFO).
///
/// Messages of one group are received in the order in which they were sent, and only when no earlier message of the
/// group is in flight. A message that was received is in flight, invisible to others, until it is deleted or its
/// visibility timeout ends; then it is received again. After so many receipts as the queue allows, it becomes a
/// dead letter, and the group goes on. Messages are received at least once.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Stores a message and returns its id. One with the dedup id of a message that was sent less than [`DEDUP_MS`]
    /// ago is not stored again, whatever became of that one, and has its id.
    async fn send(&self, message: &OutgoingMessage) -> Result<String, PortError>;

    /// Takes up to `most` messages (at least one, at most ten), waiting for the first for up to `wait`; empty when
    /// none came. When the future is dropped, what it took comes back after the visibility timeout.
    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<ReceivedMessage>, PortError>;

    /// Deletes a message that was received. Returns whether the receipt was still good: after the visibility timeout
    /// it is not, and the message stays for its next receiver. Repeating it returns `false`.
    async fn delete(&self, receipt: &str) -> Result<bool, PortError>;

    /// Lets a message in flight stay so for `visibility` from now; none makes it visible at once. Returns whether the
    /// receipt was still good.
    async fn extend(&self, receipt: &str, visibility: Duration) -> Result<bool, PortError>;

    /// Returns up to `limit` dead letters, the oldest first; they stay.
    async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, PortError>;
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    /// The group: messages of one group are in order.
    pub group: String,
    /// What makes it this message.
    pub dedup_id: String,
    /// Attributes by name, such as `trace_id`.
    pub attributes: Vec<(String, String)>,
    /// What it says; at most 256 KiB.
    pub body: String,
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Its id.
    pub id: String,
    /// What it is deleted by; good for this receipt only.
    pub receipt: String,
    /// Its group.
    pub group: String,
    /// Its attributes.
    pub attributes: Vec<(String, String)>,
    /// What it says.
    pub body: String,
    /// How often it was received, this time included.
    pub receive_count: u32,
}

/// A message that nobody could deal with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: String,
    /// What it says.
    pub body: String,
    /// How often it was received.
    pub receive_count: u32,
}
