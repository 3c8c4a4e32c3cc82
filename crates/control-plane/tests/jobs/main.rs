//! Jobs over the embedded adapters: taken in, handed over in every mode, killed at every point, reported in any order.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod batches;
mod cancel;
mod deaths;
mod executors;
mod holders;
mod housekeeping;
mod older;
mod prepare;
mod processes;
mod reports;
mod runner_process;
mod submit;
mod world;
