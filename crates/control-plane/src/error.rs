//! What a use case can end in.

use std::fmt;
use std::time::Duration;

use tradai_domain::access::{ApiKeyId, ApiKeyName};
use tradai_domain::configs::ConfigId;
use tradai_domain::jobs::{BatchId, ExecutorMode, JobStatus};
use tradai_domain::ports::{PortError, WorkflowStatus};
use tradai_domain::{ErrorKind, JobId, StrategyName};

/// An error of this crate. [`Error::kind`] says what a caller should do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Values of a request are not allowed; all of them at once.
    #[error("{}", faults_text(.0))]
    Request(Vec<RequestFault>),
    /// The store or the exchange failed.
    #[error(transparent)]
    Port(#[from] PortError),
    /// As many jobs run as may.
    #[error("{limit} sync jobs are under way, which is the limit; wait for one to end")]
    TooManyJobs {
        /// The limit.
        limit: usize,
    },
    /// As many jobs wait as may.
    #[error(
        "{limit} jobs {whose} wait, which is the limit ({setting}); wait for some to run, or cancel some"
    )]
    TooManyWaiting {
        /// The limit.
        limit: u64,
        /// Of whom: `of yours`, or `of all together`.
        whose: &'static str,
        /// What sets it.
        setting: &'static str,
    },
    /// The host is stopping and takes no more jobs.
    #[error("the service is stopping")]
    Stopping,
    /// Somebody else changed it since it was read.
    #[error("{what} has revision {current} by now, not {given}; read it again, then decide")]
    StaleRevision {
        /// What was to be changed.
        what: &'static str,
        /// The revision that the caller knows.
        given: u64,
        /// The one that is there.
        current: u64,
    },
    /// What is stored under our name was not written by us.
    #[error("{what} cannot be read: {problem}")]
    Damaged {
        /// What was to be read.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no such job.
    #[error("there is no job {id}")]
    NoSuchJob {
        /// What was asked for.
        id: JobId,
    },
    /// The job has ended, and that cannot be undone.
    #[error("the job {id} is {status} already")]
    JobEnded {
        /// The job.
        id: JobId,
        /// How it ended.
        status: JobStatus,
    },
    /// The job has not ended yet.
    #[error("the job {id} is {status}; cancel it first")]
    JobActive {
        /// The job.
        id: JobId,
        /// Where it stands.
        status: JobStatus,
    },
    /// The job has no result.
    #[error("the job {id} is {status} and has no result")]
    NoResult {
        /// The job.
        id: JobId,
        /// Where it stands.
        status: JobStatus,
    },
    /// An idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// There is no such batch.
    #[error("there is no batch {id}")]
    NoSuchBatch {
        /// What was asked for.
        id: BatchId,
    },
    /// There is no such run of a workflow.
    #[error("there is no workflow run {execution}")]
    NoSuchWorkflowRun {
        /// What was asked for.
        execution: String,
    },
    /// The run has ended, and that cannot be undone.
    #[error("the workflow run {execution} is {status} already")]
    WorkflowRunEnded {
        /// The run.
        execution: String,
        /// How it ended.
        status: WorkflowStatus,
    },
    /// There is no such API key.
    #[error("there is no API key {id} in the state")]
    NoSuchApiKey {
        /// What was asked for.
        id: ApiKeyId,
    },
    /// Another key has the name.
    #[error("{name} has a key already; revoke it first, or choose another name")]
    ApiKeyNameTaken {
        /// The name.
        name: ApiKeyName,
    },
    /// As many keys are kept as may.
    #[error("{limit} API keys are kept, which is the limit; revoke one first")]
    TooManyApiKeys {
        /// The limit.
        limit: usize,
    },
    /// This host hands no jobs over.
    #[error("this host takes no jobs: no executor is set up")]
    NoExecutor,
    /// Jobs cannot be handed over in this way.
    #[error("jobs cannot be handed over in the mode {mode}: {problem}")]
    Executor {
        /// The way.
        mode: ExecutorMode,
        /// What is missing.
        problem: String,
    },
    /// There is no such config version.
    #[error("{strategy} has no config version {id}")]
    NoSuchConfig {
        /// The strategy.
        strategy: StrategyName,
        /// What was asked for.
        id: ConfigId,
    },
    /// There is no such strategy.
    #[error("there is no strategy {name}")]
    NoSuchStrategy {
        /// What was asked for.
        name: StrategyName,
    },
    /// A strategy of this name is there, with another file.
    #[error("there is a strategy {name} with another file; name the one that is to be replaced by its hash")]
    StrategyExists {
        /// The strategy.
        name: StrategyName,
    },
    /// The file that was to be replaced is not there any more.
    #[error("the file of {name} is not the one to be replaced; read it again, then decide")]
    StrategyChanged {
        /// The strategy.
        name: StrategyName,
    },
    /// The file of a strategy holds something else.
    #[error(
        "the file {name}.yaml of the strategies' folder is there and holds no strategy {name}; remove it first"
    )]
    StrategyFileTaken {
        /// The strategy.
        name: StrategyName,
    },
}

/// One value of a request that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    /// Name of the value, as the API and the command line call it.
    pub field: &'static str,
    /// Which item of a list, from 0.
    pub index: Option<usize>,
    /// Which value of an object, with dots between levels.
    pub key: Option<String>,
    /// What is wrong and what is allowed.
    pub reason: String,
}

impl RequestFault {
    /// Returns the fault of a value.
    #[must_use]
    pub fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, index: None, key: None, reason: reason.into() }
    }

    /// Returns the fault of one item of a list.
    #[must_use]
    pub fn item(field: &'static str, index: usize, reason: impl Into<String>) -> Self {
        Self { field, index: Some(index), key: None, reason: reason.into() }
    }

    /// Returns the fault of one value of an object.
    #[must_use]
    pub fn at(field: &'static str, key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field, index: None, key: Some(key.into()), reason: reason.into() }
    }
}

impl fmt::Display for RequestFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field)?;
        if let Some(index) = self.index {
            write!(f, "[{index}]")?;
        }
        if let Some(key) = &self.key {
            write!(f, ".{key}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl Error {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Request(_) => ErrorKind::Invalid,
            Self::Port(error) => error.kind,
            Self::TooManyJobs { .. } | Self::TooManyWaiting { .. } | Self::Stopping => ErrorKind::Unavailable,
            Self::StaleRevision { .. }
            | Self::JobEnded { .. }
            | Self::JobActive { .. }
            | Self::NoResult { .. }
            | Self::KeyReused
            | Self::ApiKeyNameTaken { .. }
            | Self::WorkflowRunEnded { .. }
            | Self::TooManyApiKeys { .. }
            | Self::StrategyExists { .. }
            | Self::StrategyChanged { .. }
            | Self::StrategyFileTaken { .. } => ErrorKind::Conflict,
            Self::NoSuchJob { .. }
            | Self::NoSuchConfig { .. }
            | Self::NoSuchStrategy { .. }
            | Self::NoSuchBatch { .. }
            | Self::NoSuchWorkflowRun { .. }
            | Self::NoSuchApiKey { .. } => ErrorKind::NotFound,
            Self::NoExecutor => ErrorKind::Unavailable,
            Self::Executor { .. } => ErrorKind::Invalid,
            Self::Damaged { .. } => ErrorKind::Data,
        }
    }

    /// Returns when to come back, where somebody said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Port(error) => error.retry_after,
            _ => None,
        }
    }
}

fn faults_text(faults: &[RequestFault]) -> String {
    faults.iter().map(RequestFault::to_string).collect::<Vec<_>>().join("; ")
}
