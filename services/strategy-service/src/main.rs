//! The strategy-service; see the library for what it does.

use std::process::ExitCode;

use tradai_strategy_service::{Settings, start};

fn main() -> ExitCode {
    tradai_service::run(|settings: Settings, shutdown| async move { start(&settings, &shutdown).await })
}
