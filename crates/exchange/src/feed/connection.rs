//! One websocket: bytes there and back, nothing decided.
//!
//! Pings are answered by the library, with their payload. A message longer than [`MAX_MESSAGE_BYTES`] ends the
//! socket, so that memory is bounded whatever is at the other end.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use tradai_http_client::ClientConfig;

use crate::feed::link::LinkId;

/// Longest message taken: market events have a few hundred bytes.
const MAX_MESSAGE_BYTES: usize = 1024 * 1024;
/// Bytes that may wait to be written.
const MAX_WAITING_BYTES: usize = 1024 * 1024;
/// Messages of ours that wait for the socket: more than may be sent in the time it has to answer.
const OUTBOX: usize = 256;

/// What a socket tells.
#[derive(Debug)]
pub(crate) enum Event {
    Opened(LinkId),
    Text(LinkId, tungstenite::Utf8Bytes),
    Closed(LinkId, String),
}

/// A socket that is open or being opened. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Connection {
    outbox: mpsc::Sender<String>,
    task: AbortHandle,
}

impl Connection {
    /// Opens a socket in a task of its own.
    pub(crate) fn open(
        tasks: &mut JoinSet<()>,
        url: String,
        tls: Arc<ClientConfig>,
        link: LinkId,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let (outbox, messages) = mpsc::channel(OUTBOX);
        let task = tasks.spawn(async move {
            let reason = match run(&url, tls, link, &events, messages).await {
                Ok(reason) => reason,
                Err(error) => describe(&error),
            };
            // Nobody listens any more when the line has ended.
            drop(events.send(Event::Closed(link, reason)).await);
        });
        Self { outbox, task }
    }

    /// Sends a message; a socket that takes no more of them is found out by its silence.
    pub(crate) fn send(&self, text: String) {
        if self.outbox.try_send(text).is_err() {
            tracing::warn!("a message to the exchange has no room and is left out");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(
    url: &str,
    tls: Arc<ClientConfig>,
    link: LinkId,
    events: &mpsc::Sender<Event>,
    mut messages: mpsc::Receiver<String>,
) -> Result<String, tungstenite::Error> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(MAX_WAITING_BYTES);
    let connector = Some(Connector::Rustls(tls));
    let (mut socket, _) = connect_async_tls_with_config(url, Some(config), true, connector).await?;
    if events.send(Event::Opened(link)).await.is_err() {
        return Ok(String::new());
    }
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if events.send(Event::Text(link, text)).await.is_err() {
                        return Ok(String::new());
                    }
                }
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.map_or_else(String::new, |frame| format!("{}: {}", frame.code, frame.reason));
                    return Ok(format!("the exchange closed the socket ({reason})"));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok("the exchange ended the socket".to_owned()),
            },
            message = messages.recv() => match message {
                Some(message) => socket.send(Message::text(message)).await?,
                None => return Ok(String::new()),
            },
        }
    }
}

/// The library's own text could name the URL.
fn describe(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Io(error) => format!("the connection failed ({})", error.kind()),
        tungstenite::Error::Http(response) => {
            format!("the exchange refused the socket (HTTP {})", response.status())
        }
        tungstenite::Error::Capacity(_) => "a message was longer than allowed".to_owned(),
        tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_) => {
            "the exchange broke the protocol".to_owned()
        }
        tungstenite::Error::Tls(_) => "TLS failed".to_owned(),
        _ => "the socket failed".to_owned(),
    }
}
