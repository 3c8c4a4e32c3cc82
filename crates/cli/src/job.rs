//! `tradai job`: the program of one job, which `tradai up` starts as a process of its own.

use std::process::ExitCode;

use tradai_platform::settings::Inputs;

/// Runs what the environment asks for, and ends with that program's codes.
pub(crate) fn run(inputs: &Inputs) -> ExitCode {
    tradai_trading::run(inputs)
}
