//! Runs of a workflow.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use serde_json::Value;

use super::PortError;
use crate::jobs::{UnknownWord, word};

/// Runs one workflow, each run under a name.
#[async_trait]
pub trait WorkflowRunner: Send + Sync {
    /// Starts a run and returns its id. Idempotent by name: a name that was used before with an equal input starts
    /// nothing, and that run's id is returned; with another input it is a `Conflict`. Runs that ended long ago may be
    /// forgotten.
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

impl WorkflowStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Aborted => "aborted",
        }
    }
}

impl fmt::Display for WorkflowStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WorkflowStatus {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        word("workflow status", text, &Self::ALL.map(|status| (status.as_str(), status)))
    }
}
