//! Keys that are made and revoked while services run: all of them in memory, read again every moment.
//!
//! A request costs a look into a map. Every service on one state reads the keys again every two seconds, so that a
//! key which was revoked anywhere ends everywhere by then: for requests, for sessions and tickets that were made from
//! it, and for sockets that are open. Where the state cannot be read, keys stay as they were for a while, counted from
//! the last time that it could, and then nobody is let in by them, and sockets end.
//!
//! Invariants: a key that the settings give a name is never outdone by a stored one of the same name. A key that was
//! revoked elsewhere lets nobody in for longer than [`TRUSTED_FOR`], however reading fails.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;
use tradai_domain::access::{ApiKeyId, ApiKeyRecord};
use tradai_domain::ports::{ApiKeyRepository, PortError};
use tradai_domain::{Clock, ErrorKind};
use tradai_platform::settings::sections::AuthSettings;

use super::caller::{Caller, Proof};
use super::keys::PREFIX;
use crate::problem::{Code, Problem};
use crate::shutdown::Shutdown;

/// How often keys are read again.
const READ_EVERY: Duration = Duration::from_secs(2);
/// How long a reading may take. What waits longer for the state does better to ask anew.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// For how long keys count that cannot be read again.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// When to come back while they cannot be read.
const LATER: Duration = Duration::from_secs(5);

/// The stored keys of a state, as one service holds them.
pub struct StoredKeys {
    repository: Arc<dyn ApiKeyRepository>,
    clock: Arc<dyn Clock>,
    /// Names that the settings give.
    named: BTreeSet<String>,
    known: watch::Sender<Known>,
    /// Held while keys are read, so that an older reading does not take the place of a newer one.
    reading: Mutex<()>,
}

/// What is known of the keys.
#[derive(Default)]
struct Known {
    by_hash: HashMap<[u8; 32], Arc<ApiKeyRecord>>,
    by_id: HashMap<ApiKeyId, Arc<ApiKeyRecord>>,
    state: Reading,
}

/// How reading them went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Reading {
    /// They were not read yet.
    #[default]
    Begins,
    /// They could not be read, not once.
    Fails,
    /// They are as they were when the last good reading began.
    Good(Instant),
}

impl Known {
    fn of(records: Vec<ApiKeyRecord>, as_of: Instant, named: &BTreeSet<String>) -> Self {
        let mut known = Self { state: Reading::Good(as_of), ..Self::default() };
        for record in records.into_iter().filter(|record| !named.contains(record.name.as_str())) {
            let record = Arc::new(record);
            known.by_hash.insert(record.hash.0, record.clone());
            known.by_id.insert(record.id, record);
        }
        known
    }

    /// Until when this counts, unless the keys are read again; `None` when it does not.
    fn trusted_until(&self) -> Option<Instant> {
        let Reading::Good(as_of) = self.state else { return None };
        Some(as_of + TRUSTED_FOR).filter(|until| *until > Instant::now())
    }
}

impl StoredKeys {
    /// Returns the keys of a state, not read yet, for a service with these settings.
    #[must_use]
    pub fn new(
        repository: Arc<dyn ApiKeyRepository>,
        clock: Arc<dyn Clock>,
        settings: &AuthSettings,
    ) -> Arc<Self> {
        let named = match settings {
            AuthSettings::Required(credentials) => {
                credentials.keys.iter().map(|key| key.name.clone()).collect()
            }
            _ => BTreeSet::new(),
        };
        Arc::new(Self {
            repository,
            clock,
            named,
            known: watch::Sender::default(),
            reading: Mutex::default(),
        })
    }

