//! The program of a strategy container, by `TRADING_MODE`: `backtest` runs a job to its end and ends with a code.
//!
//! Started by the backend's executors, as a process of this machine or a container ([`run`]); [`local`] makes those
//! executors, and runs jobs within the backend's own process too. `tradai job` and `tradai-backend job` are the same
//! program. What it finds in its environment is [`tradai_control_plane::jobs::backtest_environment`].
//!
//! Invariant: a job's folder appears whole or not at all, and only of a job that completed; whatever becomes of a job,
//! its record says so, or whoever watches over its process does.

mod backtest;
pub mod containers;
mod error;
pub mod local;
mod process;
mod settings;

pub use backtest::run_job;
pub use error::Error;
pub use process::run;
pub use settings::{JobVariables, TradingMode, TradingSettings, read_location};
