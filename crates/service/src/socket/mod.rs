//! Streams that tell clients something, over WebSockets or as server-sent events: how many there may be, pings,
//! patience, and how they end.
//!
//! A service implements [`StreamSource`] for what it tells; clients have nothing to say. Not for the protocol within
//! the messages, nor for who may listen: authentication has passed before the upgrade, and what is wrong with a
//! request is answered as a problem instead of the upgrade.
//!
//! Invariant: a client that does not read costs its source's own bounded queue and one buffer, never another client's
//! time; every socket ends when the service does, and when what its caller has shown ends.

pub mod close;
mod events;
mod places;
mod talk;

pub use events::{event_stream, last_event_id};
pub use places::{SocketPlace, Sockets};
pub use talk::{StreamMessage, StreamSource};
