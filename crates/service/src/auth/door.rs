//! The door: lets known callers in and notes who they are.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;
use tradai_domain::Clock;
use tradai_platform::settings::sections::{AuthSettings, Credentials, KeyScope, Role};

use super::behalf;
use super::caller::{Caller, Proof, unauthenticated};
use super::jwt::Tokens;
use super::keys;
use super::session::{Authority, Sessions};
use super::sign_in;
use super::stored::StoredKeys;
use super::ticket::Tickets;
use crate::around::{Next, Rest};
use crate::idempotency::IdempotencyStore;
use crate::limits::Limits;
use crate::origin;
use crate::problem::{Code, Problem};
use crate::socket::{BEARER, offered};

static API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What the door needs to know callers.
pub(crate) struct Door {
    /// `None` where nobody is asked.
    known: Option<Known>,
    pub(super) tickets: Tickets,
    pub(super) sessions: Sessions,
    /// Whether people are sent to a page to sign in.
    has_sign_in: bool,
}

struct Known {
    credentials: Credentials,
    tokens: Option<Arc<Tokens>>,
    stored: Option<Arc<StoredKeys>>,
}

impl Known {
    /// Returns who holds a key: one of the settings, or else of the state.
    async fn find_key(&self, presented: &str) -> Result<Option<Caller>, Problem> {
        let hash = blake3::hash(presented.as_bytes());
        match (keys::find_holder(&self.credentials.keys, hash), &self.stored) {
            (None, Some(stored)) => stored.find_holder(presented, hash.as_bytes()).await,
            (found, _) => Ok(found),
        }
    }
}

impl Door {
    /// `secret` is what sessions and tickets are sealed with; `service` names their cookie.
    pub(crate) fn new(
        settings: &AuthSettings,
        service: &str,
        secret: &SecretString,
        clock: &Arc<dyn Clock>,
        used_tickets: Arc<dyn IdempotencyStore>,
        has_sign_in: bool,
        stored: Option<Arc<StoredKeys>>,
    ) -> Self {
        let known = match settings {
            AuthSettings::Required(credentials) => Some(Known {
                credentials: credentials.clone(),
                tokens: credentials.tokens.as_ref().map(|tokens| Arc::new(Tokens::new(tokens, clock))),
                stored: stored.clone(),
            }),
            _ => None,
        };
        let authority = match settings {
            AuthSettings::Required(credentials) => credentials
                .tokens
                .as_ref()
                .map(|tokens| Authority { issuer: tokens.issuer.clone(), audience: tokens.audience.clone() }),
            _ => None,
        };
        let sessions = Sessions::new(service, secret, clock.clone(), authority, stored.clone());
        let tickets = Tickets::new(service, secret, used_tickets, clock.clone(), stored);
        Self { known, tickets, sessions, has_sign_in }
    }

    /// Returns who holds a key or a token.
    pub(super) async fn find_holder(&self, credential: &str) -> Result<Caller, Problem> {
        let known = self.known.as_ref().ok_or_else(unauthenticated)?;
        if let Some(caller) = known.find_key(credential).await? {
            return Ok(caller);
        }
        match &known.tokens {
            Some(tokens) => tokens.verify(credential).await,
            None => Err(unauthenticated()),
        }
    }

    /// Returns who sent a request.
    async fn find_caller(&self, request: &Parts, limits: &Limits) -> Result<Caller, Problem> {
        let headers = &request.headers;
        let Some(known) = &self.known else { return open(headers) };
        if let Some(credential) = presented_credential(headers) {
            if let Some(caller) = known.find_key(credential).await? {
                return Ok(caller);
            }
            // To look at a token costs something: not for an address that sends bad ones.
            limits.refuse_bad_tokens(request)?;
            let found = self.find_holder(credential).await;
            if found.as_ref().is_err_and(|problem| problem.code() == Code::Unauthenticated) {
                limits.count_bad_token(request)?;
            }
            return found;
        }
        if let Some(ticket) = presented_ticket(request) {
            return self.tickets.redeem(&ticket).await?.ok_or_else(unauthenticated);
        }
        let found = self.sessions.find_caller(headers, &known.credentials.keys).await?;
        let caller = found.ok_or_else(unauthenticated)?;
        // A browser adds the cookie whoever asks it to call.
        if origin::changes_or_listens(&request.method, headers) && !origin::is_from_a_page_of_ours(headers) {
            return Err(Problem::new(Code::Forbidden, "a session may be used by pages of this address only"));
        }
        Ok(caller)
    }

    /// Returns whom a caller speaks for. Where nobody is asked, nobody's word about others counts.
    fn for_whom(&self, caller: Caller, headers: &HeaderMap) -> Result<Caller, Problem> {
        match &self.known {
            Some(known) => behalf::apply(caller, &known.credentials.keys, headers),
            None => Ok(caller),
        }
    }

    /// Whether a caller is a service of the platform.
    fn is_service(&self, caller: &Caller) -> bool {
        let keys = self.known.as_ref().map_or(&[][..], |known| known.credentials.keys.as_slice());
        let mut services = keys.iter().filter(|key| key.scope == KeyScope::Service);
        caller.proof == Proof::ApiKey && caller.key.is_none() && services.any(|key| key.name == caller.name)
    }

