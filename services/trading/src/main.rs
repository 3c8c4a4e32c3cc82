//! What a strategy container runs; see the library.

use std::process::ExitCode;

use tradai_platform::settings::Inputs;

fn main() -> ExitCode {
    let mut inputs = Inputs::of_process();
    // Executors say `job` to the programs that can do more; this one does nothing else.
    inputs.arguments.retain(|argument| argument != "job");
    tradai_trading::run(&inputs)
}
