//! Tasks that a test ends as it likes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};

/// A [`TaskRunner`] whose tasks run until the test ends them, or they are stopped. Clones have the same tasks, which
/// so outlive the platform that started them.
#[derive(Debug, Clone, Default)]
pub struct MemoryTasks(Arc<Mutex<BTreeMap<String, Task>>>);

#[derive(Debug)]
struct Task {
    spec: TaskSpec,
    end: watch::Sender<Option<TaskEnd>>,
}

impl MemoryTasks {
    /// Returns what was started, by name.
    #[must_use]
    pub fn started(&self) -> Vec<TaskSpec> {
        self.with(|tasks| tasks.values().map(|task| task.spec.clone()).collect())
    }

    /// Ends a task that was started.
    pub fn end(&self, name: &str, exit_code: Option<i32>, reason: &str) {
        let end = TaskEnd { exit_code, reason: reason.to_owned() };
        self.with(|tasks| tasks.get(name).unwrap().end.send_replace(Some(end)));
    }

    /// Forgets every task, as a machine does that is switched off: they have ended, nobody knows how.
    pub fn forget_all(&self) {
        self.with(BTreeMap::clear);
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Task>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn unknown() -> TaskEnd {
    TaskEnd { exit_code: None, reason: "is not there any more".to_owned() }
}

#[async_trait]
impl TaskRunner for MemoryTasks {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        self.with(|tasks| {
            let (spec, end) = (task.clone(), watch::Sender::new(None));
            tasks.entry(task.name.clone()).or_insert(Task { spec, end });
        });
        Ok(TaskHandle(task.name.clone()))
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        Ok(self.with(|tasks| match tasks.get(&task.0) {
            None => TaskStatus::Ended(unknown()),
            Some(task) => task.end.borrow().clone().map_or(TaskStatus::Running, TaskStatus::Ended),
        }))
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        let end = self.with(|tasks| tasks.get(&task.0).map(|task| task.end.subscribe()));
        let Some(mut end) = end else { return Ok(unknown()) };
        let ended = end.wait_for(Option::is_some).await;
        Ok(ended.ok().and_then(|end| end.clone()).unwrap_or_else(unknown))
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.with(|tasks| {
            if let Some(task) = tasks.get(&task.0) {
                let stopped = TaskEnd { exit_code: None, reason: "was stopped".to_owned() };
                task.end.send_if_modified(|end| end.is_none() && end.replace(stopped).is_none());
            }
        });
        Ok(())
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.with(|tasks| tasks.retain(|name, kept| *name != task.0 || kept.end.borrow().is_none()));
        Ok(())
    }
}
