//! The service as a client meets it: in process, and over sockets.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod auth;
mod boundary;
mod conditions;
mod idempotency;
mod limits;
mod origins;
mod probes;
mod requests;
mod signals;
mod sockets;
mod traces;
