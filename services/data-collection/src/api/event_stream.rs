//! Live data as server-sent events, for clients that have no WebSockets.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use tradai_service::Shutdown;
use tradai_service::axum::response::sse::{Event, KeepAlive, Sse};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::socket::SocketPlace;

use super::live::Told;

/// How often it is said that the stream lives, where nothing else is said.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// When a client comes back that lost the stream.
const RECONNECT: Duration = Duration::from_secs(2);

/// Answers with what a listener is told, until it, the caller's token or session, or the service
/// ends. It takes a place among the sockets.
pub(super) fn respond(told: Told, place: SocketPlace, shutdown: Shutdown) -> Response {
    let events =
        stream::unfold((told, place, shutdown, true), |(mut told, place, shutdown, is_first)| async move {
            if is_first {
                // Sent at once, so that a client knows that it is heard before there is anything to tell.
                let event = Event::default().retry(RECONNECT).comment("listening");
                return Some((Ok::<_, Infallible>(event), (told, place, shutdown, false)));
            }
            let message = tokio::select! {
                message = told.message() => message.ok()?,
                () = shutdown.stopping() => return None,
                () = place.expired() => return None,
            };
            let event = Event::default().id(message.seq.to_string()).event(message.kind).data(message.text);
            Some((Ok(event), (told, place, shutdown, false)))
        });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}
