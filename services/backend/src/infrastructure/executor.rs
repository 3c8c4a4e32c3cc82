//! Who runs jobs, by the settings.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, ExecutorFactory, ExecutorPorts};
use tradai_domain::Clock;
use tradai_domain::jobs::LocalExecutionMode;
use tradai_embedded::{ProcessSettings, ProcessTasks};

use crate::core::SweepTasks;
use crate::settings::Settings;

/// How long a job may take to end after it was asked to.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Who runs jobs.
pub(crate) struct Executor {
    /// `None` where the settings allow that.
    pub(crate) submitter: Option<Arc<dyn BacktestJobSubmitter>>,
    /// Deletes what is kept of its old tasks.
    pub(crate) sweep: SweepTasks,
}

/// Makes the executor. Its processes are this program with the argument `job`.
pub(crate) fn open(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Executor, Box<dyn Error + Send + Sync>> {
    let tasks = Arc::new(ProcessTasks::new(ProcessSettings {
        program: std::env::current_exe()?,
        arguments: vec!["job".to_owned()],
        environment: BTreeMap::new(),
        folder: settings.state.tasks(),
        stop_grace: STOP_GRACE,
    }));
    let mut ports = ExecutorPorts { environment: environment(settings)?, ..ExecutorPorts::default() };
    ports.local.insert(LocalExecutionMode::Subprocess, tasks.clone());
    let submitter =
        ExecutorFactory::create_with_fallback(&settings.executor, &ports, settings.allow_no_executor)?;
    Ok(Executor { submitter, sweep: sweep(tasks, settings, clock.clone()) })
}

/// What every job finds in its environment, whoever runs it.
fn environment(settings: &Settings) -> std::io::Result<BTreeMap<String, String>> {
    let absolute =
        |path: &PathBuf| Ok::<_, std::io::Error>(std::path::absolute(path)?.to_string_lossy().into_owned());
    let mut environment = BTreeMap::from([
        ("TRADAI_DATA_DIR".to_owned(), absolute(&settings.state.data_dir)?),
        ("STRATEGY_PATH".to_owned(), absolute(&settings.strategy_path)?),
    ]);
    if let Some(uri) = &settings.mlflow.tracking_uri {
        environment.insert("MLFLOW_TRACKING_URI".to_owned(), uri.clone());
    }
    Ok(environment)
}

/// Output of tasks is kept as long as their jobs are, and where those stay for good it does, too.
fn sweep(tasks: Arc<ProcessTasks>, settings: &Settings, clock: Arc<dyn Clock>) -> SweepTasks {
    let keep_for = settings.job_settings().keep_for;
    Arc::new(move || {
        let Some(keep_for) = keep_for else { return Ok(0) };
        tasks.sweep(clock.now() - keep_for).map_err(|error| error.to_string())
    })
}
