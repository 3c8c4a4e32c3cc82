//! Sessions of people in a browser: a sealed cookie, and nothing kept here.
//!
//! A session of a key ends when the key is taken out of the settings; one of a token no later than the token,
//! and when its issuer or audience is taken out. Signing
//! out makes the browser forget the cookie: a copy of it is good until it ends.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tradai_domain::{Clock, Millis};
use tradai_platform::settings::sections::{ApiKeySetting, Role};

use super::caller::{Caller, Proof};
use super::keys;
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
    ) -> Self {
        let seal = Seal::new(&format!("tradai-service 2026 sessions of {service}"), secret);
        Self { cookie: format!("tradai_session_{service}"), seal, clock, authority }
    }

    /// Returns the header that begins a session, and the moment at which it ends. `credential` is what the caller
    /// showed.
    pub(super) fn begin(&self, caller: &Caller, credential: &str, is_tls: bool) -> (String, Millis) {
        let now = self.clock.now_ms();
        let until = caller.until.unwrap_or(Millis::MAX).min(now + TTL_MS);
        let holder = match caller.proof {
            Proof::ApiKey => Holder::Key(keys::id_of(credential)),
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
    pub(super) fn find_caller(&self, headers: &HeaderMap, keys: &[ApiKeySetting]) -> Option<Caller> {
        let session: Session = self.seal.open(PURPOSE, self.presented(headers)?)?;
        if session.until <= self.clock.now_ms() {
            return None;
        }
        let (name, role): (String, Role) = match session.holder {
            Holder::Key(id) => keys::find_by_id(keys, &id).map(|caller| (caller.name, caller.role))?,
            Holder::Token { name, role, authority } => {
                // The settings may have changed since.
                authority.filter(|theirs| self.authority.as_ref() == Some(theirs))?;
                (name, role.parse().ok()?)
            }
        };
        Some(Caller { name, role, proof: Proof::Session, until: Some(session.until), via: None })
    }

    fn presented<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs =
            cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }
}
