//! All that is kept of a job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::modes::{UnknownWord, word};
use super::{ExecutionId, JobFigures, JobStatus, PinnedConfig, Progress, TraceId};
use crate::strategy_name::StrategyName;
use crate::{JobId, Millis};

/// How much of an error's text a record keeps, in characters.
pub const ERROR_CHARS: usize = 2_000;

/// What kind of work a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WorkflowType {
    /// A backtest.
    Backtest,
    /// A search for parameters.
    Hyperopt,
    /// A training.
    Train,
    /// A trading session.
    Live,
}

impl WorkflowType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Backtest, Self::Hyperopt, Self::Train, Self::Live];

    /// Returns the word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Backtest => "backtest",
            Self::Hyperopt => "hyperopt",
            Self::Train => "train",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for WorkflowType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for WorkflowType {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        word("workflow type", text, &Self::ALL.map(|kind| (kind.as_str(), kind)))
    }
}

/// A job as it is stored. `run_id`, the key that stored records are found by, always equals `job_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The job.
    pub job_id: JobId,
    /// What kind of work it is.
    pub workflow_type: WorkflowType,
    /// The strategy.
    pub strategy_name: StrategyName,
    /// Its version, once known.
    pub strategy_version: Option<String>,
    /// What it takes of the stored configs, once that is settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PinnedConfig>,
    /// Where it stands.
    pub status: JobStatus,
    /// How much is done.
    pub progress: Progress,
    /// When it was stored.
    pub created_at: Millis,
    /// When it was first reported running.
    pub started_at: Option<Millis>,
    /// When it ended, however it did.
    pub completed_at: Option<Millis>,
    /// Where the settings are stored that it ran with, once that is known: its manifest.
    pub config_s3_path: Option<String>,
    /// Where its results are stored.
    pub result_s3_path: Option<String>,
    /// What came of it; `None` until it completed, and of jobs of older programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<JobFigures>,
    /// What it is traced by.
    pub trace_id: TraceId,
    /// The run that its figures were logged to.
    pub mlflow_run_id: Option<String>,
    /// The commit that the program which ran it was built from.
    pub git_commit: Option<String>,
    /// What the executor calls it; `None` until it was handed over.
    pub execution_arn: Option<ExecutionId>,
    /// When the record may be deleted, in seconds since the epoch; never without.
    pub ttl: Option<i64>,
    /// Why it failed, at most [`ERROR_CHARS`] characters.
    pub error: Option<String>,
}

impl JobRecord {
    /// Returns the record of a job that was just asked for.
    #[must_use]
    pub fn pending(
        job_id: JobId,
        workflow_type: WorkflowType,
        strategy_name: StrategyName,
        trace_id: TraceId,
        created_at: Millis,
    ) -> Self {
        Self {
            job_id,
            workflow_type,
            strategy_name,
            strategy_version: None,
            config: None,
            status: JobStatus::Pending,
            progress: Progress::NONE,
            created_at,
            started_at: None,
            completed_at: None,
            config_s3_path: None,
            result_s3_path: None,
            figures: None,
            trace_id,
            mlflow_run_id: None,
            git_commit: None,
            execution_arn: None,
            ttl: None,
            error: None,
        }
    }

    /// Returns the key that the record is stored under: the job's id.
    #[must_use]
    pub fn run_id(&self) -> JobId {
        self.job_id
    }

    /// Returns whether the record may be deleted by now.
    #[must_use]
    pub fn is_expired(&self, now: Millis) -> bool {
        self.status.is_terminal() && self.ttl.is_some_and(|ttl| ttl <= now.div_euclid(1_000))
    }
}
