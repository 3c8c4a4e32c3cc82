//! The backend; see the library for what it does. `tradai-backend job` is the program of one job, which the executor
//! starts: the same binary, so that a host needs no other.

use std::process::ExitCode;

use tradai_backend::{Settings, start};

fn main() -> ExitCode {
    tradai_service::run_with(&[("job", tradai_trading::run)], |settings: Settings, shutdown| async move {
        start(&settings, &shutdown).await
    })
}
