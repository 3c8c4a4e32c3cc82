//! Looking at the runs of all workflows.

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{PortError, WorkflowStatus};
use crate::Millis;

/// Shows the runs of every workflow of a state, whoever started them. Starting is
/// [`WorkflowRunner`](super::WorkflowRunner)'s.
#[async_trait]
pub trait WorkflowRuns: Send + Sync {
    /// Returns at most `limit` runs that fit and come after `after` (all without it), in the order of the latest start
    /// first; runs that started at the same time are ordered by their ids, the highest first.
    async fn list(
        &self,
        filter: &WorkflowRunFilter,
        after: Option<&WorkflowRunPlace>,
        limit: usize,
    ) -> Result<Vec<WorkflowRunSummary>, PortError>;

    /// Returns a run, or `None` when there is none of this id.
    async fn get(&self, execution: &str) -> Result<Option<WorkflowRunDetail>, PortError>;

    /// Returns at most `limit` events of a run with numbers above `after`, the earliest first; none of a run that is not
    /// there.
    async fn history(
        &self,
        execution: &str,
        after: u64,
        limit: usize,
    ) -> Result<Vec<WorkflowRunEvent>, PortError>;

    /// Stops a run, with the reason, and returns where it stands then; `None` when there is none of this id. A run that
    /// has ended stays as it ended.
    async fn stop(&self, execution: &str, reason: &str) -> Result<Option<WorkflowStatus>, PortError>;

    /// Deletes the runs that ended before a moment, each with its history, and returns how many there were; their names
    /// are free then. Nobody else waits for all of it: who looks at a run meanwhile may miss the beginning of its history.
    /// A storage that deletes them by itself may return 0.
    async fn delete_ended(&self, before: Millis) -> Result<u64, PortError>;
}

/// Which runs are meant: those that fit every field that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkflowRunFilter {
    /// Their workflow.
    pub workflow: Option<String>,
    /// Where they stand.
    pub status: Option<WorkflowStatus>,
}

/// The place of a run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRunPlace {
    /// When it was started.
    pub started_at: Millis,
    /// Its id.
    pub execution: String,
}

/// A run as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRunSummary {
    /// Its id.
    pub execution: String,
    /// Its workflow.
    pub workflow: String,
    /// What it was started as.
    pub name: String,
    /// Where it stands.
    pub status: WorkflowStatus,
    /// When it was started.
    pub started_at: Millis,
    /// When it ended.
    pub ended_at: Option<Millis>,
}

/// A run.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRunDetail {
    /// What lists show of it.
    pub summary: WorkflowRunSummary,
    /// What it was started with.
    pub input: Value,
    /// Its output, or `{"Error": ..., "Cause": ...}` of one that did not succeed; `None` while it goes on.
    pub result: Option<Value>,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowRunEvent {
    /// Its number in the run: they grow.
    pub seq: u64,
    /// When.
    pub at: Millis,
    /// What, such as `state_entered`.
    pub kind: String,
    /// Whatever else there is to say of it, such as the state.
    pub details: Map<String, Value>,
}
