//! How far the candles of a job are.

use serde::{Deserialize, Serialize};

/// How far the candles of a job are that are collected before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Collecting {
    /// Series that are complete.
    pub series_done: u64,
    /// Series that the job needs.
    pub series_total: u64,
    /// Candles that the exchange has answered for, of the series that are collected now.
    pub candles_done: u64,
    /// Candles that are to be asked for, of those series that have begun.
    pub candles_total: u64,
}

impl Collecting {
    /// Returns whether all is there.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.series_done == self.series_total
    }
}
