//! What runs a strategy to completion: loading, the engine, and what is left on disk.
//!
//! [`replay`] runs given signals; more modes (train, trade) join here, by `TRADING_MODE`. Hosts (the command
//! line, later services) parse input, call in, and present. Invariant: a job folder appears whole or not at all.

pub mod candle_folder;
mod error;
pub mod export;
pub mod replay;
mod rules;

pub use error::Error;
pub use rules::{read_leverage_tiers, read_markets};
