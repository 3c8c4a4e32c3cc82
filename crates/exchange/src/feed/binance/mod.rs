//! Binance's market streams, spot and USD-M: where they are, what they are called, what they say.
//!
//! Sources: "WebSocket Streams" of the spot API docs
//! (<https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>) and "Websocket Market Streams"
//! of the USD-M docs.

mod frames;
mod streams;

pub(crate) use frames::{Frame, Told, parse};
pub use streams::Venue;
pub(crate) use streams::{Route, stream_name, subscribe_message};
