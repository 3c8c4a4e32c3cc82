//! Live progress, over WebSockets and as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::Stream;
use serde::Deserialize;
use tradai_control_plane::Error;
use tradai_domain::{ErrorKind, JobId};
use tradai_service::axum::extract;
use tradai_service::axum::extract::ws::{Utf8Bytes, WebSocketUpgrade};
use tradai_service::axum::http::{HeaderMap, StatusCode};
use tradai_service::axum::response::sse::{Event, KeepAlive, Sse};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::socket::SocketPlace;
use tradai_service::socket::SocketSource;
use tradai_service::socket::close::{self, Close};
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{Caller, FieldFault, Path, Place, Problem, Query, Shutdown};

use super::backtests::job_id;
use super::message::JobMessage;
use super::problem::problem;
use super::state::State;
use crate::core::{Feed, JobStream};

/// How often an event stream says that it lives, where nothing else is said.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// When a client of an event stream comes back that lost it.
const RECONNECT: Duration = Duration::from_secs(2);

/// Where to go on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct SinceQuery {
    /// `seq` of the last message that is known; those after it are sent. Without it, a snapshot comes first.
    since_seq: Option<String>,
}

/// Streams what happens to a backtest
///
/// A WebSocket: first a `snapshot`, or with `since_seq` what came after that message; then `progress` and `state` as
/// they happen. Ends with code 1000 when the job has ended; 4404 for a job that is not there, 4400 for a bad
/// `since_seq`, 4401 when the caller's token or session has ended, 1013 when events cannot be read now, 1001 when the
/// service stops. `/api/v1/ws/backtests/{job_id}` is the
/// same.
#[utoipa::path(get, path = "/ws/backtests/{job_id}", operation_id = "stream_backtest", tag = "streams",
    params(("job_id" = String, Path), SinceQuery), responses(
    (status = 101, description = "Messages as texts", body = JobMessage),
    (status = 429, description = "The caller has too many streams open"),
    (status = 503, description = "Too many streams are open"),
))]
pub(super) async fn backtest_socket(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<SinceQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let opened = match (job_id(&id), query.number()) {
        (Err(_), _) => Err(Close::new(close::NOT_FOUND, "there is no such job")),
        (_, Err(_)) => Err(bad_since()),
        (Ok(id), Ok(since)) => open(&state.core.feed, Some(id), since).await,
    };
    socket(&state, &caller, upgrade, opened)
}

/// Streams what happens to all jobs
///
/// A WebSocket: as `/ws/backtests/{job_id}`, without end; a `snapshot` has the jobs that have not ended.
/// `/api/v1/ws/jobs` is the same.
#[utoipa::path(get, path = "/ws/jobs", operation_id = "stream_jobs", tag = "streams", params(SinceQuery),
    responses(
    (status = 101, description = "Messages as texts", body = JobMessage),
    (status = 429, description = "The caller has too many streams open"),
    (status = 503, description = "Too many streams are open"),
))]
pub(super) async fn jobs_socket(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<SinceQuery>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let opened = match query.number() {
        Err(_) => Err(bad_since()),
        Ok(since) => open(&state.core.feed, None, since).await,
    };
    socket(&state, &caller, upgrade, opened)
}

/// Streams what happens to a backtest, as server-sent events
///
/// The messages of `/ws/backtests/{job_id}`: `id` is `seq`, `event` the type. A browser that lost the stream goes on by
/// `Last-Event-ID`; once the job has ended and all was told, that is answered with 204, which ends it.
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/events", operation_id = "backtest_events",
    tag = "streams", params(("job_id" = String, Path), SinceQuery, ("Last-Event-ID" = Option<String>, Header)),
    responses(
    (status = 200, body = JobMessage, content_type = "text/event-stream"),
    (status = 204, description = "The job has ended, and all was told"),
    (status = 404, description = "There is no such job"),
    (status = 429, description = "The caller has too many streams open"),
    (status = 503, description = "Too many streams are open"),
))]
pub(super) async fn backtest_events(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<SinceQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = since(&query, &headers)?;
    let place = state.sockets.place(&caller)?;
    let stream = state.core.feed.job(job_id(&id)?, since).await.map_err(problem)?;
    Ok(events(Source { stream, is_one_job: true }, place, state.shutdown.clone()))
}

