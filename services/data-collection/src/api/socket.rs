//! One WebSocket, from its upgrade to its close.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::{Interval, interval, timeout};
use tradai_service::axum::body::Bytes;
use tradai_service::axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tradai_service::utoipa::{self, ToSchema};

use super::series_view::date;
use super::sockets::{Place, Sockets};
use crate::core::{End, Event, Listener, Next};

/// Largest message that is read at all; nothing that a client may send is near it.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;
/// Largest message that is refused for what it is rather than for its size.
const MAX_TEXT: usize = 4 * 1024;
/// How long a client may take to answer that it was told the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// Pings that may be unanswered before a client counts as gone.
const MAX_UNANSWERED: u32 = 2;

const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TOO_BIG: u16 = 1009;
const INTERNAL: u16 = 1011;
const TRY_LATER: u16 = 1013;
const NOT_THERE: u16 = 4404;
const IDLE: u16 = 4408;

/// A message of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StreamMessage<'a> {
    /// Counts up by one from 1 within a connection.
    seq: u64,
    /// `candle`, `correction`, `ticker`, `gap`, `live`, `reconnecting`, `stale` or `dropped`.
    #[serde(rename = "type")]
    #[schema(example = "candle")]
    kind: &'static str,
    /// When the service learned of it.
    ts: String,
    /// `symbol`, of candles `timeframe`, and what belongs to the type.
    #[schema(value_type = Object)]
    data: &'a Value,
}

/// Why a socket ends: a close code and a text; `None` when the client is gone.
type Close = Option<(u16, String)>;

/// Tells a client what a listener hears, until one of them ends.
pub(super) async fn serve(mut socket: WebSocket, listener: Listener, sockets: Sockets, place: Place) {
    let told = talk(&mut socket, &listener, &sockets).await;
    drop(listener);
    if let Some((code, reason)) = told {
        let frame = CloseFrame { code, reason: Utf8Bytes::from(shortened(&reason)) };
        let goodbye = async {
            if socket.send(Message::Close(Some(frame))).await.is_ok() {
                while let Some(Ok(_)) = socket.recv().await {}
            }
        };
        // A client that does not answer is let go without.
        drop(timeout(CLOSE_PATIENCE, goodbye).await);
    }
    drop(place);
}

async fn talk(socket: &mut WebSocket, listener: &Listener, sockets: &Sockets) -> Close {
    let stopping = || Some((GOING_AWAY, "the service stops".to_owned()));
    let mut pings = Pings::new(sockets.ping).await;
    let mut seq = 0;
    loop {
        let message = tokio::select! {
            biased;
            () = sockets.shutdown.stopping() => return stopping(),
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    pings.unanswered = 0;
                    continue;
                }
                Some(Ok(Message::Text(text))) => return refused(text.len()),
                Some(Ok(Message::Binary(bytes))) => return refused(bytes.len()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            },
            is_alive = pings.due() => {
                if !is_alive {
                    return Some((IDLE, "no answer to pings".to_owned()));
                }
                Message::Ping(Bytes::new())
            }
            next = listener.next() => match event_of(next, sockets) {
                Ok(event) => {
                    seq += 1;
                    match text(seq, &event) {
                        Ok(text) => Message::Text(text.into()),
                        Err(_) => return Some((INTERNAL, "a message could not be written".to_owned())),
                    }
                }
                Err(close) => return Some(close),
            },
        };
        tokio::select! {
            biased;
            sent = socket.send(message) => if sent.is_err() { return None },
            () = sockets.shutdown.stopping() => return stopping(),
        }
    }
}

/// When to ping, and whether the client answers.
struct Pings {
    times: Interval,
    unanswered: u32,
}

impl Pings {
    async fn new(period: Duration) -> Self {
        let mut times = interval(period);
        // The first is at once, and not needed: the client has just asked.
        times.tick().await;
        Self { times, unanswered: 0 }
    }

    /// Waits for the next ping; false when too many are unanswered. Cancel safe.
    async fn due(&mut self) -> bool {
        self.times.tick().await;
        self.unanswered += 1;
        self.unanswered <= MAX_UNANSWERED
    }
}

/// Clients have nothing to say here.
fn refused(length: usize) -> Close {
    if length > MAX_TEXT {
        return Some((TOO_BIG, format!("{length} bytes are more than {MAX_TEXT}")));
    }
    Some((POLICY, "this socket takes no messages; what it sends is chosen by its query".to_owned()))
}

fn event_of(next: Next, sockets: &Sockets) -> Result<Arc<Event>, (u16, String)> {
    match next {
        Next::Event(event) => Ok(event),
        Next::Dropped(stream, count) => Ok(Arc::new(Event::dropped(stream, count, sockets.clock.now_ms()))),
        Next::End(End::Refused(message)) => Err((NOT_THERE, format!("the exchange refused: {message}"))),
        Next::End(End::Failed) => Err((TRY_LATER, "the feed ended; connect again".to_owned())),
        Next::End(End::TooSlow) => Err((POLICY, "too slow: connect again, with fewer symbols".to_owned())),
    }
}

fn text(seq: u64, event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(&StreamMessage { seq, kind: event.kind, ts: date(event.at), data: &event.data })
}

/// A close frame holds 123 bytes of text.
fn shortened(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(123)]
}
