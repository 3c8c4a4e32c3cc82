//! The backend; see the library for what it does. `tradai-backend job` is the program of one job, which the executor
//! starts: the same binary, so that a host needs no other.

use std::process::ExitCode;

use tradai_backend::{Settings, start};
use tradai_service::Command;

fn main() -> ExitCode {
    let job = Command {
        name: "job",
        about: "Run the job that the environment describes",
        run: tradai_trading::run,
    };
    tradai_service::run_with(&[job], |settings: Settings, shutdown| async move {
        start(&settings, &shutdown).await
    })
}
