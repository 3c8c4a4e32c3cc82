//! The boundary of the service: ids, spans, logs, metrics, and problems in their final form.

use std::io::Write;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::{Instrument, error, info, info_span, warn};
use tradai_domain::{Clock, IdSource};

use crate::around::{Around, Next, Rest};
use crate::metrics::Metrics;
use crate::otlp;
use crate::problem::{self, Code, Problem};
use crate::socket::RefusedWith;
use crate::trace::RequestIds;

/// What the boundary needs of its service.
pub(crate) struct Boundary {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn IdSource>,
    pub(crate) metrics: Arc<Metrics>,
}

/// Headers that a reply has, or some more, so that there is room for all of them at once.
pub(crate) const HEADERS: usize = 10;
/// Longest text of an answer of axum's own that is sent on as a problem's detail, in bytes.
const REJECTION_BYTES: usize = 4096;

/// The outermost layer. Everything that is said about a request is said here, once.
impl Around for Boundary {
    async fn answer<S: Rest>(&self, mut request: Request, next: Next<S>) -> Response {
        let started = Instant::now();
        let mut ids = RequestIds::of(request.headers(), &*self.ids, &*self.clock);
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let path = uri.path();
        let matched = request.extensions().get::<MatchedPath>().cloned();
        let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
        let span = info_span!("request", trace_id = %ids.trace_id, %method, route, path = shown(path));
        otlp::join(&span, &mut ids);
        request.extensions_mut().insert(ids.clone());

        let _running = self.metrics.running();
        async {
            let response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(panicked);
            let mut response = finish(response, path, &ids).await;
            let taken = started.elapsed();
            write_headers(&mut response, &ids, taken);
            let refused = response.extensions().get::<RefusedWith>();
            let status = refused.map_or_else(|| response.status(), |refused| refused.0);
            self.metrics.record(&method, route, status, taken);
            log(&method, route, status, taken);
            response
        }
        .instrument(span)
        .await
    }
}

/// Gives a problem its instance and trace, logs what is not sent, and turns bare failures into problems.
async fn finish(response: Response, path: &str, ids: &RequestIds) -> Response {
    let (mut parts, body) = response.into_parts();
    let problem = match parts.extensions.remove::<Problem>() {
        Some(problem) => problem,
        None if is_bare_failure(parts.status, &parts.headers) => rejection(parts.status, body).await,
        None => return Response::from_parts(parts, body),
    };
    if let Some(internal) = problem.internal() {
        let code = problem.code().id();
        if parts.status.is_server_error() {
            error!(code, error = %internal, "request failed: {internal}");
        } else {
            info!(code, error = %internal, "request refused: {internal}");
        }
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(problem::CONTENT_TYPE));
    Response::from_parts(parts, Body::from(problem.document(path, &ids.trace_id.to_string())))
}

/// The path for the log: without the query, which may hold what must not be logged, and of bounded length.
fn shown(path: &str) -> &str {
    &path[..path.floor_char_boundary(200)]
}

/// True for failures without a document: axum's rejections, 404 and 405.
fn is_bare_failure(status: StatusCode, headers: &axum::http::HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
    (status.is_client_error() || status.is_server_error())
        && kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

/// Makes a problem of a bare failure. Texts of server errors are ours to read, not the client's.
async fn rejection(status: StatusCode, body: Body) -> Problem {
    let code = Code::of_status(status);
    let text = axum::body::to_bytes(body, REJECTION_BYTES).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let problem = if status.is_server_error() && !text.is_empty() {
        Problem::new(code, code.meaning()).source(Bare(text))
    } else if text.is_empty() {
        Problem::new(code, code.meaning())
    } else {
        Problem::new(code, text)
    };
    problem.status_override(status)
}

/// The text of a bare failure.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Bare(String);

fn write_headers(response: &mut Response, ids: &RequestIds, taken: Duration) {
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    ids.write(headers);
    let tenths = taken.as_micros() / 100;
    let mut timing = [0; 64];
    let mut rest = &mut timing[..];
    let written = write!(rest, "app;dur={}.{}", tenths / 10, tenths % 10);
    let unused = rest.len();
    let timing = HeaderValue::from_bytes(&timing[..timing.len() - unused]);
    if let (Ok(()), Ok(timing)) = (written, timing) {
        headers.entry(HeaderName::from_static("server-timing")).or_insert(timing);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
}

fn log(method: &Method, route: &str, status: StatusCode, taken: Duration) {
    let duration_ms = u64::try_from(taken.as_millis()).unwrap_or(u64::MAX);
    let status = status.as_u16();
    let is_probe = matches!(route, "/api/v1/health" | "/api/v1/ready" | "/metrics");
    if status >= 500 {
        warn!(status, duration_ms, "{method} {route} answered {status} in {duration_ms} ms");
    } else if is_probe {
        tracing::debug!(status, duration_ms, "{method} {route} answered {status} in {duration_ms} ms");
    } else {
        info!(status, duration_ms, "{method} {route} answered {status} in {duration_ms} ms");
    }
}

/// Answers for a handler that panics, for layers that are to see that answer; what panics further out is the boundary's.
pub(crate) struct Panics;

impl Around for Panics {
    async fn answer<S: Rest>(&self, request: Request, next: Next<S>) -> Response {
        AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(panicked)
    }
}

/// Answers for a handler that panicked. The hook of the process has printed where.
#[expect(clippy::needless_pass_by_value, reason = "it is handed over so")]
fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no text");
    let code = Code::Internal;
    Problem::new(code, code.meaning()).source(Bare(format!("panic: {text}"))).into_response()
}
