//! The ways in which a backtest reaches whoever runs it.

mod factory;
mod queue;
mod task;
mod workflow;

use async_trait::async_trait;
use tradai_domain::jobs::{BacktestJobMessage, ExecutionId, ExecutorMode};
use tradai_domain::ports::{PortError, TaskEnd};

pub use factory::{ExecutorFactory, ExecutorPorts, ExecutorSettings};
pub use queue::SqsSubmitter;
pub use task::TaskSubmitter;
pub use workflow::StepFunctionsSubmitter;

/// Hands backtests over.
#[async_trait]
pub trait BacktestJobSubmitter: Send + Sync {
    /// Returns which way this is.
    fn mode(&self) -> ExecutorMode;

    /// Hands a job over and returns what it is found by. Idempotent by job id: a job that was handed over before is
    /// not run again.
    async fn submit(&self, job: &BacktestJobMessage) -> Result<ExecutionId, PortError>;

    /// Stops a job that was handed over. Idempotent. Where there is nothing to stop yet (a message in a queue), whoever
    /// takes it finds the job cancelled.
    async fn stop(&self, execution: &ExecutionId) -> Result<(), PortError>;

    /// Returns whether [`wait`](Self::wait) tells how a job's program ended. Where it does not, there is nothing here to
    /// watch over: whoever runs the job reports its end.
    fn watches(&self) -> bool;

    /// Returns how the job's program ended, once it has; `None`, at once, when somebody else watches over that. Cancel
    /// safe.
    async fn wait(&self, execution: &ExecutionId) -> Result<Option<TaskEnd>, PortError>;

    /// Deletes what the executor keeps of a job that has ended. Idempotent; a queue and a workflow keep nothing that
    /// would not go by itself.
    async fn forget(&self, execution: &ExecutionId) -> Result<(), PortError>;
}
