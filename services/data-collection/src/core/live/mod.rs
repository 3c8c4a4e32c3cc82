//! Live market data for many listeners: one feed per exchange, shared, and a bounded queue per listener.
//!
//! A feed is opened for the first listener of its exchange and closed some time after the last; a stream is subscribed
//! once, however many listen. Who comes back in that time goes on after the last number that it knows. Invariants: no
//! listener holds up another, and who does not keep up loses the oldest of what waits for it and is told how much; who
//! comes back to a stream that was broken off since the number that it knows is told so.

mod event;
mod hub;
mod memory;
mod queue;
mod source;
mod topic;

pub(crate) use event::Event;
pub(crate) use hub::{Hub, Listener, Wanted};
pub(crate) use queue::{End, Next};
pub use source::FeedSource;
