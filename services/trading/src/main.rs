//! What a strategy container runs; see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tradai_trading::run(&tradai_platform::settings::Inputs::of_process())
}
