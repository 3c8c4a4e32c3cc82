//! Where API keys are kept that are made and revoked while services run.

use async_trait::async_trait;

use super::{PortError, RequestKey};
use crate::Millis;
use crate::access::{ApiKeyId, ApiKeyRecord};

/// The most keys that are kept at a time, so that every service can hold all of them in memory.
pub const MAX_API_KEYS: usize = 500;

/// Keeps one record per key. Every method is atomic; what was acknowledged survives the death of every process.
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// Takes a key in, with what a repetition of the request is recognised by. Of any number of concurrent calls with
    /// one name, one makes a key; an expired key keeps its name until it is deleted.
    async fn create(&self, key: &NewApiKey) -> Result<CreatedApiKey, PortError>;

    /// Returns every key, ordered by name.
    async fn list(&self) -> Result<Vec<ApiKeyRecord>, PortError>;

    /// Deletes a key and returns what it was; `None` when there is none of this id. Its name is free again.
    async fn delete(&self, id: ApiKeyId) -> Result<Option<ApiKeyRecord>, PortError>;
}

/// A key that is to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The key.
    pub record: ApiKeyRecord,
    /// What a repetition of the request is recognised by, for [`REPLY_TTL_MS`](super::REPLY_TTL_MS).
    pub request: Option<RequestKey>,
    /// The time.
    pub now: Millis,
}

/// What became of a key that was to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreatedApiKey {
    /// It is there now.
    New,
    /// An earlier request with the same key made this one.
    Before(Box<ApiKeyRecord>),
    /// It did, and the key was deleted since.
    Deleted(ApiKeyId),
    /// The request's key was used for another request.
    OtherRequest,
    /// Another key has the name.
    NameTaken,
    /// There are [`MAX_API_KEYS`].
    TooMany,
}
