//! Live progress, over WebSockets and as server-sent events.

use serde::Deserialize;
use tradai_control_plane::Error;
use tradai_domain::{ErrorKind, JobId};
use tradai_service::axum::extract;
use tradai_service::axum::extract::ws::WebSocketUpgrade;
use tradai_service::axum::http::{HeaderMap, StatusCode};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::socket::close::{self, Close};
use tradai_service::socket::{SocketPlace, StreamMessage, StreamSource, event_stream, last_event_id};
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{Caller, FieldFault, Path, Problem, Query};

use super::backtests::job_id;
use super::message::JobMessage;
use super::problem::problem;
use super::state::State;
use crate::core::{Feed, JobStream};

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
/// `since_seq`, 4401 when the caller is not known or their token or session has ended, 4403 when they may not listen, 4429
/// when they have too many streams open, 1013 when there is no room, events cannot be read now or the client does not
/// read, 1001 when the service stops. Pages offer the subprotocols `tradai` and `bearer.<key>`, or take a ticket.
/// `/api/v1/ws/backtests/{job_id}` is the same.
#[utoipa::path(get, path = "/ws/backtests/{job_id}", operation_id = "stream_backtest", tag = "streams",
    params(("job_id" = String, Path), SinceQuery), responses(
    (status = 101, description = "Messages as texts", body = JobMessage),
    (status = 400, description = "A key is offered as a subprotocol, and `tradai` is not"),
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
    (status = 400, description = "A key is offered as a subprotocol, and `tradai` is not"),
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
    Ok(events(&state, Source { stream, is_one_job: true }, place))
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
    Ok(events(&state, Source { stream, is_one_job: false }, place))
}

impl SinceQuery {
    fn number(&self) -> Result<Option<u64>, std::num::ParseIntError> {
        self.since_seq.as_deref().map(str::parse).transpose()
    }
}

/// Returns where an event stream goes on: where its browser says, or else its query.
fn since(query: &SinceQuery, headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    if let Some(last) = last_event_id(headers)? {
        return Ok(Some(last));
    }
    let reason = "expected the number of a message";
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

impl StreamSource for Source {
    async fn next(&mut self) -> Result<StreamMessage, Close> {
        let told = self.stream.next().await.map_err(|error| closed_by(&error))?;
        let told = told.ok_or_else(|| Close::new(close::NORMAL, "the job has ended"))?;
        let message = JobMessage::of(&told, self.is_one_job);
        let text = serde_json::to_string(&message);
        let text = text.map_err(|_| Close::new(close::INTERNAL, "a message could not be written"))?;
        Ok(StreamMessage { seq: message.seq, kind: message.kind, text })
    }
}

/// A socket that is closed at once.
struct Refusal(Close);

impl StreamSource for Refusal {
    async fn next(&mut self) -> Result<StreamMessage, Close> {
        Err(self.0.clone())
    }
}

fn events(state: &State, source: Source, place: SocketPlace) -> Response {
    if source.stream.has_nothing_to_tell() {
        return StatusCode::NO_CONTENT.into_response();
    }
    event_stream(source, place, state.shutdown.clone())
}
