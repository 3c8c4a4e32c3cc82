//! The program of a strategy container, by `TRADING_MODE`: `backtest` runs a job to its end and ends with a code.
//!
//! Started by the backend's executors, as a process of this machine or a container; `tradai job` and
//! `tradai-backend job` are the same program.

use std::process::ExitCode;

use tradai_platform::settings::Inputs;

/// Runs what the environment asks for.
#[must_use]
pub fn run(inputs: &Inputs) -> ExitCode {
    let mode = inputs.environment.get("TRADING_MODE").map_or("", String::as_str);
    eprintln!("TRADING_MODE: `{mode}` does not run yet");
    ExitCode::from(2)
}
