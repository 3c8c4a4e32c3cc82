//! The backend with an executor that takes jobs and runs none: what `cargo xtask bench-api` puts under load. Everything
//! up to the hand-over is the real service.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use tradai_backend::{Parts, Settings, build};
use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, TaskSubmitter};
use tradai_platform::wiring::Wiring;
use tradai_testkit::MemoryTasks;

fn main() -> ExitCode {
    tradai_service::run(|settings: Settings, shutdown| async move {
        let wiring = Wiring::open(&settings.state, [])?;
        // The first jobs keep the places that there are, and those after them wait, as under any load of jobs.
        let tasks = TaskSubmitter::local(Arc::new(MemoryTasks::default()), BTreeMap::new());
        let executor: Option<Arc<dyn BacktestJobSubmitter>> = Some(Arc::new(tasks));
        let parts = Parts { wiring, executor, sweep_tasks: None, logs: None, check: None };
        Ok(build(&settings, parts, &shutdown))
    })
}
