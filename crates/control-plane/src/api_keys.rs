//! API keys: made, listed and revoked while services run.
//!
//! Whoever makes a key makes its secret; only the hash comes here. That a revoked key ends everywhere is the services'
//! matter, which read the keys of the state again and again.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tracing::info;
use tradai_domain::access::{ApiKeyId, ApiKeyName, ApiKeyRecord, KeyHash, Role};
use tradai_domain::ports::{ApiKeyRepository, AuditLog, CreatedApiKey, MAX_API_KEYS, NewApiKey};
use tradai_domain::{Clock, IdSource, Millis, parse_date_ms};

use crate::jobs::Requester;
use crate::request_key::request_key;
use crate::{Audit, Error, RequestFault};

/// Makes, lists and revokes keys.
#[derive(Clone)]
pub struct ApiKeys {
    keys: Arc<dyn ApiKeyRepository>,
    audit: Audit,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    /// Names that belong to keys kept elsewhere: a name stands for one caller.
    taken: Arc<BTreeSet<String>>,
}

/// A key as a client asks for it: texts, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ApiKeyRequest {
    /// Who is to hold it.
    pub name: String,
    /// What they may do.
    pub role: String,
    /// When it ends: a day or moment; never without.
    pub expires_at: Option<String>,
}

/// What may be kept of a secret that was made for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretTraces {
    /// What it is recognised by.
    pub hash: KeyHash,
    /// Its last characters.
    pub ending: String,
}

/// A key that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedApiKey {
    /// The key.
    pub record: ApiKeyRecord,
    /// Whether an earlier request with the same key made it, with a secret of its own.
    pub replayed: bool,
}

impl ApiKeys {
    /// Returns the use cases; `taken` are names that no key may have.
    #[must_use]
    pub fn new(
        keys: Arc<dyn ApiKeyRepository>,
        audit: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        taken: impl IntoIterator<Item = String>,
    ) -> Self {
        let taken = Arc::new(taken.into_iter().collect());
        Self { keys, audit: Audit::new(audit, clock.clone()), clock, ids, taken }
    }

    /// Takes a key in. A request whose key was used before by the same actor for the same thing gets what that one made:
    /// then the secret is not the one that the traces are of.
    ///
    /// # Errors
    /// [`Error::Request`]; [`Error::ApiKeyNameTaken`]; [`Error::TooManyApiKeys`]; [`Error::KeyReused`];
    /// [`Error::NoSuchApiKey`] for a repeated request whose key was revoked since; [`Error::Port`].
    pub async fn create(
        &self,
        request: &ApiKeyRequest,
        secret: SecretTraces,
        requester: &Requester,
    ) -> Result<IssuedApiKey, Error> {
        let now = self.clock.now_ms();
        let (name, role, expires_at) = self.check(request, now)?;
        self.audit.note(requester, "api_key.create", name.to_string()).await?;
        let record = ApiKeyRecord {
            id: ApiKeyId(self.ids.next(self.clock.as_ref())),
            name: name.clone(),
            role,
            hash: secret.hash,
            ending: secret.ending,
            created_at: now,
            created_by: requester.actor.clone(),
            expires_at,
        };
        let request = request_key("api_key.create", requester, request)?;
        match self.keys.create(&NewApiKey { record: record.clone(), request, now }).await? {
            CreatedApiKey::New => {
                info!(api_key = %record.id, name = %name, %role, "{name} has a key now, as {role}");
                Ok(IssuedApiKey { record, replayed: false })
            }
            CreatedApiKey::Before(record) => Ok(IssuedApiKey { record: *record, replayed: true }),
            CreatedApiKey::Deleted(id) => Err(no_such(id)),
            CreatedApiKey::OtherRequest => Err(Error::KeyReused),
            CreatedApiKey::NameTaken => Err(Error::ApiKeyNameTaken { name }),
            CreatedApiKey::TooMany => Err(Error::TooManyApiKeys { limit: MAX_API_KEYS }),
        }
    }

    fn check(
        &self,
        request: &ApiKeyRequest,
        now: Millis,
    ) -> Result<(ApiKeyName, Role, Option<Millis>), Error> {
        let mut faults = Vec::new();
        let name = request.name.parse::<ApiKeyName>();
        let name = name.map_err(|error| faults.push(RequestFault::new("name", error.to_string())));
        if self.taken.contains(&request.name) {
            let reason = format!("{} has a key of the settings; choose another name", request.name);
            faults.push(RequestFault::new("name", reason));
        }
        let role = request.role.parse::<Role>();
        let role = role.map_err(|reason| faults.push(RequestFault::new("role", reason)));
        let mut expires_at = None;
        if let Some(text) = &request.expires_at {
            match parse_date_ms(text) {
                Ok(at) if at > now => expires_at = Some(at),
                Ok(_) => faults.push(RequestFault::new("expires_at", "must be in the future")),
                Err(error) => faults.push(RequestFault::new("expires_at", error.to_string())),
            }
        }
        match (name, role) {
            (Ok(name), Ok(role)) if faults.is_empty() => Ok((name, role, expires_at)),
            _ => Err(Error::Request(faults)),
        }
    }

    /// Returns every key, ordered by name.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub async fn list(&self) -> Result<Vec<ApiKeyRecord>, Error> {
        Ok(self.keys.list().await?)
    }

    /// Returns a key.
    ///
    /// # Errors
    /// [`Error::NoSuchApiKey`]; [`Error::Port`].
    pub async fn get(&self, id: ApiKeyId) -> Result<ApiKeyRecord, Error> {
        let mut keys = self.list().await?.into_iter();
        keys.find(|key| key.id == id).ok_or_else(|| no_such(id))
    }

    /// Revokes a key: nobody gets in by it once services have read the keys again.
    ///
    /// # Errors
    /// [`Error::NoSuchApiKey`], also when it was revoked before; [`Error::Port`].
    pub async fn revoke(&self, id: ApiKeyId, requester: &Requester) -> Result<ApiKeyRecord, Error> {
        let name = self.get(id).await?.name;
        self.audit.note(requester, "api_key.revoke", format!("{name}/{id}")).await?;
        let revoked = self.keys.delete(id).await?.ok_or_else(|| no_such(id))?;
        info!(api_key = %id, name = %name, "the key of {name} is revoked");
        Ok(revoked)
    }
}

fn no_such(id: ApiKeyId) -> Error {
    Error::NoSuchApiKey { id }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeys")
    }
}
