//! Where jobs are kept.

use async_trait::async_trait;

use super::PortError;
use crate::jobs::{ChangeOutcome, JobChange, JobRecord, JobStatus, TraceId, WorkflowType};
use crate::strategy_name::StrategyName;
use crate::{JobId, Millis};

/// The most jobs that one page holds.
pub const MAX_PAGE: usize = 500;

/// Keeps one record per job.
///
/// Every method is atomic: of concurrent calls on one job each sees the record as another one left it, whole. What
/// was acknowledged survives the death of every process.
#[async_trait]
pub trait JobRepository: Send + Sync {
    /// Stores a record unless the job is there already; then nothing changes and the one that is there is returned.
    async fn create(&self, record: &JobRecord) -> Result<Option<JobRecord>, PortError>;

    /// Returns a job, or `None` when there is none of this id.
    async fn get(&self, id: JobId) -> Result<Option<JobRecord>, PortError>;

    /// Returns jobs that fit, the newest id first. A page that is not full is the last one; a job that is there from
    /// the first page to the last is on exactly one of them.
    async fn list(&self, filter: &JobFilter, page: JobPage) -> Result<Vec<JobRecord>, PortError>;

    /// Applies a change by the rules of [`JobRecord::apply`], and returns the record as it is now and what the
    /// change came to; `None` when there is no such job. A refused change leaves the record as it is. Repeating a
    /// call changes nothing.
    async fn apply(
        &self,
        id: JobId,
        change: &JobChange,
    ) -> Result<Option<(JobRecord, ChangeOutcome)>, PortError>;

    /// Deletes a job that has ended; one that has not stays.
    async fn delete(&self, id: JobId) -> Result<JobDeletion, PortError>;

    /// Returns jobs that ended and whose `ttl` has passed, the lowest id after `after` first, at most [`MAX_PAGE`] of
    /// them; they stay until they are deleted. A storage that deletes them by itself may return none.
    async fn expired(&self, now: Millis, after: Option<JobId>) -> Result<Vec<JobRecord>, PortError>;
}

/// Which jobs are meant: those that fit every field that is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Where they stand.
    pub status: Option<JobStatus>,
    /// What kind of work they are.
    pub workflow_type: Option<WorkflowType>,
    /// Their strategy.
    pub strategy_name: Option<StrategyName>,
    /// What they are traced by.
    pub trace_id: Option<TraceId>,
}

impl JobFilter {
    /// Returns the filter for jobs that stand somewhere.
    #[must_use]
    pub fn status(status: JobStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Returns whether a job fits.
    #[must_use]
    pub fn fits(&self, record: &JobRecord) -> bool {
        self.status.is_none_or(|status| status == record.status)
            && self.workflow_type.is_none_or(|kind| kind == record.workflow_type)
            && self.strategy_name.as_ref().is_none_or(|name| *name == record.strategy_name)
            && self.trace_id.is_none_or(|trace| trace == record.trace_id)
    }
}

/// Which part of a list is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPage {
    /// The last id of the page before; `None` for the first page.
    pub before: Option<JobId>,
    /// How many jobs; more than [`MAX_PAGE`] count as that, 0 as 1.
    pub limit: usize,
}

impl JobPage {
    /// Returns the first page.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { before: None, limit }
    }

    /// Returns how many jobs the page holds.
    #[must_use]
    pub fn size(self) -> usize {
        self.limit.clamp(1, MAX_PAGE)
    }
}

/// What became of a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobDeletion {
    /// The job is gone.
    Deleted,
    /// The job has not ended, and stays.
    Active(JobStatus),
    /// There is no such job.
    Absent,
}
