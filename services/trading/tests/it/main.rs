//! Jobs as they are run on a machine: processes of the real program over one data folder.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod configs;
mod deaths;
mod limits;
mod many;
mod modes;
mod same_bytes;
mod stopping;
mod world;
