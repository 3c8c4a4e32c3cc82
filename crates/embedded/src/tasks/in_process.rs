//! Tasks in this process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

/// What runs a task: a future that ends as a program would.
pub type Work = Arc<dyn Fn(TaskSpec) -> BoxFuture<'static, TaskEnd> + Send + Sync>;

/// [`TaskRunner`] whose tasks are futures of this process. They end with it, and the next one finds them gone. Must be
/// used within a tokio runtime.
///
/// A task that is stopped is dropped where it awaits. Work on another thread goes on until it looks itself: reports
/// of its job tell that it is not wanted any more.
pub struct InProcessTasks {
    work: Work,
    tasks: Mutex<BTreeMap<String, Started>>,
}

struct Started {
    end: watch::Receiver<Option<TaskEnd>>,
    abort: AbortHandle,
}

impl InProcessTasks {
    /// Returns a runner for this work.
    #[must_use]
    pub fn new(work: Work) -> Self {
        Self { work, tasks: Mutex::default() }
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<String, Started>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end_of(&self, task: &TaskHandle) -> Option<watch::Receiver<Option<TaskEnd>>> {
        self.tasks().get(&task.0).map(|started| started.end.clone())
    }
}

fn spawn(work: BoxFuture<'static, TaskEnd>) -> Started {
    let (sender, end) = watch::channel(None);
    let task = tokio::spawn(work);
    let abort = task.abort_handle();
    tokio::spawn(async move {
        let end = task.await.unwrap_or_else(|error| {
            let reason = if error.is_cancelled() { "was stopped" } else { "panicked" };
            TaskEnd { exit_code: None, reason: reason.to_owned() }
        });
        sender.send_replace(Some(end));
    });
    Started { end, abort }
}

#[async_trait]
impl TaskRunner for InProcessTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        let mut tasks = self.tasks();
        if !tasks.contains_key(&task.name) {
            tasks.insert(task.name.clone(), spawn((self.work)(task.clone())));
        }
        Ok(TaskHandle(task.name.clone()))
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        let Some(end) = self.end_of(task) else { return Ok(TaskStatus::Ended(super::folder::gone())) };
        let end = end.borrow().clone();
        Ok(end.map_or(TaskStatus::Running, TaskStatus::Ended))
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        let Some(mut end) = self.end_of(task) else { return Ok(super::folder::gone()) };
        let end = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
        Ok(end.unwrap_or_else(super::folder::gone))
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        if let Some(started) = self.tasks().get(&task.0) {
            started.abort.abort();
        }
        Ok(())
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.tasks().retain(|name, started| *name != task.0 || started.end.borrow().is_none());
        Ok(())
    }
}

impl fmt::Debug for InProcessTasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcessTasks").field("tasks", &self.tasks().keys().collect::<Vec<_>>()).finish()
    }
}
