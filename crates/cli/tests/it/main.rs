//! The program as people use it: real processes, real folders.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod api_keys;
mod bad_input;
mod chaos;
mod client;
mod doctor;
mod first_run;
mod flow;
mod lossy;
mod platform;
mod program;
mod quick;
mod sandbox;
mod store;
mod store_commands;
mod sync;
mod up;
