//! Another service of the platform, by its HTTP API.
//!
//! Invariant: a call ends within its patience, whatever the service does; one that does not answer is left alone for a
//! while; only what is safe to repeat is repeated.

mod calm;
mod error;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use tracing::error;
use tradai_domain::jobs::TraceId;
use tradai_domain::{Clock, IdSource};
use tradai_http_client::reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tradai_http_client::reqwest::{self, Method, RequestBuilder, Response, StatusCode};
use tradai_http_client::{self as http_client, builder, chain, read};
use tradai_platform::settings::sections::Role;
use tradai_service::ON_BEHALF_OF;

use crate::settings::PeerUrl;
use calm::Calm;
pub(crate) use error::PeerError;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest reply that is read.
const MAX_REPLY_BYTES: usize = 8 * 1024 * 1024;
/// How many characters of a refusal are passed on.
const MAX_DETAIL: usize = 500;
/// How often a call that is safe to repeat is sent.
const TRIES: u32 = 3;

/// A service that this one asks. Clones share connections and the breaker.
#[derive(Clone)]
pub(crate) struct Peer {
    name: &'static str,
    url: PeerUrl,
    key: Option<Arc<SecretString>>,
    http: Option<reqwest::Client>,
    calm: Arc<Calm>,
    trace: Option<PeerTrace>,
    /// Whom calls are made for.
    caller: Option<Arc<str>>,
}

/// What a call belongs to, as it is passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PeerTrace {
    /// W3C's `traceparent`.
    pub(crate) traceparent: String,
    /// `X-Correlation-ID`.
    pub(crate) correlation_id: String,
}

impl PeerTrace {
    /// Returns a trace with a span of its own.
    pub(crate) fn of(trace_id: TraceId, ids: &dyn IdSource, clock: &dyn Clock) -> Self {
        let span = ids.next(clock).simple().to_string();
        let span = span.get(16..).unwrap_or_default();
        Self { traceparent: format!("00-{trace_id}-{span}-01"), correlation_id: trace_id.to_string() }
    }
}

impl Peer {
    /// Returns the client of a service; `key` is what it knows us by. Where TLS cannot be set up, nobody is
    /// reachable: the service can do without its peers.
    pub(crate) fn new(
        name: &'static str,
        url: PeerUrl,
        key: Option<SecretString>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        let http = client().inspect_err(|error| error!(error, "{name} cannot be asked: {error}")).ok();
        let calm = Arc::new(Calm::new(clock, ids));
        Self { name, url, key: key.map(Arc::new), http, calm, trace: None, caller: None }
    }

    /// Returns the same peer, whose calls belong to something.
    #[must_use]
    pub(crate) fn within(&self, trace: PeerTrace) -> Self {
        Self { trace: Some(trace), ..self.clone() }
    }

    /// Returns the same peer, which is told that its calls are made for somebody. It must know our key as a service's,
    /// and refuses them otherwise.
    #[must_use]
    pub(crate) fn on_behalf_of(&self, caller: &str) -> Self {
        Self { caller: Some(caller.into()), ..self.clone() }
    }

    /// Returns the same peer for questions whose answers can be done without: that they come late leaves the calls of
    /// others alone.
    pub(crate) fn apart(&self, clock: Arc<dyn Clock>, ids: Arc<dyn IdSource>) -> Self {
        Self { calm: Arc::new(Calm::new(clock, ids)), ..self.clone() }
    }

    /// Returns for how long the service is left alone because it did not answer; `None` when it may be asked.
    pub(crate) fn refuses(&self) -> Option<Duration> {
        self.calm.refuses()
    }

    /// Asks the service who we are there, which takes what `role` may do, and whether it takes our word for whom we ask.
    /// Returns whether it asks anybody who they are.
    ///
    /// # Errors
    /// When it does not answer; when it does not let us in, or as less than that.
    pub(crate) async fn check(&self, role: Role, patience: Duration) -> Result<bool, PeerError> {
        let me = self.on_behalf_of("backend").get("/api/v1/me", &[], patience).await?;
        let found = me["role"].as_str().unwrap_or_default();
        if found.parse().is_ok_and(|found: Role| found >= role) {
            return Ok(me["proof"] != "open");
        }
        let detail = format!("it has the role {found:.20} there, and {role} is needed");
        Err(PeerError::KeyRefused { peer: self.name, detail })
    }

