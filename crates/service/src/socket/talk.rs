//! One WebSocket, from its upgrade to its close.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use tokio::time::{Interval, interval, timeout};

use super::close::{self, Close};
use super::places::SocketPlace;
use crate::shutdown::Shutdown;

/// Largest message that is read at all; nothing that a client may send is near it.
pub(super) const MAX_MESSAGE: usize = 64 * 1024;
/// Largest message that is refused for what it is rather than for its size.
const MAX_TEXT: usize = 4 * 1024;
/// How long a client may take to take a message. Less than what its connection is given to take anything at all, so that
/// one that is only slow is told why it is let go.
const SEND_PATIENCE: Duration = Duration::from_secs(15);
/// How long a client may take to answer that it was told the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// The same of one that is slow: what it has not read yet comes before.
const SLOW_PATIENCE: Duration = Duration::from_secs(10);
/// Pings that may be unanswered before a client counts as gone.
const MAX_UNANSWERED: u32 = 2;

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamMessage {
    /// Its number: a client that comes back goes on after it.
    pub seq: u64,
    /// What it is: the `event` of server-sent events.
    pub kind: &'static str,
    /// The whole message, `seq` and type included, as JSON.
    pub text: String,
}

/// What a stream tells its client, over a WebSocket or as server-sent events.
pub trait StreamSource: Send + 'static {
    /// Returns the next message, or how to end. Must be cancel safe: a message that was not returned comes again.
    fn next(&mut self) -> impl Future<Output = Result<StreamMessage, Close>> + Send;
}

/// Tells a client what a source says, until one of them ends. The source is dropped before the goodbye, which may
/// take its time.
pub(super) async fn serve<S: StreamSource>(
    mut socket: WebSocket,
    mut source: S,
    ping: Duration,
    place: &SocketPlace,
    shutdown: &Shutdown,
) {
    let told = talk(&mut socket, &mut source, ping, place, shutdown).await;
    drop(source);
    let Some(close) = told else { return };
    let frame = CloseFrame { code: close.code, reason: Utf8Bytes::from(close.shown()) };
    let goodbye = async {
        if socket.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    // A client that does not answer is let go without.
    let patience = if close.code == close::TRY_LATER { SLOW_PATIENCE } else { CLOSE_PATIENCE };
    drop(timeout(patience, goodbye).await);
}

/// Returns how to end; `None` when the client is gone.
async fn talk<S: StreamSource>(
    socket: &mut WebSocket,
    source: &mut S,
    ping: Duration,
    place: &SocketPlace,
    shutdown: &Shutdown,
) -> Option<Close> {
    let stopping = || Some(Close::new(close::GOING_AWAY, "the service stops"));
    let expired = || Some(Close::new(close::UNAUTHENTICATED, "the key, the token or the session has ended"));
    let mut ending = pin!(place.expired());
    let mut pings = Pings::new(ping).await;
    loop {
        let message = tokio::select! {
            biased;
            () = shutdown.stopping() => return stopping(),
            () = &mut ending => return expired(),
            received = socket.recv() => match received {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    pings.unanswered = 0;
                    continue;
                }
                Some(Ok(Message::Text(text))) => return Some(refused(text.len())),
                Some(Ok(Message::Binary(bytes))) => return Some(refused(bytes.len())),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
            },
            is_alive = pings.due() => {
                if !is_alive {
                    return Some(Close::new(close::IDLE, "no answer to pings"));
                }
                Message::Ping(Bytes::new())
            }
            next = source.next() => match next {
                Ok(message) => Message::Text(message.text.into()),
                Err(close) => return Some(close),
            },
        };
        tokio::select! {
            biased;
            sent = timeout(SEND_PATIENCE, socket.send(message)) => match sent {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return None,
                Err(_) => return Some(Close::new(close::TRY_LATER, "too slow: messages are not read as fast as they come")),
            },
            () = shutdown.stopping() => return stopping(),
            () = &mut ending => return expired(),
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
        return Close::new(close::TOO_BIG, format!("{length} bytes are more than {MAX_TEXT}"));
    }
    Close::new(close::POLICY, "this socket takes no messages; what it sends is chosen by its query")
}
