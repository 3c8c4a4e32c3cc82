//! The backend with an executor that takes jobs and runs none: what `cargo xtask bench-api` puts under load. Everything
//! up to the hand-over is the real service.

use std::process::ExitCode;
use std::sync::Arc;

use tradai_backend::{Parts, Settings, build};
use tradai_control_plane::jobs::executors::BacktestJobSubmitter;
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, ExecutorMode};
use tradai_domain::ports::{PortError, TaskEnd};
use tradai_platform::wiring::Wiring;

struct Accepting;

#[async_trait::async_trait]
impl BacktestJobSubmitter for Accepting {
    fn mode(&self) -> ExecutorMode {
        ExecutorMode::Local
    }

    async fn submit(&self, job: &BacktestJobMessage) -> Result<ExecutionId, PortError> {
        Ok(ExecutionId::new(job.job_id.to_string()))
    }

    async fn stop(&self, _: &ExecutionId) -> Result<(), PortError> {
        Ok(())
    }

    /// The first jobs keep the places that there are, and those after them wait, as under any load of jobs.
    async fn wait(&self, _: &ExecutionId) -> Result<Option<TaskEnd>, PortError> {
        std::future::pending().await
    }

    async fn forget(&self, _: &ExecutionId) -> Result<(), PortError> {
        Ok(())
    }
}

fn main() -> ExitCode {
    tradai_service::run(|settings: Settings, shutdown| async move {
        let wiring = Wiring::open(&settings.state, [])?;
        let parts =
            Parts { wiring, executor: Some(Arc::new(Accepting)), sweep_tasks: None, logs: None, check: None };
        Ok(build(&settings, parts, &shutdown))
    })
}
