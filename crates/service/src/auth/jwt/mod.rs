//! Tokens of an identity provider: JSON Web Tokens (RFC 7519), signed with RS256 or ES256.
//!
//! The algorithm is the key's, never the token's: a token that names another one is refused, so that neither `none`
//! nor a public key taken for a secret gets anywhere. Signatures are verified by ring, which TLS uses here already;
//! the rest of a compact token is three parts of Base64.
//!
//! Invariant: a claim that is there and is not what it must be refuses the token, as if it were wrong.

mod claims;
mod key_server;
mod key_set;
mod token;

use std::sync::Arc;

use tradai_domain::Clock;
use tradai_platform::settings::sections::JwtSettings;

use super::caller::{Caller, Proof};
use crate::problem::{Code, Problem};
use claims::Claims;
use key_server::{KeyServer, NoKey};
use token::Token;

/// Verifies tokens.
pub(super) struct Tokens {
    settings: JwtSettings,
    keys: Arc<KeyServer>,
    clock: Arc<dyn Clock>,
}

impl Tokens {
    pub(super) fn new(settings: &JwtSettings, clock: &Arc<dyn Clock>) -> Self {
        let keys = Arc::new(KeyServer::new(settings.jwks.clone(), clock.clone()));
        Self { settings: settings.clone(), keys, clock: clock.clone() }
    }

    /// Returns whose token it is.
    ///
    /// # Errors
    /// 401 for tokens that are not good, 403 for good ones without a role, 503 while nobody can tell.
    pub(super) async fn verify(&self, text: &str) -> Result<Caller, Problem> {
        let token = Token::parse(text).map_err(refused)?;
        let key = self.keys.find(token.key_id()).await.map_err(|error| match error {
            NoKey::Unknown => refused("it is signed with a key that the issuer does not name"),
            NoKey::Unavailable(after) => {
                Problem::new(Code::Unavailable, "the keys that tokens are signed with cannot be fetched")
                    .retry_after(after)
            }
        })?;
        let claims = Claims::parse(token.verify(&key).map_err(refused)?).map_err(refused)?;
        let until = claims.check(&self.settings, self.clock.now_ms()).map_err(refused)?;
        let subject = claims.subject().map_err(refused)?;
        let claim = &self.settings.roles_claim;
        let role = claims.role(claim).ok_or_else(|| {
            let detail = format!("the token has none of the roles viewer, trader and admin in `{claim}`");
            Problem::new(Code::Forbidden, detail)
        })?;
        // Names of keys have no colon: a subject cannot take the name of one.
        Ok(Caller {
            name: format!("jwt:{subject}"),
            role,
            proof: Proof::Token,
            until: Some(until),
            via: None,
            key: None,
        })
    }
}

/// The reason may be told: it speaks about the token, and whoever sent it has it.
fn refused(reason: &'static str) -> Problem {
    Problem::new(Code::Unauthenticated, format!("the key or token is not good: {reason}"))
}
