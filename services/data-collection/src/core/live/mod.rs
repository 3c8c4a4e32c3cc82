//! Live market data for many listeners: one feed per exchange, shared, and a bounded queue per listener.
//!
//! A feed is opened for the first listener of its exchange and closed after the last; a stream is subscribed once,
//! however many listen. Invariant: no listener holds up another. Who does not keep up loses the oldest of what waits
//! for it, and is told how much.

mod event;
mod hub;
mod queue;
mod source;

pub(crate) use event::Event;
pub(crate) use hub::{Hub, Listener};
pub(crate) use queue::{End, Next};
pub use source::FeedSource;
