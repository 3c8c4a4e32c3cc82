//! Who calls. A key is known by its hash; hashes are compared in constant time.

use std::io::Read;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tradai_platform::settings::sections::{AuthSettings, Role};

use crate::problem::{Code, Problem};

/// Who sent a request, once it passed the door. Handlers take it as an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name that goes with the key; `local` where nobody is asked.
    pub name: String,
    /// What they may do.
    pub role: Role,
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
        let detail = format!("this needs the role {role}; {} has {}", self.name, self.role);
        Err(Problem::new(Code::Forbidden, detail))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

/// The door: lets known callers in and notes who they are.
pub(crate) async fn authenticate(
    State(auth): State<Arc<AuthSettings>>,
    mut request: Request,
    next: Next,
) -> Response {
    match find_caller(&auth, request.headers()) {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

fn find_caller(auth: &AuthSettings, headers: &HeaderMap) -> Result<Caller, Problem> {
    match auth {
        AuthSettings::Open => open(headers),
        AuthSettings::ApiKeys(keys) => {
            let hash = blake3::hash(presented_key(headers).ok_or_else(unauthenticated)?.as_bytes());
            // All keys are compared, so that time does not tell which one was near.
            let known = keys.iter().fold(None, |known, key| {
                if blake3::Hash::from_bytes(key.hash.0) == hash { Some(key) } else { known }
            });
            let key = known.ok_or_else(unauthenticated)?;
            Ok(Caller { name: key.name.clone(), role: key.role })
        }
        _ => Err(unauthenticated()),
    }
}

/// Without keys, pages of other sites must not reach us through a name that they point at loopback.
fn open(headers: &HeaderMap) -> Result<Caller, Problem> {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    if host.is_none_or(is_loopback) {
        return Ok(Caller { name: "local".to_owned(), role: Role::Admin });
    }
    Err(Problem::new(Code::Forbidden, "without API keys this service answers to localhost only"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let name = name.to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    let bearer =
        bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    bearer
        .or_else(|| headers.get("x-api-key")?.to_str().ok())
        .or_else(|| offered_key(headers))
        .filter(|key| !key.is_empty())
}

/// Pages cannot set headers of a WebSocket, but offer subprotocols: one of them is `bearer.<key>`.
fn offered_key(headers: &HeaderMap) -> Option<&str> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered.split(',').find_map(|protocol| protocol.trim().strip_prefix("bearer."))
}

/// Makes a key from the system's randomness, and returns it with the item of `API_KEYS` that lets it in.
pub(crate) fn new_key(name: &str, role: Role) -> std::io::Result<(String, String)> {
    let mut random = [0; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let key = format!("tradai_{}", URL_SAFE_NO_PAD.encode(random));
    let item = format!("{name}:{role}:{}", blake3::hash(key.as_bytes()).to_hex());
    Ok((key, item))
}

fn unauthenticated() -> Problem {
    Problem::new(Code::Unauthenticated, Code::Unauthenticated.meaning())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_offered_as_a_subprotocol() {
        let mut headers = HeaderMap::new();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, "tradai, bearer.k-1".parse().unwrap());
        assert_eq!(presented_key(&headers), Some("k-1"));
        headers.insert("x-api-key", "k-2".parse().unwrap());
        assert_eq!(presented_key(&headers), Some("k-2"));
        for none in ["tradai", "bearer.", "Xbearer.k"] {
            let headers = HeaderMap::from_iter([(header::SEC_WEBSOCKET_PROTOCOL, none.parse().unwrap())]);
            assert_eq!(presented_key(&headers), None, "{none}");
        }
    }

    #[test]
    fn names_of_loopback() {
        for host in
            ["localhost", "localhost:8002", "127.0.0.1:8002", "[::1]:8002", "a.localhost", "LOCALHOST"]
        {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["evil.example", "127.0.0.1.evil.example:8002", "10.0.0.1", "", "[::2]:1", "localhost.evil"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
