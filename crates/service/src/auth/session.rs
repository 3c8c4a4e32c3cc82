//! Sessions of people in a browser: a sealed cookie, and nothing kept here.
//!
//! A session of a key ends when the key is taken out of the settings or revoked; one of a token no later than the token,
//! and when its issuer or audience is taken out. Signing
//! out makes the browser forget the cookie: a copy of it is good until it ends.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tradai_domain::access::ApiKeyId;
use tradai_domain::{Clock, Millis};
use tradai_platform::settings::sections::{ApiKeySetting, Role};

use super::caller::{Caller, Proof};
use super::keys;
use super::stored::StoredKeys;
use crate::problem::Problem;
use crate::seal::Seal;

/// How long a session lasts: a working day.
const TTL_MS: Millis = 12 * 60 * 60 * 1000;
const PURPOSE: &str = "session";

/// Makes and reads sessions.
pub(super) struct Sessions {
    cookie: String,
    seal: Seal,
    clock: Arc<dyn Clock>,
    /// Whose tokens are believed; `None` where none are.
    authority: Option<Authority>,
    stored: Option<Arc<StoredKeys>>,
}

/// Who gives tokens, and for whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authority {
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Session {
    holder: Holder,
    until: Millis,
}

/// Whose session it is.
#[derive(Debug, Serialize, Deserialize)]
enum Holder {
    /// The holder of the key of this id, whatever their role is now.
    Key(String),
    /// The holder of the key of this id that the state has.
    Stored(ApiKeyId),
    /// The bearer of a token of this authority that was verified.
    Token { name: String, role: String, authority: Option<Authority> },
}

impl Sessions {
    /// Cookies know no ports: each service has one of its own.
    /// Services may share a secret, and must not believe one another's cookies: roles are not the same everywhere.
    pub(super) fn new(
        service: &str,
        secret: &SecretString,
        clock: Arc<dyn Clock>,
        authority: Option<Authority>,
        stored: Option<Arc<StoredKeys>>,
    ) -> Self {
        let seal = Seal::new(&format!("tradai-service 2026 sessions of {service}"), secret);
        Self { cookie: format!("tradai_session_{service}"), seal, clock, authority, stored }
    }

    /// Returns the header that begins a session, and the moment at which it ends. `credential` is what the caller
    /// showed.
    pub(super) fn begin(&self, caller: &Caller, credential: &str, is_tls: bool) -> (String, Millis) {
        let now = self.clock.now_ms();
        let until = caller.until.unwrap_or(Millis::MAX).min(now + TTL_MS);
        let holder = match (&caller.key, caller.proof) {
            (Some(key), _) => Holder::Stored(key.id()),
            (None, Proof::ApiKey) => Holder::Key(keys::id_of(credential)),
            _ => Holder::Token {
                name: caller.name.clone(),
                role: caller.role.to_string(),
                authority: self.authority.clone(),
            },
        };
        let sealed = self.seal.seal(PURPOSE, &Session { holder, until });
        let seconds = (until - now).div_euclid(1000);
        (self.header(&sealed, seconds, is_tls), until)
    }

    /// Returns the header that lets a browser forget its session.
    pub(super) fn end(&self) -> String {
        self.header("", 0, false)
    }

    fn header(&self, value: &str, seconds: Millis, is_tls: bool) -> String {
        let secure = if is_tls { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.cookie)
    }

    /// Returns who a request's session belongs to.
    ///
    /// # Errors
    /// When it cannot be known whether its key is still there.
    pub(super) async fn find_caller(
        &self,
        headers: &HeaderMap,
        keys: &[ApiKeySetting],
    ) -> Result<Option<Caller>, Problem> {
        let session: Option<Session> =
            self.presented(headers).and_then(|sealed| self.seal.open(PURPOSE, sealed));
        let Some(session) = session.filter(|session| session.until > self.clock.now_ms()) else {
            return Ok(None);
        };
        let holder = match session.holder {
            Holder::Key(id) => keys::find_by_id(keys, &id),
            Holder::Stored(id) => match &self.stored {
                Some(stored) => stored.find_by_id(id).await?,
                None => None,
            },
            Holder::Token { name, role, authority } => {
                // The settings may have changed since.
                let is_believed = authority.is_some() && authority == self.authority;
                let role: Option<Role> = role.parse().ok().filter(|_| is_believed);
                role.map(|role| Caller { name, role, proof: Proof::Token, until: None, via: None, key: None })
            }
        };
        let until = Some(session.until);
        Ok(holder.map(|holder| Caller { proof: Proof::Session, until, ..holder }))
    }

    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }
}
