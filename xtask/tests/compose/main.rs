//! The containers without a container engine: what the compose files say, and the same programs as processes with
//! what the compose file gives each of them.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod documents;
mod file;
mod processes;
mod stack;
