//! Batches: one backtest over a grid of pairs, timeframes, settings and parameters.
//!
//! A batch is stored with the names of all its jobs before the first of them is taken in, and a job is taken in under its
//! name: whoever finds a batch that is not complete, another process or a repeated request, goes on with it, and no job
//! is made twice.
//!
//! Invariants: a batch that was acknowledged has all its jobs in the end, or says why not, unless it is cancelled; of one
//! that is cancelled no job goes on.

mod grid;
mod service;

pub use grid::{BatchAxes, BatchCell, BatchPlace, BatchRequest, MAX_BATCH_JOBS, value_text};
pub use service::{BatchView, Batches, SubmittedBatch};
