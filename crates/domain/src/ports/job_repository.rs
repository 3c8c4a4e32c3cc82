//! Where jobs are kept.

use std::sync::Arc;

use async_trait::async_trait;

use super::{AuditEntry, PortError};
use crate::jobs::{
    BacktestJobMessage, ChangeOutcome, JobChange, JobRecord, JobStatus, TraceId, WorkflowType,
};
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
    /// Takes a job in, whole or not at all: its record, what it is asked to do, the audit entry, its key, and the event
    /// [`JobEvent::created`](crate::jobs::JobEvent::created), which the bus of the same state tells. A job that is there
    /// already, a key that stands for another, and a quota that is used up leave everything as it is; who repeats a
    /// request is told of its job whatever the quota.
    async fn create(&self, job: &NewJob) -> Result<Created, PortError>;

    /// Returns what creating a job with a key would return without making one; `None` when it would make one.
    async fn recall(&self, key: &RequestKey, now: Millis) -> Result<Option<Created>, PortError>;

    /// Returns a job, or `None` when there is none of this id. Who asks again before anything has changed may get the same
    /// record.
    async fn get(&self, id: JobId) -> Result<Option<Arc<JobRecord>>, PortError>;

    /// Returns those of these jobs that there are, in any order; each once.
    async fn get_many(&self, ids: &[JobId]) -> Result<Vec<JobRecord>, PortError>;

    /// Returns what a job is asked to do, as it was taken in; `None` when there is no such job.
    async fn message(&self, id: JobId) -> Result<Option<BacktestJobMessage>, PortError>;

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

    /// Says that a holder lives, gives it every job of the lease's kind that has not ended and is held by nobody who
    /// lives, and returns all that it holds of them, the lowest id first. Of any number of concurrent callers one gets a
    /// job; a job of a holder that lives stays where it is.
    async fn take_up(&self, lease: &Lease) -> Result<Vec<JobId>, PortError>;

    /// Returns who holds a job, dead or alive; `None` when there is no such job.
    async fn holder(&self, id: JobId) -> Result<Option<String>, PortError>;

    /// Ends the lease of a holder that lasts until then: its jobs are whoever's who takes up next. A lease that lasts
    /// until another moment is of whoever came in its place meanwhile, and stays. Idempotent.
    async fn let_go(&self, holder: &str, until: Millis) -> Result<(), PortError>;

    /// Deletes a job that has ended, and what it was asked to do; one that has not stays.
    async fn delete(&self, id: JobId) -> Result<JobDeletion, PortError>;

    /// Returns jobs that ended and whose `ttl` has passed, the lowest id after `after` first, at most [`MAX_PAGE`] of
    /// them; they stay until they are deleted. A storage that deletes them by itself may return none.
    async fn expired(&self, now: Millis, after: Option<JobId>) -> Result<Vec<JobRecord>, PortError>;
}

/// A job that is to be taken in.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// The job, as it stands at first.
    pub record: JobRecord,
    /// What it is asked to do.
    pub message: BacktestJobMessage,
    /// Who asks for it.
    pub entry: AuditEntry,
    /// What a repetition of the request is recognised by, for [`REPLY_TTL_MS`](super::REPLY_TTL_MS).
    pub key: Option<RequestKey>,
    /// Who hands it over and watches over it, for as long as it lives: see [`Lease`].
    pub holder: String,
    /// How many jobs may wait once it is there; any number without.
    pub quota: Option<Quota>,
}

/// How many jobs may be pending. Those that batches are still to take in count, those that run or have ended do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Of all together.
    pub total: u64,
    /// Of each who asks: the actor of the audit entry.
    pub each: u64,
}

/// That a process which watches over jobs lives, for a while. A holder whose lease is over counts as dead, whatever it
/// still does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The process's name; whoever takes its place has the same.
    pub holder: String,
    /// What it watches over.
    pub workflow_type: WorkflowType,
    /// The time.
    pub now: Millis,
    /// The first moment at which it counts as dead, unless it says again that it lives.
    pub until: Millis,
}

/// What a request that may come twice is recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    /// The key.
    pub key: String,
    /// Hash of the rest of the request.
    pub fingerprint: [u8; 32],
}

/// What became of a job that was to be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New,
    /// A job of this id, or the one that the key stands for, was there before.
    Before(Box<JobRecord>),
    /// The job that the key stands for was deleted.
    Deleted(JobId),
    /// The key was used with another fingerprint.
    OtherRequest,
    /// As many jobs wait as may, all together.
    TooMany,
    /// As many wait as may of whoever asks.
    TooManyOfActor,
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
