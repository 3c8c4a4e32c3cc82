//! Tasks of one machine, whichever way they run.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

use super::folder::{TaskFolder, Way};
use super::{InProcessTasks, ProcessTasks, with_folder};

/// [`TaskRunner`] that starts tasks in one way, and asks after each in the way in which it was started: a host that is
/// set up for another way than before finds what it left running, and starts none of that again.
#[derive(Clone)]
pub struct AnyTasks {
    folder: PathBuf,
    new: Arc<dyn TaskRunner>,
    processes: Arc<ProcessTasks>,
    in_process: Arc<InProcessTasks>,
    containers: Option<Arc<dyn TaskRunner>>,
}

impl AnyTasks {
    /// Returns the runner that starts tasks as `new` does. All runners must have this folder. Without `containers`
    /// nobody can be asked after one.
    #[must_use]
    pub fn new(
        folder: PathBuf,
        new: Arc<dyn TaskRunner>,
        processes: Arc<ProcessTasks>,
        in_process: Arc<InProcessTasks>,
        containers: Option<Arc<dyn TaskRunner>>,
    ) -> Self {
        Self { folder, new, processes, in_process, containers }
    }

    /// Returns who started a task, or who starts tasks where nobody did.
    async fn runner(&self, name: &str) -> Result<&dyn TaskRunner, PortError> {
        let Some(folder) = TaskFolder::new(&self.folder, name) else { return Ok(self.new.as_ref()) };
        Ok(match with_folder(move || folder.way()).await? {
            Some(Way::Process) => self.processes.as_ref(),
            Some(Way::Hosted) => self.in_process.as_ref(),
            Some(Way::Container) => self.containers.as_deref().ok_or_else(|| {
                PortError::new(
                    ErrorKind::Unavailable,
                    "the task is a container, and Docker is not known here",
                )
            })?,
            None => self.new.as_ref(),
        })
    }
}

#[async_trait]
impl TaskRunner for AnyTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        self.runner(&task.name).await?.start(task).await
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        self.runner(&task.0).await?.status(task).await
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        self.runner(&task.0).await?.wait(task).await
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.runner(&task.0).await?.stop(task).await
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.runner(&task.0).await?.forget(task).await
    }
}

impl fmt::Debug for AnyTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyTasks").field("folder", &self.folder).finish_non_exhaustive()
    }
}
