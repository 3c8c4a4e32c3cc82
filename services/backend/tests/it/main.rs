//! The service as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api_keys;
mod batches;
mod containers;
mod jobs;
mod openapi;
mod operation;
mod peers;
mod process;
mod results;
mod settings;
mod stage;
mod streams;
mod submission;
mod support;
mod traces;
mod workflows;
