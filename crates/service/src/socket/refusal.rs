//! Refusals of WebSockets that a page can read.
//!
//! Of a request for one that is answered with a status, browsers tell pages nothing but 1006. So the connection is
//! upgraded all the same, and closed at once with a code that says what the status would have said. That costs more than
//! a status, and is done for so many at a time; beyond that a status it is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::Request;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::OnUpgrade;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::info;

use super::close::{self, Close};
use super::places::{BUFFER_BYTES, PROTOCOL};
use crate::problem::{Code, Problem};

/// How many are told at the same time.
const MOST: usize = 64;
/// How long each may take to hear it.
const PATIENCE: Duration = Duration::from_secs(2);
/// What precedes a key among the protocols that a page offers.
pub(crate) const BEARER: &str = "bearer.";

/// What the status of a refused WebSocket would have been, in a response that upgrades it all the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RefusedWith(pub(crate) StatusCode);

/// Tells refused clients why.
#[derive(Clone)]
pub(crate) struct Refusals {
    places: Arc<Semaphore>,
}

/// What is kept of a request for a WebSocket until it is known whether it is refused.
pub(crate) struct Asked {
    parts: Parts,
}

impl Asked {
    /// Returns what is needed of a request; `None` when it asks for no WebSocket.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let upgrade = request.headers().get(header::UPGRADE)?;
        upgrade.as_bytes().eq_ignore_ascii_case(b"websocket").then_some(())?;
        let on_upgrade = request.extensions().get::<OnUpgrade>()?.clone();
        let (mut parts, ()) = Request::new(()).into_parts();
        (parts.method, parts.version) = (request.method().clone(), request.version());
        parts.headers = request.headers().clone();
        parts.extensions.insert(on_upgrade);
        Some(Self { parts })
    }
}

impl Refusals {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Turns a response that refuses a WebSocket into one that says so by the code of a close, where that can be.
    pub(crate) async fn tell(&self, asked: Asked, response: Response) -> Response {
        let Some(problem) = response.extensions().get::<Problem>() else { return response };
        // A browser takes no connection whose protocol is none of those that it offered.
        if !is_understood(&asked.parts.headers) {
            return response;
        }
        let Ok(place) = self.places.clone().try_acquire_owned() else { return response };
        let (mut parts, close) = (asked.parts, close_of(problem));
        let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
            return response;
        };
        let (code, cause) = (problem.code().id(), problem.internal().unwrap_or_default());
        info!(code, error = %cause, "a WebSocket is refused with {}: {}", close.code, close.reason);
        let upgrade =
            upgrade.protocols([PROTOCOL]).read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
        let mut told = upgrade.on_upgrade(move |mut socket| async move {
            let frame = CloseFrame { code: close.code, reason: Utf8Bytes::from(close.shown()) };
            let goodbye = async {
                if socket.send(Message::Close(Some(frame))).await.is_ok() {
                    while let Some(Ok(_)) = socket.recv().await {}
                }
            };
            // Who does not listen does not hear it.
            drop(timeout(PATIENCE, goodbye).await);
            drop(place);
        });
        told.extensions_mut().insert(RefusedWith(problem.status()));
        told
    }
}

/// Refuses a client that offers its key and no protocol to speak: a browser would drop the connection without a word.
pub(crate) fn require_protocol(headers: &HeaderMap) -> Result<(), Problem> {
    if is_understood(headers) || !offered(headers).any(|protocol| protocol.starts_with(BEARER)) {
        return Ok(());
    }
    let detail = "offer the subprotocol `tradai` beside `bearer.<key>`: new WebSocket(url, [\"tradai\", \"bearer.<key>\"])";
    Err(Problem::new(Code::Malformed, detail))
}

/// Whether the protocol is offered that is spoken here, or none: then any is right.
fn is_understood(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL)
        || offered(headers).any(|protocol| protocol == PROTOCOL)
}

/// Returns the subprotocols that a client offers.
pub(crate) fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let lists = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(',')).map(str::trim)
}

/// Returns the close that says what a problem says.
fn close_of(problem: &Problem) -> Close {
    let code = match (problem.code(), problem.status()) {
        (Code::NotReady, _) => close::RESTART,
        (_, StatusCode::UNAUTHORIZED) => close::UNAUTHENTICATED,
        (_, StatusCode::FORBIDDEN) => close::FORBIDDEN,
        (_, StatusCode::NOT_FOUND) => close::NOT_FOUND,
        (_, StatusCode::TOO_MANY_REQUESTS) => close::RATE_LIMITED,
        (_, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT) => close::TRY_LATER,
        (_, status) if status.is_client_error() => close::BAD_REQUEST,
        _ => close::INTERNAL,
    };
    Close::new(code, problem.detail())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(protocols: &[&str]) -> HeaderMap {
        let lists = protocols.iter().map(|list| (header::SEC_WEBSOCKET_PROTOCOL, list.parse().unwrap()));
        lists.collect()
    }

    #[test]
    fn a_key_alone_is_no_protocol() {
        for good in [&[][..], &["tradai"], &["tradai, bearer.k"], &["bearer.k", "tradai"], &["chat"]] {
            require_protocol(&headers(good)).unwrap();
        }
        let refused = require_protocol(&headers(&["bearer.k"])).unwrap_err();
        assert_eq!(refused.code(), Code::Malformed);
        assert!(!refused.detail().contains("bearer.k") && refused.detail().contains("tradai"));
    }

    #[test]
    fn codes_say_what_statuses_say() {
        let cases = [
            (Code::Unauthenticated, 4401),
            (Code::Forbidden, 4403),
            (Code::NotFound, 4404),
            (Code::InvalidField, 4400),
            (Code::RateLimited, 4429),
            (Code::Overloaded, 1013),
            (Code::Unavailable, 1013),
            (Code::NotReady, 1012),
            (Code::Internal, 1011),
        ];
        for (code, expected) in cases {
            assert_eq!(close_of(&Problem::new(code, "why")), Close::new(expected, "why"));
        }
    }
}
