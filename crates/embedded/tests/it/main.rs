//! The adapters against the laws of their ports, in memory and in files, alone and with processes that are killed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod docker;
mod full_disk;
mod laws;
mod openings;
mod processes;
mod queue;
mod seen;
mod taking_in;
mod unsynced;
mod worker;
mod workflow;
