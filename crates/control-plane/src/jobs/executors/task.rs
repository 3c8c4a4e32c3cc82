//! Jobs as tasks: processes of this machine, or containers of a cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, ExecutorMode};
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec};

use super::BacktestJobSubmitter;
use crate::jobs::backtest_environment;

/// Starts a task per job, named for it, and watches over it. The modes local and ecs differ in what stands behind
/// [`TaskRunner`] and in nothing else.
pub struct TaskSubmitter {
    mode: ExecutorMode,
    tasks: Arc<dyn TaskRunner>,
    shared: BTreeMap<String, String>,
}

impl TaskSubmitter {
    /// Returns the submitter for tasks of this machine. Every task gets the variables `shared`, where its job does not
    /// say otherwise.
    #[must_use]
    pub fn local(tasks: Arc<dyn TaskRunner>, shared: BTreeMap<String, String>) -> Self {
        Self { mode: ExecutorMode::Local, tasks, shared }
    }

    /// Returns the submitter for tasks of a cluster.
    #[must_use]
    pub fn ecs(tasks: Arc<dyn TaskRunner>, shared: BTreeMap<String, String>) -> Self {
        Self { mode: ExecutorMode::Ecs, tasks, shared }
    }
}

fn handle(execution: &ExecutionId) -> TaskHandle {
    TaskHandle(execution.as_str().to_owned())
}

#[async_trait]
impl BacktestJobSubmitter for TaskSubmitter {
    fn mode(&self) -> ExecutorMode {
        self.mode
    }

    async fn submit(&self, job: &BacktestJobMessage) -> Result<ExecutionId, PortError> {
        let mut environment = self.shared.clone();
        environment.extend(backtest_environment(job));
        let task = TaskSpec { name: job.job_id.to_string(), arguments: Vec::new(), environment };
        self.tasks.start(&task).await.map(|handle| ExecutionId::new(handle.0))
    }

    async fn stop(&self, execution: &ExecutionId) -> Result<(), PortError> {
        self.tasks.stop(&handle(execution)).await
    }

    fn watches(&self) -> bool {
        true
    }

    async fn wait(&self, execution: &ExecutionId) -> Result<Option<TaskEnd>, PortError> {
        self.tasks.wait(&handle(execution)).await.map(Some)
    }

    async fn forget(&self, execution: &ExecutionId) -> Result<(), PortError> {
        self.tasks.forget(&handle(execution)).await
    }
}

impl fmt::Debug for TaskSubmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSubmitter").field("mode", &self.mode).finish_non_exhaustive()
    }
}
