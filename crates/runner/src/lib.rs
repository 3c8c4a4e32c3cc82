//! What runs a strategy to completion: loading, the engine, and what is left on disk.
//!
//! [`backtest`] runs a strategy as a job, [`verify`] runs a job again, [`replay`] runs given signals; more modes
//! (train, trade) join here, by `TRADING_MODE`. Hosts (the command line, the strategy container) parse input, call in,
//! and present. Invariant: a job folder appears whole or not at all.

pub mod backtest;
pub mod candle_folder;
mod error;
pub mod export;
pub mod market_rules;
pub mod replay;
pub mod report;
pub mod results;
mod rules;
pub mod strategies;
pub mod verify;

pub use error::Error;
pub use rules::{read_leverage_tiers, read_markets, read_rules};
/// What [`backtest::run`] and [`verify::verify`] tell how far they are, and ask whether to go on.
pub use tradai_engine::Progress;

/// Commit that the program was built from; empty when not built from a repository.
pub const GIT_COMMIT: &str = match option_env!("TRADAI_GIT_COMMIT") {
    Some(commit) => commit,
    None => "",
};