    /// Reads the keys. Who has just made one calls this, so that it counts here at once.
    ///
    /// # Errors
    /// When the state cannot be read, or not in time: what was known stays for now.
    pub async fn refresh(&self) -> Result<(), PortError> {
        let _one_at_a_time = self.reading.lock().await;
        let begun = Instant::now();
        let read = timeout(READ_WITHIN, self.repository.list()).await;
        let read = read.unwrap_or_else(|_| {
            Err(PortError::new(ErrorKind::Unavailable, format!("no answer within {READ_WITHIN:?}")))
        });
        let (known, outcome) = match read {
            Ok(records) => (Some(Known::of(records, begun, &self.named)), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.known.send_modify(|held| match known {
            Some(known) => *held = known,
            None if held.state == Reading::Begins => held.state = Reading::Fails,
            None => {}
        });
        outcome
    }

    /// Lets a key count no more here, whether or not the state can be read. Who has just revoked one calls this.
    pub async fn forget(&self, id: ApiKeyId) {
        // A reading that began before the key was revoked would bring it back.
        let _none_meanwhile = self.reading.lock().await;
        self.known.send_modify(|known| {
            if let Some(record) = known.by_id.remove(&id) {
                known.by_hash.remove(&record.hash.0);
            }
        });
    }

    /// Reads the keys at once and every moment from then on, until the service is told to stop.
    pub(crate) async fn follow(self: Arc<Self>, shutdown: Shutdown) {
        let mut is_told = false;
        loop {
            match self.refresh().await {
                Ok(()) => is_told = false,
                // Once for each time that it fails, and not for each try.
                Err(error) if !std::mem::replace(&mut is_told, true) => {
                    warn!(%error, "API keys of the state cannot be read; those known count for {TRUSTED_FOR:?} from when they could be: {error}");
                }
                Err(_) => {}
            }
            tokio::select! {
                () = shutdown.stopping() => return,
                () = tokio::time::sleep(READ_EVERY) => {}
            }
        }
    }

    /// Returns who holds a key, by its hash; `None` for what is no key of the state.
    pub(super) async fn find_holder(
        self: &Arc<Self>,
        presented: &str,
        hash: &[u8; 32],
    ) -> Result<Option<Caller>, Problem> {
        if !presented.starts_with(PREFIX) {
            return Ok(None);
        }
        // Hashes of random keys: how long it takes to find none of them tells nothing of a key.
        self.find(|known| known.by_hash.get(hash).cloned()).await
    }

    /// Returns who holds the key of this id.
    pub(super) async fn find_by_id(self: &Arc<Self>, id: ApiKeyId) -> Result<Option<Caller>, Problem> {
        self.find(|known| known.by_id.get(&id).cloned()).await
    }

    async fn find(
        self: &Arc<Self>,
        find: impl Fn(&Known) -> Option<Arc<ApiKeyRecord>>,
    ) -> Result<Option<Caller>, Problem> {
        let is_begun = self.known.borrow().state != Reading::Begins;
        if !is_begun {
            // Whoever comes first waits, and is not taken for a stranger. The sender is ours: it does not end.
            drop(self.known.subscribe().wait_for(|known| known.state != Reading::Begins).await);
        }
        let (found, is_trusted) = {
            let known = self.known.borrow();
            (find(&known), known.trusted_until().is_some())
        };
        if !is_trusted {
            let away = "the state that API keys are kept in cannot be read";
            return Err(Problem::new(Code::Unavailable, away).retry_after(LATER));
        }
        let now = self.clock.now_ms();
        Ok(found.filter(|record| !record.is_expired(now)).map(|record| self.caller(&record)))
    }

    fn caller(self: &Arc<Self>, record: &ApiKeyRecord) -> Caller {
        Caller {
            name: record.name.as_str().to_owned(),
            role: record.role,
            proof: Proof::ApiKey,
            until: record.expires_at,
            via: None,
            key: Some(HeldKey { id: record.id, keys: self.clone() }),
        }
    }
}

impl fmt::Debug for StoredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredKeys").field("keys", &self.known.borrow().by_id.len()).finish_non_exhaustive()
    }
}

/// The stored key that a caller has shown, or that what they have shown was made from.
#[derive(Clone)]
pub struct HeldKey {
    id: ApiKeyId,
    keys: Arc<StoredKeys>,
}

impl HeldKey {
    /// Returns the key's id.
    #[must_use]
    pub fn id(&self) -> ApiKeyId {
        self.id
    }

    /// Waits until the key is revoked, or nobody can tell any more whether it is. Cancel safe.
    pub(crate) async fn revoked(&self) {
        let mut known = self.keys.known.subscribe();
        loop {
            let trusted_until = {
                let known = known.borrow_and_update();
                known.trusted_until().filter(|_| known.by_id.contains_key(&self.id))
            };
            let Some(until) = trusted_until else { return };
            tokio::select! {
                // The sender is ours: it does not end.
                _ = known.changed() => {}
                () = sleep_until(until) => {}
            }
        }
    }
}

impl PartialEq for HeldKey {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for HeldKey {}

impl fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldKey").field(&self.id).finish()
    }
}
