//! What a source tells as server-sent events, for clients that have no WebSockets.

use std::convert::Infallible;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;

use super::places::SocketPlace;
use super::talk::StreamSource;
use crate::problem::{FieldFault, Place, Problem};
use crate::shutdown::Shutdown;

/// How often it is said that the stream lives, where nothing else is said.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// When a client comes back that lost the stream.
const RECONNECT: Duration = Duration::from_secs(2);

/// Answers with what a source tells, until it, its caller's token or session, or the service ends. It holds its place
/// for as long.
#[must_use]
pub fn event_stream<S: StreamSource>(source: S, place: SocketPlace, shutdown: Shutdown) -> Response {
    let start = (source, place, shutdown, true);
    let events = stream::unfold(start, |(mut source, place, shutdown, is_first)| async move {
        if is_first {
            // Sent at once, so that a client knows that it is heard before there is anything to tell.
            let event = Event::default().retry(RECONNECT).comment("listening");
            return Some((Ok::<_, Infallible>(event), (source, place, shutdown, false)));
        }
        let message = tokio::select! {
            biased;
            () = shutdown.stopping() => return None,
            () = place.expired() => return None,
            message = source.next() => message.ok()?,
        };
        let event = Event::default().id(message.seq.to_string()).event(message.kind).data(message.text);
        Some((Ok(event), (source, place, shutdown, false)))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

/// Returns the number of the last message that a browser got before it lost the stream, from `Last-Event-ID`; `None`
/// for a stream that begins.
///
/// # Errors
/// When it is no number.
pub fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(last) = headers.get("last-event-id") else { return Ok(None) };
    let last = last.to_str().ok().and_then(|last| last.parse().ok());
    last.map(Some).ok_or_else(|| {
        let (pointer, reason) = ("/Last-Event-ID".to_owned(), "expected the number of a message".to_owned());
        Problem::fields(vec![FieldFault { place: Place::Header, pointer, reason }])
    })
}
