//! Where an issuer's keys come from, and when they are fetched again.
//!
//! Anybody can send tokens with ids of keys that nobody has: how often the issuer is asked must not depend on them.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as AsyncMutex;
use tracing::{Instrument, Span, debug, warn};
use tradai_domain::{Clock, Millis};
use tradai_http_client::{chain, read, reqwest};
use tradai_platform::settings::sections::JwksSource;

use super::key_set::{Key, KeySet};
use crate::http_client;

/// Age at which keys are fetched again although they are known: what an issuer took back must not stay good.
const REFRESH_MS: Millis = 10 * 60 * 1000;
/// Least time between two fetches, whoever asks for what.
const PAUSE_MS: Millis = 30_000;
/// Age up to which keys are good while the issuer cannot be reached.
const STALE_MS: Millis = 24 * 60 * 60 * 1000;
/// How long a fetch may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest document, in bytes.
const DOCUMENT_BYTES: usize = 256 * 1024;

/// An issuer's keys, as they are known.
pub(super) struct KeyServer {
    source: JwksSource,
    http: Option<reqwest::Client>,
    clock: Arc<dyn Clock>,
    known: Mutex<Known>,
    /// Held while keys are fetched: however many ask, they are fetched once.
    fetching: AsyncMutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<KeySet>,
    fetched_at: Option<Millis>,
    tried_at: Option<Millis>,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The issuer has none of this id.
    Unknown,
    /// Nobody knows; to be tried again after this time.
    Unavailable(Duration),
}

impl KeyServer {
    pub(super) fn new(source: JwksSource, clock: Arc<dyn Clock>) -> Self {
        let http = matches!(source, JwksSource::Url(_)).then(http_client::build).transpose();
        let http =
            http.inspect_err(|error| warn!(%error, "no token can be verified: {error}")).ok().flatten();
        Self { source, http, clock, known: Mutex::default(), fetching: AsyncMutex::default() }
    }

    /// Returns the key of an id, which may take a fetch.
    pub(super) async fn find(self: &Arc<Self>, id: &str) -> Result<Arc<Key>, NoKey> {
        let seen = self.known();
        let now = self.clock.now_ms();
        let found = seen.keys.get(id);
        match (&found, age(seen.fetched_at, now)) {
            (Some(_), Some(age)) if age < REFRESH_MS => {}
            // The one that gets the lock asks the issuer; others go on with what there is.
            (Some(_), Some(age)) if age < STALE_MS => {
                if let Ok(_fetching) = self.fetching.try_lock() {
                    self.fetch_if_due(now).await;
                }
            }
            _ => {
                let _fetching = self.fetching.lock().await;
                if self.known().fetched_at == seen.fetched_at {
                    // Waiting for the lock took its time, maybe as long as another fetch.
                    self.fetch_if_due(self.clock.now_ms()).await;
                }
            }
        }
        let (known, now) = (self.known(), self.clock.now_ms());
        if age(known.fetched_at, now).is_none_or(|age| age >= STALE_MS) {
            let waited = age(known.tried_at, now).unwrap_or_default();
            let rest = u64::try_from(PAUSE_MS.saturating_sub(waited)).unwrap_or_default();
            return Err(NoKey::Unavailable(Duration::from_millis(rest)));
        }
        known.keys.get(id).ok_or(NoKey::Unknown)
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys, unless that was tried just before.
    async fn fetch_if_due(self: &Arc<Self>, now: Millis) {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if age(known.tried_at, now).is_some_and(|age| age < PAUSE_MS) {
                return;
            }
            known.tried_at = Some(now);
        }
        let server = self.clone();
        // A task of its own, within its patience: a client that goes away must not cost the others the fetch.
        let fetch = tokio::spawn(async move { server.fetch(now).await }.instrument(Span::current()));
        if let Err(error) = fetch.await {
            warn!(%error, "fetching the keys of tokens ended early: {error}");
        }
    }

    async fn fetch(&self, now: Millis) {
        let document = match &self.source {
            JwksSource::Url(url) => match tokio::time::timeout(PATIENCE, self.download(url)).await {
                Ok(document) => document,
                Err(_) => Err(format!("no answer within {PATIENCE:?}")),
            },
            JwksSource::File(path) => {
                let path = path.clone();
                let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
                read.unwrap_or_else(|error| Err(error.to_string()))
            }
        };
        let keys = document.and_then(|bytes| KeySet::parse(&bytes).map_err(|error| error.to_string()));
        match keys {
            Ok(keys) => {
                debug!(keys = keys.len(), "fetched {} keys of tokens", keys.len());
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                (known.keys, known.fetched_at) = (Arc::new(keys), Some(now));
            }
            Err(error) => warn!(error, "the keys of tokens were not fetched: {error}"),
        }
    }

    async fn download(&self, url: &str) -> Result<Vec<u8>, String> {
        let http = self.http.as_ref().ok_or("there is no HTTP client")?;
        let response = http.get(url).send().await.map_err(|error| chain(&error))?;
        if !response.status().is_success() {
            return Err(format!("answered {}", response.status().as_u16()));
        }
        read(response, DOCUMENT_BYTES).await.map_err(|error| chain(&error))
    }
}

/// Time since a moment; none if the clock was put back meanwhile.
fn age(since: Option<Millis>, now: Millis) -> Option<Millis> {
    since.and_then(|since| now.checked_sub(since)).filter(|age| *age >= 0)
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(DOCUMENT_BYTES).unwrap_or(u64::MAX);
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > DOCUMENT_BYTES {
        return Err(format!("is larger than {DOCUMENT_BYTES} bytes"));
    }
    Ok(bytes)
}
