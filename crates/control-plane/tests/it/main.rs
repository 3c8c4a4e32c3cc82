//! The use cases over a hand-written exchange and the real store, in memory.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod collecting;
mod exchange;
mod jobs;
mod memory;
mod requests;
mod schedules;
mod two_collectors;
