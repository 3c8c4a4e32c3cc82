//! Who sent a request.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Serialize;
use tradai_domain::Millis;
use tradai_platform::settings::sections::Role;
use utoipa::ToSchema;

use super::stored::HeldKey;
use crate::problem::{Code, Problem};

/// Who sent a request, once it passed the door. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The key's name; of a token `jwt:` and its subject; `local` where nobody is asked.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// How they showed who they are.
    pub proof: Proof,
    /// When what they showed ends, in milliseconds; `None` for keys that have no end.
    pub until: Option<Millis>,
    /// The service that speaks for them; role and proof are its own then.
    pub via: Option<String>,
    /// The key of the state that they hold, where that is what they have shown, or what that was made from.
    pub key: Option<HeldKey>,
}

/// How a caller showed who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Proof {
    /// Not at all: nobody is asked.
    Open,
    /// By an API key.
    ApiKey,
    /// By a token of the identity provider.
    Token,
    /// By a session cookie.
    Session,
    /// By a ticket.
    Ticket,
}

impl Caller {
    /// Passes callers of this role or a higher one.
    ///
    /// # Errors
    /// For everybody else.
    pub fn require(&self, role: Role) -> Result<(), Problem> {
        if self.role >= role {
            return Ok(());
        }
        let who = self.via.as_ref().unwrap_or(&self.name);
        let detail = format!("this needs the role {role}; {who} has {}", self.role);
        Err(Problem::new(Code::Forbidden, detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

pub(super) fn unauthenticated() -> Problem {
    Problem::new(Code::Unauthenticated, Code::Unauthenticated.meaning())
}
