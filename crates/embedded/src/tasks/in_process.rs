//! Tasks in this process.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

use super::folder::{Claim, TaskFolder};
use super::{LOOK_EVERY, misnamed, status_of, unstartable, with_folder};

/// What runs a task: a future that ends as a program would.
pub type Work = Arc<dyn Fn(TaskSpec) -> BoxFuture<'static, TaskEnd> + Send + Sync>;

/// [`TaskRunner`] whose tasks are futures of this process. They end with it. Must be used within a tokio runtime.
///
/// Each has a folder with a file that this process keeps locked, as a process's task has: a runner of another process
/// finds the task running for as long as this one lives, and gone when it died.
///
/// A task that is stopped is dropped where it awaits. Work on another thread, and a task of another process, go on until
/// they look themselves: reports of their job tell that it is not wanted any more.
pub struct InProcessTasks {
    work: Work,
    folder: PathBuf,
    tasks: Tasks,
}

/// Tasks of this process; one whose end is noted in its folder is not among them any more.
type Tasks = Arc<Mutex<BTreeMap<String, Started>>>;

struct Started {
    end: watch::Receiver<Option<TaskEnd>>,
    abort: AbortHandle,
}

impl InProcessTasks {
    /// Returns a runner for this work, without tasks of its own; it knows those of the folder.
    #[must_use]
    pub fn new(work: Work, folder: PathBuf) -> Self {
        Self { work, folder, tasks: Arc::default() }
    }

    fn folder(&self, name: &str) -> Option<TaskFolder> {
        TaskFolder::new(&self.folder, name)
    }

    fn end_of(&self, task: &TaskHandle) -> Option<watch::Receiver<Option<TaskEnd>>> {
        lock(&self.tasks).get(&task.0).map(|started| started.end.clone())
    }

    fn spawn(&self, task: &TaskSpec, folder: TaskFolder, held: File) {
        let (sender, end) = watch::channel(None);
        let work = tokio::spawn((self.work)(task.clone()));
        let started = Started { end, abort: work.abort_handle() };
        let (name, tasks) = (task.name.clone(), self.tasks.clone());
        lock(&tasks).insert(name.clone(), started);
        tokio::spawn(async move {
            let end = work.await.unwrap_or_else(|error| {
                let reason = if error.is_cancelled() { "was stopped" } else { "panicked" };
                TaskEnd { exit_code: None, reason: reason.to_owned() }
            });
            let noted = folder.note_end(&end);
            drop(held);
            sender.send_replace(Some(end));
            match noted {
                // From here on the folder tells it.
                Ok(()) => drop(lock(&tasks).remove(&name)),
                Err(error) => {
                    tracing::warn!(%error, task = %name, "the end of a task could not be noted: {error}");
                }
            }
        });
    }
}

fn lock(tasks: &Tasks) -> MutexGuard<'_, BTreeMap<String, Started>> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl TaskRunner for InProcessTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        let folder = self.folder(&task.name).ok_or_else(|| misnamed(task))?;
        let claimed = {
            let folder = folder.clone();
            with_folder(move || folder.claim()).await?
        };
        if let Claim::Free(held) = claimed.map_err(|error| unstartable(&error))? {
            // Nothing is awaited from here on: a task that is noted is started.
            if let Err(error) = folder.note_hosted() {
                folder.remove();
                return Err(unstartable(&error));
            }
            self.spawn(task, folder, held);
        }
        Ok(TaskHandle(task.name.clone()))
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        if let Some(end) = self.end_of(task) {
            return Ok(end.borrow().clone().map_or(TaskStatus::Running, TaskStatus::Ended));
        }
        status_of(self.folder(&task.0)).await
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        if let Some(mut end) = self.end_of(task)
            && let Ok(end) = end.wait_for(Option::is_some).await
            && let Some(end) = end.clone()
        {
            return Ok(end);
        }
        loop {
            if let TaskStatus::Ended(end) = self.status(task).await? {
                return Ok(end);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        if let Some(started) = lock(&self.tasks).get(&task.0) {
            started.abort.abort();
        }
        Ok(())
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        let (Some(folder), TaskStatus::Ended(_)) = (self.folder(&task.0), self.status(task).await?) else {
            return Ok(());
        };
        let removed = with_folder(move || folder.remove()).await;
        lock(&self.tasks).remove(&task.0);
        removed
    }
}

impl fmt::Debug for InProcessTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<String> = lock(&self.tasks).keys().cloned().collect();
        f.debug_struct("InProcessTasks").field("tasks", &running).finish()
    }
}
