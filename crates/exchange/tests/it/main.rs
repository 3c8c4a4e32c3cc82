//! The crate from outside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod conformance;
mod feed;
mod hostile;
mod safety;
