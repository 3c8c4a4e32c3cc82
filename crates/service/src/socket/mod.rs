//! Streams that tell clients something, over WebSockets or as server-sent events: how many there may be, pings,
//! patience, and how they end.
//!
//! A service implements [`StreamSource`] for what it tells; clients have nothing to say. Not for the protocol within
//! the messages, nor for who may listen: authentication has passed before the upgrade. What is wrong with a request is a
//! problem, as everywhere, and told by the code of a close (`refusal.rs`).
//!
//! Invariant: a client that does not read costs its source's own bounded queue and one buffer, never another client's
//! time; every socket ends when the service does, and when what its caller has shown ends.

pub mod close;
mod events;
mod places;
mod refusal;
mod talk;

pub use events::{event_stream, last_event_id};
pub use places::{SocketPlace, Sockets};
pub(crate) use refusal::{Asked, BEARER, Refusals, RefusedWith, offered, require_protocol};
pub use talk::{StreamMessage, StreamSource};
