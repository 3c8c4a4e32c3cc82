//! Jobs as messages.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tradai_domain::ErrorKind;
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, ExecutorMode};
use tradai_domain::ports::{OutgoingMessage, PortError, Queue, TaskEnd};

use super::BacktestJobSubmitter;

/// Sends a message per job, in a group of its own: jobs do not wait for one another.
pub struct SqsSubmitter {
    queue: Arc<dyn Queue>,
}

impl SqsSubmitter {
    /// Returns the submitter for a queue.
    #[must_use]
    pub fn new(queue: Arc<dyn Queue>) -> Self {
        Self { queue }
    }
}

#[async_trait]
impl BacktestJobSubmitter for SqsSubmitter {
    fn mode(&self) -> ExecutorMode {
        ExecutorMode::Sqs
    }

    async fn submit(&self, job: &BacktestJobMessage) -> Result<ExecutionId, PortError> {
        let id = job.job_id.to_string();
        let body = serde_json::to_string(job)
            .map_err(|error| PortError::new(ErrorKind::Internal, format!("the job has no JSON: {error}")))?;
        let attributes =
            vec![("job_id".to_owned(), id.clone()), ("trace_id".to_owned(), job.trace_id.to_string())];
        let message = OutgoingMessage { group: id.clone(), dedup_id: id, attributes, body };
        self.queue.send(&message).await.map(ExecutionId::new)
    }

    async fn stop(&self, _execution: &ExecutionId) -> Result<(), PortError> {
        Ok(())
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

impl fmt::Debug for SqsSubmitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqsSubmitter")
    }
}
