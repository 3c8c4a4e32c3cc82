//! The crate from outside.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod client;
mod conformance;
mod hostile;
mod safety;
