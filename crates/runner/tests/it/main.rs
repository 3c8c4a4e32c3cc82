//! Runs against Freqtrade's own results.

mod callbacks;
mod compare;
mod golden_replay;
mod shared;
