//! The backend; see the library for what it does. `tradai-backend job` is the program of one job, which the executor
//! starts: the same binary, so that a host needs no other.

use std::process::ExitCode;

use tradai_backend::{Settings, start};
use tradai_platform::settings::Inputs;

fn main() -> ExitCode {
    let inputs = Inputs::of_process();
    if inputs.arguments.first().is_some_and(|first| first == "job") {
        return tradai_trading::run(&inputs);
    }
    tradai_service::run(|settings: Settings, shutdown| async move { start(&settings, &shutdown).await })
}
