//! The backend; see the library for what it does.

use std::process::ExitCode;

use tradai_backend::{Settings, start};

fn main() -> ExitCode {
    tradai_service::run(|settings: Settings, shutdown| async move { start(&settings, &shutdown).await })
}
