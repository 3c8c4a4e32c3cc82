//! Idempotency keys in the platform's state: known to every process, and after a restart.

use std::sync::Arc;
use std::time::Duration;

use tradai_domain::Millis;
use tradai_domain::ports::{Claim, IdempotencyRepository};

use super::{Begin, Fingerprint, IdempotencyStore, RequestKey, StoreError, StoredReply};

/// An [`IdempotencyStore`] over the platform's port.
#[derive(Clone)]
pub struct StoredIdempotency(Arc<dyn IdempotencyRepository>);

impl StoredIdempotency {
    /// Returns a store over a repository, which others may use at the same time: its keys begin with `http:`.
    #[must_use]
    pub fn new(repository: Arc<dyn IdempotencyRepository>) -> Self {
        Self(repository)
    }
}

#[async_trait::async_trait]
impl IdempotencyStore for StoredIdempotency {
    async fn begin(
        &self,
        key: &RequestKey,
        fingerprint: Fingerprint,
        now: Millis,
        lease: Duration,
    ) -> Result<Begin, StoreError> {
        let claim = self.0.begin(&stored(key), fingerprint.0, now, lease).await.map_err(failed)?;
        Ok(match claim {
            Claim::New => Begin::New,
            Claim::InFlight => Begin::InFlight,
            Claim::OtherRequest => Begin::OtherRequest,
            Claim::Replay(bytes) => Begin::Replay(serde_json::from_slice(&bytes).map_err(failed)?),
        })
    }

    async fn complete(&self, key: &RequestKey, reply: StoredReply, now: Millis) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(&reply).map_err(failed)?;
        self.0.complete(&stored(key), bytes, now).await.map_err(failed)
    }

    async fn release(&self, key: &RequestKey) -> Result<(), StoreError> {
        self.0.release(&stored(key)).await.map_err(failed)
    }
}

fn stored(key: &RequestKey) -> String {
    format!("http:{}", key.0)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError(Box::new(error))
}
