//! `Idempotency-Key`: a repeated POST gets the first one's reply.
//!
//! Put [`Idempotency::layer`] on routes that create or trigger. The first request with a key runs in a task of its
//! own, to its end, even if the client goes away or the request times out: the repetition then gets the reply.
//! Replies other than success are not kept: nothing was made, so the repetition may try again.

mod memory;
mod repository;
mod store;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt;
use tracing::{Instrument, Span, warn};
use tradai_domain::Clock;

pub use memory::MemoryIdempotency;
pub use repository::StoredIdempotency;
pub use store::{Begin, Fingerprint, IdempotencyStore, RequestKey, StoreError, StoredReply};

use crate::auth::Caller;
use crate::problem::{Code, FieldFault, Place, Problem};

const KEY: &str = "idempotency-key";
/// Says that a reply is that of an earlier request with the same key.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Largest reply that is kept; a larger one is sent, and forgotten.
const REPLY_BYTES: usize = 256 * 1024;
/// How long a request may be in flight before its key is free again: its process must have died.
const LEASE: Duration = Duration::from_secs(600);

/// The layer and its store.
#[derive(Clone)]
pub struct Idempotency {
    store: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    body_limit: usize,
}

impl Idempotency {
    /// Returns the layer over a store; `body_limit` is the service's own, in bytes.
    #[must_use]
    pub fn new(store: Arc<dyn IdempotencyStore>, clock: Arc<dyn Clock>, body_limit: usize) -> Self {
        Self { store, clock, body_limit }
    }

    /// Puts the layer on the POST routes of a router. Requests without the header pass unchanged.
    pub fn layer<S: Clone + Send + Sync + 'static>(self, router: Router<S>) -> Router<S> {
        router.layer(from_fn_with_state(self, idempotent))
    }

    async fn answer(&self, key: RequestKey, request: Request, next: Next) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        let body = http_body_util::Limited::new(body, self.body_limit).collect().await.map_err(|error| {
            let code = if error.is::<http_body_util::LengthLimitError>() {
                Code::BodyTooLarge
            } else {
                Code::Malformed
            };
            Problem::new(code, code.meaning())
        })?;
        let body = body.to_bytes();
        let fingerprint = Fingerprint::of(parts.uri.query().unwrap_or_default(), &body);
        let now = self.clock.now_ms();
        match self.store.begin(&key, fingerprint, now, LEASE).await.map_err(unavailable)? {
            Begin::Replay(reply) => Ok(replay(reply)),
            Begin::InFlight => {
                Err(Problem::new(Code::InFlight, Code::InFlight.meaning())
                    .retry_after(Duration::from_secs(1)))
            }
            Begin::OtherRequest => Err(Problem::new(Code::KeyReused, Code::KeyReused.meaning())),
            Begin::Full => Err(Problem::new(Code::Overloaded, Code::Overloaded.meaning())
                .retry_after(Duration::from_secs(1))),
            Begin::New => self.run(key, Request::from_parts(parts, Body::from(body)), next).await,
        }
    }

    /// Runs the first request and keeps its reply.
    async fn run(&self, key: RequestKey, request: Request, next: Next) -> Result<Response, Problem> {
        let (owner, kept) = (self.clone(), key.clone());
        let task = async move {
            let response = next.run(request).await;
            owner.keep(&kept, response).await
        };
        // Owned by the runtime: it must outlive the request. The lease bounds what is lost if it does not end.
        let task = tokio::spawn(task.instrument(Span::current()));
        match task.await {
            Ok(response) => Ok(response),
            Err(error) => {
                self.forget(&key).await;
                match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => Err(Problem::new(Code::Internal, Code::Internal.meaning()).source(error)),
                }
            }
        }
    }

    async fn keep(&self, key: &RequestKey, response: Response) -> Response {
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                self.forget(key).await;
                return Problem::new(Code::Internal, Code::Internal.meaning()).source(error).into_response();
            }
        };
        if parts.status.is_success() && body.len() <= REPLY_BYTES {
            let reply = StoredReply::new(parts.status, &parts.headers, &body);
            if let Err(error) = self.store.complete(key, reply, self.clock.now_ms()).await {
                warn!(%error, "a reply could not be kept; repeating the request will not be recognised: {error}");
            }
        } else {
            self.forget(key).await;
        }
        Response::from_parts(parts, Body::from(body))
    }

    async fn forget(&self, key: &RequestKey) {
        if let Err(error) = self.store.release(key).await {
            warn!(%error, "an idempotency key stays taken until its lease ends: {error}");
        }
    }
}

async fn idempotent(State(state): State<Idempotency>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let key = match IdempotencyKey::of(request.headers()) {
        Ok(IdempotencyKey(None)) => return next.run(request).await,
        Ok(IdempotencyKey(Some(key))) => key,
        Err(problem) => return problem.into_response(),
    };
    let caller = request.extensions().get::<Caller>().map(|caller| caller.name.as_str()).unwrap_or_default();
    // Keys belong to a caller and a path: two callers that chose the same one do not meet.
    let key = RequestKey::new(caller, request.uri().path(), &key);
    state.answer(key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// The key that a request brought, if any: for use cases that bind what they make to it themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IdempotencyKey(pub Option<String>);

impl IdempotencyKey {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(KEY).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let key = value.to_str().unwrap_or_default();
        let printable = key.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if key.is_empty() || key.len() > 255 || !printable || values.next().is_some() {
            let reason = "expected one key of 1 to 255 printable characters".to_owned();
            let pointer = "/Idempotency-Key".to_owned();
            return Err(Problem::fields(vec![FieldFault { place: Place::Header, pointer, reason }]));
        }
        Ok(Self(Some(key.to_owned())))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)
    }
}

fn replay(reply: StoredReply) -> Response {
    let mut response = Response::new(Body::from(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

fn unavailable(error: StoreError) -> Problem {
    Problem::new(Code::Unavailable, Code::Unavailable.meaning())
        .retry_after(Duration::from_secs(1))
        .source(error)
}
