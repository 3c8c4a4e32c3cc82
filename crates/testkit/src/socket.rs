//! A client of a service's WebSockets.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
pub use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::PATIENCE;

/// Messages with the number of the one before: they tell how things stand, or what was lost, and not what happened.
const UNNUMBERED: [&str; 3] = ["snapshot", "dropped", "missed"];

/// A client, which checks that numbers rise.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    seq: Option<u64>,
}

impl Socket {
    /// Asks for a WebSocket over a connection that is there.
    ///
    /// # Errors
    /// When it is refused by a status.
    pub async fn open(
        stream: TcpStream,
        address: SocketAddr,
        target: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, Box<Error>> {
        let mut request = format!("ws://{address}{target}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (stream, _) = client_async(request, stream).await?;
        Ok(Self { stream, seq: None })
    }

    /// Returns the next frame; pings keep coming, so that tests which wait in vain are ended by the runner.
    pub async fn frame(&mut self) -> Message {
        let frame = tokio::time::timeout(PATIENCE, self.stream.next()).await;
        frame.expect("a message comes").expect("the socket is open").unwrap()
    }

    /// Returns the next message.
    pub async fn next(&mut self) -> Value {
        loop {
            match self.frame().await {
                Message::Text(text) => {
                    let message: Value = serde_json::from_str(&text).unwrap();
                    self.check(&message);
                    return message;
                }
                Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn check(&mut self, message: &Value) {
        let seq = message["seq"].as_u64().unwrap();
        let is_unnumbered = message["type"].as_str().is_some_and(|kind| UNNUMBERED.contains(&kind));
        let rises = self.seq.is_none_or(|last| last < seq || (is_unnumbered && last == seq));
        assert!(rises && message["ts"].as_str().unwrap().ends_with('Z'), "{message}");
        self.seq = Some(seq);
    }

    /// Reads up to and with the first message of a type.
    pub async fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut messages = vec![self.next().await];
        while messages.last().unwrap()["type"] != kind {
            messages.push(self.next().await);
        }
        messages
    }

    /// Says something.
    pub async fn say(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// Reads to the end and returns its code.
    pub async fn closed(&mut self) -> u16 {
        loop {
            match self.frame().await {
                Message::Close(frame) => return frame.unwrap().code.into(),
                Message::Text(_) | Message::Ping(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Returns the connection, for who reads bytes.
    pub fn connection(&mut self) -> &mut TcpStream {
        self.stream.get_mut()
    }
}