    /// Gives the ticket back of a caller who came with one and has to come again.
    async fn give_back(&self, caller: &Caller, request: &Parts) {
        if let (Proof::Ticket, Some(ticket)) = (caller.proof, presented_ticket(request)) {
            self.tickets.give_back(&ticket).await;
        }
    }

    /// Answers a request of somebody who is known, with a note of who it is; shows others where to sign in.
    /// Each is counted as the one who they are, so that those of one address do not get into each other's way.
    pub(crate) async fn admit<S: Rest>(
        &self,
        mut parts: Parts,
        body: Body,
        next: Next<S>,
        limits: &Limits,
    ) -> Response {
        let found = match self.find_caller(&parts, limits).await {
            Ok(caller) => {
                // A service asks for many, and counts them itself.
                let counted = if self.is_service(&caller) { Ok(()) } else { limits.count(&caller, &parts) };
                if counted.is_err() {
                    self.give_back(&caller, &parts).await;
                }
                counted.and_then(|()| self.for_whom(caller, &parts.headers))
            }
            Err(problem) => Err(limits.count_unknown(&parts).err().unwrap_or(problem)),
        };
        match found {
            Ok(caller) => {
                forget_ticket(&mut parts.uri);
                parts.extensions.insert(caller);
                next.run(Request::from_parts(parts, body)).await
            }
            Err(problem) if self.has_sign_in && sign_in::may_sign_in(&problem, &parts) => {
                sign_in::redirect(&parts.uri)
            }
            Err(problem) => problem.into_response(),
        }
    }
}

/// Where nobody is asked, pages of other sites must not reach us through a name that they point at loopback.
fn open(headers: &HeaderMap) -> Result<Caller, Problem> {
    let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
    if host.is_none_or(is_loopback) {
        let (name, proof) = ("local".to_owned(), Proof::Open);
        return Ok(Caller { name, role: Role::Admin, proof, until: None, via: None, key: None });
    }
    Err(Problem::new(Code::Forbidden, "without API keys or tokens this service answers to localhost only"))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.to_ascii_lowercase().ends_with(".localhost")
        || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn presented_credential(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    let bearer =
        bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    bearer
        .or_else(|| headers.get(&API_KEY)?.to_str().ok())
        .or_else(|| offered_credential(headers))
        .filter(|credential| !credential.is_empty())
}

/// Pages cannot set headers of a WebSocket, but offer subprotocols: one of them is `bearer.<key or token>`.
fn offered_credential(headers: &HeaderMap) -> Option<&str> {
    offered(headers).find_map(|protocol| protocol.strip_prefix(BEARER))
}

/// Tickets are for what pages can send no headers with, and for nothing else: addresses end up in histories and logs.
fn presented_ticket(request: &Parts) -> Option<String> {
    let accepts = request.headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let is_stream = request.headers.contains_key(header::UPGRADE)
        || accepts.is_some_and(|accepts| accepts.contains("text/event-stream"));
    if request.method != Method::GET || !is_stream {
        return None;
    }
    let pairs = form_urlencoded::parse(request.uri.query()?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "ticket").map(|(_, ticket)| ticket.into_owned())
}

/// Takes the ticket out of the query: handlers know nothing of it.
fn forget_ticket(uri: &mut Uri) {
    let Some(query) = uri.query().filter(|query| query.contains("ticket=")) else { return };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("ticket=")).collect();
    let target = match kept.join("&") {
        query if query.is_empty() => uri.path().to_owned(),
        query => format!("{}?{query}", uri.path()),
    };
    let mut parts = uri.clone().into_parts();
    if let Ok(target) = target.parse() {
        parts.path_and_query = Some(target);
    }
    if let Ok(without) = Uri::from_parts(parts) {
        *uri = without;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_be_offered_as_a_subprotocol() {
        let mut headers = HeaderMap::new();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, "tradai, bearer.k-1".parse().unwrap());
        assert_eq!(presented_credential(&headers), Some("k-1"));
        headers.insert("x-api-key", "k-2".parse().unwrap());
        assert_eq!(presented_credential(&headers), Some("k-2"));
        for none in ["tradai", "bearer.", "Xbearer.k"] {
            let headers = HeaderMap::from_iter([(header::SEC_WEBSOCKET_PROTOCOL, none.parse().unwrap())]);
            assert_eq!(presented_credential(&headers), None, "{none}");
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

    #[test]
    fn a_ticket_is_taken_out_of_the_query() {
        for (before, after) in [
            ("/ws/x?ticket=t", "/ws/x"),
            ("/ws/x?a=1&ticket=t&b=%20", "/ws/x?a=1&b=%20"),
            ("/ws/x?xticket=t", "/ws/x?xticket=t"),
            ("/ws/x", "/ws/x"),
        ] {
            let mut uri: Uri = before.parse().unwrap();
            forget_ticket(&mut uri);
            assert_eq!(uri.to_string(), after);
        }
    }
}
