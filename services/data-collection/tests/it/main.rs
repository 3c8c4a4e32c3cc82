//! The service as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api;
mod audit;
mod exchange;
mod hostile;
mod jobs;
mod openapi;
mod process;
mod schedules;
mod settings;
mod streams;
mod support;
