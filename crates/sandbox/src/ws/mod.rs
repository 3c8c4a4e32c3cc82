//! Websockets: market streams of both venues, the user stream of USD-M, and spot's WebSocket API.
//!
//! A session is a sync state machine ([`session`], [`api`]) that a task asks for frames every few milliseconds; what streams
//! say is computed from tape and engine when asked ([`stream`]), so that nothing is buffered for a slow client. It
//! falls behind instead, and catches up in slices.

mod api;
mod frames;
mod life;
mod lossy;
mod session;
mod stream;

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use crate::exchange::Exchange;
use crate::market::Venue;
use crate::server::Sandbox;
use api::ApiSession;
use session::Session;

/// How often a session looks for something to say.
const POLL_EVERY: Duration = Duration::from_millis(10);
/// Bytes of a client's message.
pub(crate) const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// What goes to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    Text(String),
    Ping(Vec<u8>),
    Close(u16, &'static str),
    /// The end without a word.
    Cut,
}

/// The exchange's side of a socket.
pub(crate) trait Speaker: Send {
    /// Takes a client's message and returns the answer.
    fn hear(&mut self, text: &str, exchange: &mut Exchange) -> Vec<Out>;

    /// A pong came.
    fn ponged(&mut self, payload: &[u8], exchange: &mut Exchange);

    /// Returns what there is to say now.
    fn poll(&mut self, exchange: &mut Exchange) -> Vec<Out>;

    /// The socket has ended.
    fn leave(&self, exchange: &mut Exchange);
}

/// Returns the exchange's side of a socket that was just opened.
pub(crate) fn speaker(endpoint: &Endpoint, exchange: &mut Exchange) -> Box<dyn Speaker> {
    if endpoint.is_api {
        return Box::new(ApiSession::new(exchange));
    }
    Box::new(Session::new(endpoint, exchange))
}

/// What a socket was opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    venue: Venue,
    /// Whether it is that of the WebSocket API.
    is_api: bool,
    /// Whether frames carry the name of their stream.
    is_combined: bool,
    /// Streams named in the address.
    streams: Vec<String>,
}

impl Endpoint {
    /// Returns the endpoint of a path, `None` when it is none of sockets.
    ///
    /// Spot: `/ws[/NAME...]` and `/stream?streams=NAME/NAME`. USD-M: the same below `/public`, `/market` and
    /// `/private`, or at a host called `fstream...`. The first label of the exchange's host may come before all that
    /// (`/stream/ws`, `/fstream/ws`), since one port stands for several hosts here and some clients look for it. A
    /// listen key is a name, or the parameter `listenKey`. `/ws-api/v3` is the WebSocket API of spot.
    pub(crate) fn parse(host: &str, path: &str, query: &str) -> Option<Self> {
        if path.ends_with("/ws-api/v3") {
            return Some(Self { venue: Venue::Spot, is_api: true, is_combined: false, streams: Vec::new() });
        }
        let below = |path: &'_ str, prefix: &str| -> Option<String> {
            path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).map(str::to_owned)
        };
        let below_fstream = below(path, "/fstream");
        let path = below_fstream.clone().or(below(path, "/stream")).unwrap_or_else(|| path.to_owned());
        let below_category =
            ["/public", "/market", "/private"].iter().find_map(|prefix| below(&path, prefix));
        let is_futures = below_fstream.is_some() || below_category.is_some() || host.starts_with("fstream");
        let venue = if is_futures { Venue::UsdM } else { Venue::Spot };
        let path = below_category.unwrap_or(path);
        let param = |name: &str| {
            let found = form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name);
            found.map(|(_, value)| value.into_owned())
        };
        let names = |text: &str| text.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let (is_combined, mut streams): (bool, Vec<String>) = if path == "/stream" {
            (true, param("streams").map(|text| names(&text)).unwrap_or_default())
        } else if path == "/ws" {
            (false, Vec::new())
        } else {
            (false, names(path.strip_prefix("/ws/")?))
        };
        streams.extend(param("listenKey"));
        Some(Self { venue, is_api: false, is_combined, streams })
    }
}

/// Talks to a client until one of both has enough.
pub(crate) async fn talk(sandbox: Sandbox, mut speaker: Box<dyn Speaker>, socket: WebSocket) {
    exchange_words(&sandbox, speaker.as_mut(), socket).await;
    speaker.leave(&mut sandbox.exchange());
}

async fn exchange_words(sandbox: &Sandbox, speaker: &mut dyn Speaker, mut socket: WebSocket) {
    let mut every = tokio::time::interval(POLL_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let outs = tokio::select! {
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => speaker.hear(text.as_str(), &mut sandbox.exchange()),
                Some(Ok(Message::Pong(payload))) => {
                    speaker.ponged(&payload, &mut sandbox.exchange());
                    Vec::new()
                }
                Some(Ok(Message::Ping(_) | Message::Binary(_))) => Vec::new(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            _ = every.tick() => speaker.poll(&mut sandbox.exchange()),
        };
        for out in outs {
            let message = match out {
                Out::Text(text) => Message::Text(text.into()),
                Out::Ping(payload) => Message::Ping(payload.into()),
                Out::Close(code, reason) => {
                    let reason = Some(CloseFrame { code, reason: reason.into() });
                    drop(socket.send(Message::Close(reason)).await);
                    return;
                }
                Out::Cut => return,
            };
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_venue_and_streams() {
        let parse = |host, path, query| {
            Endpoint::parse(host, path, query).map(|at| (at.venue, at.is_combined, at.streams.join(" ")))
        };
        let (spot, usd_m) = (Venue::Spot, Venue::UsdM);
        assert_eq!(parse("x", "/ws", ""), Some((spot, false, String::new())));
        assert_eq!(parse("x", "/ws/a@trade/b@trade", ""), Some((spot, false, "a@trade b@trade".to_owned())));
        assert_eq!(
            parse("x", "/stream", "streams=a%40trade/b@trade"),
            Some((spot, true, "a@trade b@trade".to_owned()))
        );
        assert_eq!(parse("fstream.binance.com", "/ws/k", ""), Some((usd_m, false, "k".to_owned())));
        assert_eq!(parse("x", "/private/ws", "listenKey=k"), Some((usd_m, false, "k".to_owned())));
        assert_eq!(
            parse("x", "/market/stream", "streams=a@kline_1m"),
            Some((usd_m, true, "a@kline_1m".to_owned()))
        );
        assert_eq!(parse("x", "/fstream/market/ws/0", ""), Some((usd_m, false, "0".to_owned())));
        assert_eq!(parse("x", "/fstream/ws", ""), Some((usd_m, false, String::new())));
        assert_eq!(parse("x", "/stream/ws/0", ""), Some((spot, false, "0".to_owned())));
        assert_eq!(parse("x", "/wsx", ""), None);
        assert_eq!(parse("x", "/api/v3/ping", ""), None);
    }
}
