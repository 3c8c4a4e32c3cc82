//! The service as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod jobs;
mod settings;
mod streams;
mod support;
