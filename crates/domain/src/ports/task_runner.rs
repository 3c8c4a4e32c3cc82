//! Programs that run to their end, somewhere.

use std::collections::BTreeMap;
use std::fmt;

use async_trait::async_trait;

use super::PortError;

/// Runs tasks: processes of this machine, containers, tasks of a cluster.
///
/// A task outlives the process that started it: another one can ask after it, wait for it and stop it by its
/// [`TaskHandle`].
#[async_trait]
pub trait TaskRunner: Send + Sync {
    /// Starts a task and returns what it is found by. Idempotent by name: a name whose task was started before, even
    /// if that has ended, starts nothing, and the handle of that task is returned. A task that cannot be started is
    /// an error that says why, and leaves the name free.
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError>;

    /// Returns where a task stands. One that nobody knows any more has ended without an exit code.
    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError>;

    /// Returns how a task ended, once it has; at once for one that has. Cancel safe.
    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError>;

    /// Asks a task to end, and makes it end if it does not; returns once that is under way. Idempotent; nothing
    /// happens to a task that has ended.
    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError>;

    /// Deletes what is kept of a task that has ended, its output too; its name is free then. Idempotent; nothing happens
    /// to a task that is being run.
    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError>;
}

/// What is to be run.
#[derive(Clone, PartialEq, Eq)]
pub struct TaskSpec {
    /// The task's name: a job's id.
    pub name: String,
    /// Arguments for the program that the runner was set up with.
    pub arguments: Vec<String>,
    /// Variables of its environment, by name. Nothing is inherited that is not here or in the runner's own settings.
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for TaskSpec {
    /// Leaves values of variables out: some are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskSpec")
            .field("name", &self.name)
            .field("arguments", &self.arguments)
            .field("environment", &self.environment.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// What a task is found by; opaque to all but the runner that made it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskHandle(pub String);

/// Where a task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskStatus {
    /// It is being run.
    Running,
    /// It ended.
    Ended(TaskEnd),
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskEnd {
    /// Its exit code; `None` when it was killed, or nobody saw it.
    pub exit_code: Option<i32>,
    /// How it ended, for people: `was killed by signal 9`.
    pub reason: String,
}

impl TaskEnd {
    /// Returns whether it ended as a program does that did its work.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.exit_code == Some(0)
    }
}
