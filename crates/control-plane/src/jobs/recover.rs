//! What a process finds when it starts.

use std::sync::Arc;

use tracing::info;
use tradai_domain::jobs::{JobRecord, JobStatus, WorkflowType};
use tradai_domain::ports::{JobFilter, JobPage, MAX_PAGE};

use super::Jobs;
use crate::Error;

/// What recovery found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Jobs that had been handed over, and are watched over again.
    pub watched: usize,
    /// Jobs that had not, or nobody noted it, and are handed over now.
    pub handed_over: usize,
}

impl Jobs {
    /// Takes up every job that has not ended; to be called once, when a process starts. A job whose process is gone ends
    /// failed, one that was never handed over is, and what was not told of the newest jobs is told now.
    ///
    /// Any number of processes may do this at once: handing over is idempotent, and so is reporting.
    ///
    /// # Errors
    /// [`Error::Port`] when the jobs cannot be read.
    pub async fn recover(self: &Arc<Self>) -> Result<Recovered, Error> {
        let mut recovered = Recovered::default();
        for status in [JobStatus::Pending, JobStatus::Running] {
            // Pages begin with the newest; whoever waited longest goes on first.
            for record in self.all(&JobFilter::status(status)).await?.into_iter().rev() {
                if record.workflow_type != WorkflowType::Backtest {
                    // There is nothing here that could run it.
                    continue;
                }
                if let Some(execution) = record.execution_arn.clone() {
                    recovered.watched += 1;
                    self.spawn_watch(&record, execution);
                } else {
                    recovered.handed_over += 1;
                    self.spawn_dispatch(&record, None);
                }
            }
        }
        for record in self.list(&JobFilter::default(), JobPage::first(MAX_PAGE)).await? {
            self.reports.announce(&record, 0).await;
        }
        let Recovered { watched, handed_over } = recovered;
        info!(watched, handed_over, "{watched} jobs are watched over again, {handed_over} are handed over");
        Ok(recovered)
    }

    /// Every job that fits. Those that have not ended are few.
    async fn all(&self, filter: &JobFilter) -> Result<Vec<JobRecord>, Error> {
        let mut all: Vec<JobRecord> = Vec::new();
        loop {
            let before = all.last().map(|record| record.job_id);
            let page = self.list(filter, JobPage { before, limit: MAX_PAGE }).await?;
            let is_last = page.len() < MAX_PAGE;
            all.extend(page);
            if is_last {
                return Ok(all);
            }
        }
    }
}