    /// Returns what the service answers to a GET with this query.
    pub(crate) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        patience: Duration,
    ) -> Result<Value, PeerError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        self.repeat(|left| self.request(Method::GET, &path, left), patience).await
    }

    /// Returns what the service answers to a POST of a JSON document, which is sent once.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &Value,
        patience: Duration,
    ) -> Result<Value, PeerError> {
        self.call(|| self.posted(path, body, patience)).await
    }

    /// Returns what the service answers to a file, which is sent once; `replaces` is the version that it takes the place
    /// of, as `If-Match`.
    pub(crate) async fn post_file(
        &self,
        path: &str,
        media_type: &'static str,
        text: String,
        replaces: Option<&str>,
        patience: Duration,
    ) -> Result<Value, PeerError> {
        let request = || {
            let request = self.request(Method::POST, path, patience)?.body(text);
            let request = request.header("content-type", media_type);
            Ok(match replaces {
                Some(version) => request.header("if-match", format!("\"{version}\"")),
                None => request,
            })
        };
        self.call(request).await
    }

    /// As [`Peer::post`], of something that is safe to repeat.
    pub(crate) async fn post_again(
        &self,
        path: &str,
        body: &Value,
        patience: Duration,
    ) -> Result<Value, PeerError> {
        self.repeat(|left| self.posted(path, body, left), patience).await
    }

    /// Sends a request a few times, as long as the patience lasts. What takes all of it counts as a failure, too.
    async fn repeat(
        &self,
        request: impl Fn(Duration) -> Result<RequestBuilder, PeerError>,
        patience: Duration,
    ) -> Result<Value, PeerError> {
        let deadline = Instant::now() + patience;
        for repetition in 0..TRIES - 1 {
            let error = match self.call(|| request(left(deadline))).await {
                Err(error) if error.is_failure() => error,
                done => return done,
            };
            let pause = self.calm.backoff(repetition);
            if self.refuses().is_some() || Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
        self.call(|| request(left(deadline))).await
    }

    /// Makes a request and sends it, if the service is not left alone, and notes what becomes of it.
    async fn call(
        &self,
        request: impl FnOnce() -> Result<RequestBuilder, PeerError>,
    ) -> Result<Value, PeerError> {
        let pass = self.calm.pass().map_err(|pause| PeerError::Unreachable {
            peer: self.name,
            problem: "is left alone, because it did not answer",
            retry_after: Some(pause),
        })?;
        let answer = self.send(request()?).await;
        pass.report(answer.as_ref().is_err_and(PeerError::is_failure));
        answer
    }

    fn posted(&self, path: &str, body: &Value, patience: Duration) -> Result<RequestBuilder, PeerError> {
        let request = self.request(Method::POST, path, patience)?.body(body.to_string());
        Ok(request.header("content-type", "application/json"))
    }

    fn request(&self, method: Method, path: &str, patience: Duration) -> Result<RequestBuilder, PeerError> {
        let Some(http) = &self.http else { return Err(self.unreachable("is not reachable")) };
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key
            && let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()))
        {
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static("authorization"), value);
        }
        if let Some(caller) = &self.caller {
            let named = HeaderValue::from_bytes(caller.as_bytes());
            let named = named.map_err(|_| self.unreachable("cannot be told who asks"))?;
            headers.insert(HeaderName::from_static(ON_BEHALF_OF), named);
        }
        if let Some(trace) = &self.trace {
            let passed = [("traceparent", &trace.traceparent), ("x-correlation-id", &trace.correlation_id)];
            for (name, value) in passed {
                headers
                    .extend(HeaderValue::from_str(value).map(|value| (HeaderName::from_static(name), value)));
            }
        }
        Ok(http.request(method, format!("{}{path}", self.url)).headers(headers).timeout(patience))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Value, PeerError> {
        let response = request.send().await.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let value = self.read(response).await?;
        if status.is_success() {
            return Ok(value);
        }
        let text = |key: &str| value[key].as_str().map(|text| text.chars().take(MAX_DETAIL).collect());
        let detail: Option<String> = text("detail").or_else(|| text("title"));
        let detail = detail.unwrap_or_else(|| format!("answered with the status {status}"));
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let none = "none is set";
            let detail = if self.key.is_some() { detail } else { none.to_owned() };
            return Err(PeerError::KeyRefused { peer: self.name, detail });
        }
        Err(PeerError::Refused { peer: self.name, status: status.as_u16(), detail, problem: value })
    }

    /// Reads a body that is not too long; nothing is `null`.
    async fn read(&self, response: Response) -> Result<Value, PeerError> {
        let body = read(response, MAX_REPLY_BYTES).await.map_err(|error| match error {
            http_client::Error::Broken(error) => self.lost(&error),
            _ => self.unreachable("answered with more than can be read"),
        })?;
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| self.unreachable("did not answer with JSON"))
    }

    fn lost(&self, error: &reqwest::Error) -> PeerError {
        self.unreachable(if error.is_timeout() { "did not answer in time" } else { "is not reachable" })
    }

    fn unreachable(&self, problem: &'static str) -> PeerError {
        PeerError::Unreachable { peer: self.name, problem, retry_after: None }
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn client() -> Result<reqwest::Client, String> {
    let builder = builder().map_err(|error| chain(&error))?.connect_timeout(CONNECT_TIMEOUT);
    builder.build().map_err(|error| chain(&error))
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer")
            .field("name", &self.name)
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::{ErrorKind, ManualClock, SequentialIds};

    use super::*;

    #[tokio::test]
    async fn nobody_there_is_said_in_few_words_and_soon_without_asking() {
        // Bound and dropped: nobody listens there.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let clock = Arc::new(ManualClock::at(0));
        let ids = Arc::new(SequentialIds::default());
        let key = Some("s3cret".into());
        let peer = Peer::new("data-collection", PeerUrl::loopback(port), key, clock.clone(), ids);
        let ask = || peer.get("/api/v1/exchanges", &[], Duration::from_secs(30));
        let error = ask().await.unwrap_err();
        assert_eq!(error.to_string(), "data-collection is not reachable");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        // Three tries have failed.
        assert_eq!(peer.refuses(), Some(Duration::from_secs(1)));
        assert!(ask().await.unwrap_err().to_string().contains("is left alone"));
        clock.advance(1_000);
        assert_eq!(ask().await.unwrap_err().to_string(), "data-collection is not reachable");
        assert_eq!(peer.refuses(), Some(Duration::from_secs(2)));
        assert!(!format!("{peer:?}").contains("s3cret"));
    }
}
