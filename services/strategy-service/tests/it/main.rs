//! The service as a client meets it.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod check;
mod configs;
mod hostile;
mod openapi;
mod race;
mod register;
mod resolve;
mod settings;
mod strategies;
mod support;
