//! `tradai job`: the program of one job, which `tradai up` starts as a process of its own.

use std::process::ExitCode;

use tradai_platform::settings::Inputs;

/// Runs what the environment asks for, and ends with that program's codes.
pub(crate) fn run(inputs: &Inputs) -> ExitCode {
    // Those that led here are not that program's.
    tradai_trading::run(&Inputs { arguments: Vec::new(), ..inputs.clone() })
}
