//! Runs of a workflow.

use async_trait::async_trait;
use serde_json::Value;

use super::PortError;

/// Runs one workflow, each run under a name.
#[async_trait]
pub trait WorkflowRunner: Send + Sync {
    /// Starts a run and returns its id. Idempotent by name: a name that was used before with an equal input starts
    /// nothing, and that run's id is returned; with another input it is a `Conflict`.
    async fn start(&self, name: &str, input: &Value) -> Result<String, PortError>;

    /// Returns where a run stands, or `None` when there is none of this id.
    async fn status(&self, execution: &str) -> Result<Option<WorkflowStatus>, PortError>;

    /// Stops a run, with the reason. Idempotent; nothing happens to a run that has ended or never was.
    async fn stop(&self, execution: &str, reason: &str) -> Result<(), PortError>;
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WorkflowStatus {
    /// It goes on.
    Running,
    /// It reached a successful end.
    Succeeded,
    /// It reached another end.
    Failed,
    /// It took too long.
    TimedOut,
    /// It was stopped.
    Aborted,
}
