//! Jobs as runs of the workflow.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tradai_domain::ErrorKind;
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, ExecutorMode};
use tradai_domain::ports::{PortError, TaskEnd, WorkflowRunner};

use super::BacktestJobSubmitter;

/// Starts a run per job, named for it.
pub struct StepFunctionsSubmitter {
    workflows: Arc<dyn WorkflowRunner>,
}

impl StepFunctionsSubmitter {
    /// Returns the submitter for a workflow.
    #[must_use]
    pub fn new(workflows: Arc<dyn WorkflowRunner>) -> Self {
        Self { workflows }
    }
}

#[async_trait]
impl BacktestJobSubmitter for StepFunctionsSubmitter {
    fn mode(&self) -> ExecutorMode {
        ExecutorMode::StepFunctions
    }

    async fn submit(&self, job: &BacktestJobMessage) -> Result<ExecutionId, PortError> {
        let input = serde_json::to_value(job)
            .map_err(|error| PortError::new(ErrorKind::Internal, format!("the job has no JSON: {error}")))?;
        self.workflows.start(&job.job_id.to_string(), &input).await.map(ExecutionId::new)
    }

    async fn stop(&self, execution: &ExecutionId) -> Result<(), PortError> {
        self.workflows.stop(execution.as_str(), "the job was cancelled").await
    }

    fn watches(&self) -> bool {
        false
    }

    async fn wait(&self, _execution: &ExecutionId) -> Result<Option<TaskEnd>, PortError> {
        Ok(None)
    }

    async fn forget(&self, _execution: &ExecutionId) -> Result<(), PortError> {
        Ok(())
    }
}

impl fmt::Debug for StepFunctionsSubmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StepFunctionsSubmitter")
    }
}
