//! The port behind `Idempotency-Key`.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use tradai_domain::Millis;

/// What a repeated request is recognised by: caller, path and key, hashed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestKey(pub String);

/// The rest of a request, hashed: query and body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

/// A reply that is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredReply {
    /// The HTTP status.
    pub status: u16,
    /// The headers that belong to the reply: `Content-Type`, `Location`, `ETag`, `Link`.
    pub headers: Vec<(String, String)>,
    /// The body; Base64 where the reply is stored.
    #[serde(with = "base64_body")]
    pub body: Vec<u8>,
}

/// JSON has no bytes: as numbers between commas they would take four times their size.
mod base64_body {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(body))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// How a request with a key begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// The first one: the caller answers it, then calls `complete` or `release`.
    New,
    /// The first one is still being answered.
    InFlight,
    /// The key was used with another fingerprint.
    OtherRequest,
    /// The first one's reply.
    Replay(StoredReply),
    /// No room for one more.
    Full,
}

/// The store did not do it.
#[derive(Debug, thiserror::Error)]
#[error("the store of idempotency keys failed")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Remembers replies for 24 hours after they were completed.
#[async_trait::async_trait]
pub trait IdempotencyStore: Send + Sync {
    /// Takes a key, atomically: of any number of concurrent calls with a free key, one gets [`Begin::New`]. A key
    /// that was taken more than `lease` ago and neither completed nor released is free.
    async fn begin(
        &self,
        key: &RequestKey,
        fingerprint: Fingerprint,
        now: Millis,
        lease: Duration,
    ) -> Result<Begin, StoreError>;

    /// Keeps the reply of a key that was taken. Unknown keys are ignored.
    async fn complete(&self, key: &RequestKey, reply: StoredReply, now: Millis) -> Result<(), StoreError>;

    /// Gives a key back that was taken and has no reply. Idempotent; completed keys stay.
    async fn release(&self, key: &RequestKey) -> Result<(), StoreError>;
}

impl RequestKey {
    pub(super) fn new(caller: &str, path: &str, key: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in [caller, path, key] {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(hasher.finalize().to_hex().to_string())
    }
}

impl Fingerprint {
    pub(super) fn of(query: &str, body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&u64::try_from(query.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(query.as_bytes());
        hasher.update(body);
        Self(*hasher.finalize().as_bytes())
    }
}

impl StoredReply {
    pub(super) fn new(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let kept = [header::CONTENT_TYPE, header::LOCATION, header::ETAG, header::LINK];
        let kept = kept.iter().filter_map(|name| {
            Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned()))
        });
        Self { status: status.as_u16(), headers: kept.collect(), body: body.to_vec() }
    }
}
