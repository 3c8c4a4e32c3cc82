//! Who runs jobs, by the settings.

use std::error::Error;
use std::sync::Arc;

use tradai_control_plane::jobs::Sweep;
use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, ExecutorFactory};
use tradai_domain::jobs::{ExecutorMode, LocalExecutionMode};
use tradai_embedded::DockerTasks;
use tradai_platform::wiring::Wiring;
use tradai_service::Check;
use tradai_trading::local::{LocalHost, LocalTasks};

use super::logs::TaskLogs;
use super::memory;
use crate::CHECK_PATIENCE;
use crate::settings::Settings;

/// Who runs jobs.
pub(crate) struct Executor {
    /// `None` where the settings allow that.
    pub(crate) submitter: Option<Arc<dyn BacktestJobSubmitter>>,
    /// Deletes what is kept of its old tasks.
    pub(crate) sweep: Sweep,
    /// What its tasks wrote.
    pub(crate) logs: TaskLogs,
    /// Whether it can be worked with, where that is not up to this machine alone.
    pub(crate) check: Option<Check>,
}

/// Makes the executor. Its processes are this program with the argument `job`. Where jobs are containers and there is no
/// daemon, the service starts all the same: it shows jobs, and is not ready.
pub(crate) async fn open(
    settings: &Settings,
    wiring: &Wiring,
) -> Result<Executor, Box<dyn Error + Send + Sync>> {
    let host = LocalHost {
        program: std::env::current_exe()?,
        state: &settings.state,
        strategies: Some(&settings.strategy_path),
        log: &settings.log,
        environment: &settings.environment.0,
    };
    let tasks = LocalTasks::new(&host, wiring).with_containers(&host, &settings.containers);
    let mut ports = tasks.executor_ports();
    if let Some(uri) = &settings.mlflow.tracking_uri {
        ports.environment.insert("MLFLOW_TRACKING_URI".to_owned(), uri.clone());
    }
    if let Some(bucket) = &settings.bucket {
        // This host may know it by a name that is its own.
        ports.environment.insert("ARCTIC_S3_BUCKET".to_owned(), bucket.clone());
    }
    // Containers have the size that the platform's table says, and a job within this process has no memory of its own.
    let is_process = settings.executor.local_mode == LocalExecutionMode::Subprocess;
    let memory = settings.job_memory_mib.map(u64::from).or_else(|| memory::share(settings.parallel_jobs));
    if let Some(mebibytes) = memory.filter(|mebibytes| *mebibytes > 0 && is_process) {
        ports.environment.insert("JOB_MEMORY_MIB".to_owned(), mebibytes.to_string());
        // The bound is on what a program has mapped. jemalloc, which it has of this service, gives back what is freed only
        // when it is told so.
        ports.environment.insert("MALLOC_CONF".to_owned(), "retain:false".to_owned());
    }
    let submitter =
        ExecutorFactory::create_with_fallback(&settings.executor, &ports, settings.allow_no_executor)?;
    let is_docker = settings.executor.mode == ExecutorMode::Local
        && settings.executor.local_mode == LocalExecutionMode::Docker;
    let containers = tasks.containers().filter(|_| is_docker && submitter.is_some());
    if let Some(containers) = &containers
        && let Err(error) = answers(containers).await
    {
        tracing::error!(
            %error,
            "no job can run: {error}. Start Docker, set BACKEND_DOCKER_SOCKET and BACKEND_DOCKER_IMAGE, or \
             BACKEND_LOCAL_EXECUTION_MODE=subprocess"
        );
    }
    let logs = TaskLogs::new(settings.state.tasks(), tasks.containers());
    Ok(Executor { submitter, sweep: tasks.sweep(), logs, check: containers.map(docker_check) })
}

/// Asks for the daemon and the image, and does not wait long: the service starts without, too.
async fn answers(containers: &DockerTasks) -> Result<(), String> {
    let asked = tokio::time::timeout(CHECK_PATIENCE, containers.check()).await;
    asked.map_or_else(
        |_| Err(format!("the Docker daemon does not answer within {CHECK_PATIENCE:?}")),
        |answer| answer.map_err(|error| error.to_string()),
    )
}

/// Without the daemon and the image no job runs.
fn docker_check(containers: Arc<DockerTasks>) -> Check {
    Check::hard("docker", CHECK_PATIENCE, move || {
        let containers = containers.clone();
        async move { containers.check().await.map_err(|error| error.to_string()) }
    })
}
