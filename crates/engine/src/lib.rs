//! The backtest engine: Freqtrade's semantics, natively.
//!
//! [`prepare()`] turns stored candles and a strategy into [`PairData`]; [`backtest::run`] steps through them with a
//! simulated account; [`metrics`] sums up. Everything is synchronous and deterministic: no clock, no randomness,
//! and no map order reaches a result, whatever the number of threads.
//!
//! What "equal to Freqtrade" means is measured, not copied: see `docs/ENGINE.md` and the golden tests.

pub mod backtest;
pub mod metrics;
mod money;
mod position;
pub mod prepare;
mod python;
pub mod risk;

pub use backtest::{Counters, EquityCurve, Lock, Outcome, PairData};
pub use metrics::Statistics;
pub use prepare::{CandleProvider, GivenSignal, MarketRules, PrepareError, SignalSource, prepare};

/// Hears how far a preparation or a backtest is, and may end it.
pub trait Progress: Sync {
    /// `done` of `total` steps are behind: main candles of a backtest, pairs of a preparation. May be told by several
    /// threads.
    fn advance(&self, done: u64, total: u64);

    /// Returns whether nobody wants the rest any more. It is asked whenever progress is told; what comes of a backtest
    /// that ends early is of no use.
    fn is_stopped(&self) -> bool {
        false
    }
}

/// Nobody listens.
impl Progress for () {
    fn advance(&self, _done: u64, _total: u64) {}
}