/// Streams what happens to all jobs, as server-sent events
///
/// The messages of `/ws/jobs`.
#[utoipa::path(get, path = "/api/v1/jobs/events", operation_id = "jobs_events", tag = "streams",
    params(SinceQuery, ("Last-Event-ID" = Option<String>, Header)), responses(
    (status = 200, body = JobMessage, content_type = "text/event-stream"),
    (status = 429, description = "The caller has too many streams open"),
    (status = 503, description = "Too many streams are open"),
))]
pub(super) async fn jobs_events(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Query(query): Query<SinceQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = since(&query, &headers)?;
    let place = state.sockets.place(&caller)?;
    let stream = state.core.feed.all(since).await.map_err(problem)?;
    Ok(events(Source { stream, is_one_job: false }, place, state.shutdown.clone()))
}

impl SinceQuery {
    fn number(&self) -> Result<Option<u64>, std::num::ParseIntError> {
        self.since_seq.as_deref().map(str::parse).transpose()
    }
}

/// Returns where an event stream goes on: where its browser says, or else its query.
fn since(query: &SinceQuery, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let reason = "expected the number of a message".to_owned();
    if let Some(last) = headers.get("last-event-id") {
        let last = last.to_str().ok().and_then(|last| last.parse().ok());
        let pointer = "/Last-Event-ID".to_owned();
        let fault = FieldFault { place: Place::Header, pointer, reason };
        return last.map(Some).ok_or_else(|| Problem::fields(vec![fault]));
    }
    query.number().map_err(|_| Problem::fields(vec![FieldFault::query("since_seq", reason)]))
}

fn bad_since() -> Close {
    Close::new(close::BAD_REQUEST, "since_seq is not the number of a message")
}

async fn open(feed: &Feed, job: Option<JobId>, since: Option<u64>) -> Result<Source, Close> {
    let opened = match job {
        Some(id) => feed.job(id, since).await,
        None => feed.all(since).await,
    };
    opened.map(|stream| Source { stream, is_one_job: job.is_some() }).map_err(|error| closed_by(&error))
}

/// What is wrong with a request is said by the code of the close: a page sees nothing of a refused upgrade.
fn socket(
    state: &State,
    caller: &Caller,
    upgrade: WebSocketUpgrade,
    opened: Result<Source, Close>,
) -> Result<Response, Problem> {
    let place = state.sockets.place(caller)?;
    Ok(match opened {
        Ok(source) => state.sockets.upgrade(upgrade, place, source),
        Err(close) => state.sockets.upgrade(upgrade, place, Refusal(close)),
    })
}

fn closed_by(error: &Error) -> Close {
    match error.kind() {
        ErrorKind::NotFound => Close::new(close::NOT_FOUND, error.to_string()),
        ErrorKind::Unavailable => Close::new(close::TRY_LATER, "events cannot be read now; connect again"),
        _ => Close::new(close::INTERNAL, "a fault of the service"),
    }
}

/// A stream of messages.
struct Source {
    stream: JobStream,
    is_one_job: bool,
}

impl Source {
    /// Returns the next message; `None` at the end. Cancel safe.
    async fn message(&mut self) -> Result<Option<JobMessage>, Error> {
        let told = self.stream.next().await?;
        Ok(told.map(|told| JobMessage::of(&told, self.is_one_job)))
    }
}

impl SocketSource for Source {
    async fn next(&mut self) -> Result<Utf8Bytes, Close> {
        match self.message().await {
            Ok(Some(message)) => serde_json::to_string(&message)
                .map(Utf8Bytes::from)
                .map_err(|_| Close::new(close::INTERNAL, "a message could not be written")),
            Ok(None) => Err(Close::new(close::NORMAL, "the job has ended")),
            Err(error) => Err(closed_by(&error)),
        }
    }
}

/// A socket that is closed at once.
struct Refusal(Close);

impl SocketSource for Refusal {
    async fn next(&mut self) -> Result<Utf8Bytes, Close> {
        Err(self.0.clone())
    }
}

fn events(source: Source, place: SocketPlace, shutdown: Shutdown) -> Response {
    if source.stream.has_nothing_to_tell() {
        return StatusCode::NO_CONTENT.into_response();
    }
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(event_stream(source, place, shutdown)).keep_alive(keep_alive).into_response()
}

/// The messages as events, each with the pause after which a client that lost the stream comes back. Ends with the
/// job, with the service, with its caller's token or session, or where it cannot go on; the place is given back then.
fn event_stream(
    source: Source,
    place: SocketPlace,
    shutdown: Shutdown,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    futures_util::stream::unfold((source, place, shutdown), |(mut source, place, shutdown)| async move {
        let message = tokio::select! {
            biased;
            () = shutdown.stopping() => return None,
            () = place.expired() => return None,
            message = source.message() => message.ok()??,
        };
        let event = Event::default().id(message.seq.to_string()).event(message.kind).retry(RECONNECT);
        let event = event.json_data(&message).ok()?;
        Some((Ok(event), (source, place, shutdown)))
    })
}
