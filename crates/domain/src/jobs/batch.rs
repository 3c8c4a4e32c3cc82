//! Batches: jobs that were asked for together.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::TraceId;
use crate::strategy_name::StrategyName;
use crate::{JobId, Millis};

/// The id of a batch: a UUIDv7, so that ids sort by the time they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(pub Uuid);

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BatchId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// How far a batch is. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Some may be missing: whoever finds the batch takes them in.
    Submitting,
    /// All are there, but for those that cannot be made.
    Submitted,
    /// Somebody cancelled it: no more are taken in, and whoever finds the batch cancels those that are there.
    Cancelling,
    /// All that were there have ended.
    Cancelled,
}

/// Who cancelled a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchCancellation {
    /// Their name.
    pub by: String,
    /// The service that asked for them, where they did not ask themselves.
    pub via: Option<String>,
    /// What their request is traced by.
    pub trace_id: Option<TraceId>,
    /// When they did.
    pub at: Millis,
}

/// What becomes of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchChange {
    /// No more jobs are to be taken in.
    Submitted {
        /// Why some could not be made.
        error: Option<String>,
        /// Those that could not be made, each with why.
        refused: BTreeMap<JobId, String>,
    },
    /// Somebody cancels it.
    Cancelling(BatchCancellation),
    /// Nothing is left to be cancelled.
    Cancelled,
}

/// A batch as it is stored. Its jobs are named when it is taken in, so that each is made once, whoever makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchRecord {
    /// The batch.
    pub batch_id: BatchId,
    /// What people call it.
    pub name: Option<String>,
    /// The strategy of its jobs.
    pub strategy_name: StrategyName,
    /// Its jobs, in the order of the grid.
    pub jobs: Vec<JobId>,
    /// How far they were taken in.
    pub state: BatchState,
    /// When it was taken in.
    pub created_at: Millis,
    /// Who asked for it.
    pub created_by: String,
    /// The service that asked for them, where they did not ask themselves.
    pub via: Option<String>,
    /// What all its jobs are traced by.
    pub trace_id: TraceId,
    /// When it may be deleted, in seconds since the epoch; never without.
    pub ttl: Option<i64>,
    /// Who cancelled it first.
    #[serde(default)]
    pub cancellation: Option<BatchCancellation>,
    /// Why some of its jobs are not made.
    #[serde(default)]
    pub error: Option<String>,
    /// Those of its jobs that could not be made, and why; there is no other record of them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<JobId, String>,
}

impl BatchRecord {
    /// Moves the batch on; whatever is earlier than where it stands changes nothing but what was not known yet: why jobs
    /// could not be made. Returns whether it did.
    pub fn advance(&mut self, change: BatchChange) -> bool {
        let state = match change {
            BatchChange::Submitted { .. } => BatchState::Submitted,
            BatchChange::Cancelling(_) => BatchState::Cancelling,
            BatchChange::Cancelled => BatchState::Cancelled,
        };
        // Of one that was cancelled meanwhile, too: nothing else says why.
        let has_reasons = matches!(&change, BatchChange::Submitted { error: Some(_), .. });
        if state <= self.state && !(has_reasons && self.error.is_none()) {
            return false;
        }
        self.state = self.state.max(state);
        match change {
            BatchChange::Submitted { error, refused } => (self.error, self.refused) = (error, refused),
            BatchChange::Cancelling(cancellation) => self.cancellation = Some(cancellation),
            BatchChange::Cancelled => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(state: BatchState) -> BatchRecord {
        BatchRecord {
            batch_id: BatchId(Uuid::from_u128(1)),
            name: None,
            strategy_name: "Demo".parse().unwrap(),
            jobs: vec![JobId(Uuid::from_u128(2))],
            state,
            created_at: 1,
            created_by: "ann".to_owned(),
            via: None,
            trace_id: JobId(Uuid::from_u128(2)).into(),
            ttl: None,
            cancellation: None,
            error: None,
            refused: BTreeMap::new(),
        }
    }

    #[test]
    fn why_a_job_could_not_be_made_is_known_once_however_far_the_batch_is() {
        let submitted = |reason: Option<&str>| BatchChange::Submitted {
            error: reason.map(str::to_owned),
            refused: reason
                .map(|reason| (JobId(Uuid::from_u128(2)), reason.to_owned()))
                .into_iter()
                .collect(),
        };
        for state in [BatchState::Submitting, BatchState::Cancelling, BatchState::Cancelled] {
            let mut record = batch(state);
            assert!(record.advance(submitted(Some("why"))));
            assert_eq!(record.state, state.max(BatchState::Submitted));
            assert_eq!((record.error.as_deref(), record.refused.len()), (Some("why"), 1));
            assert!(!record.advance(submitted(Some("again"))), "it is known");
            assert_eq!(record.error.as_deref(), Some("why"));
        }
        assert!(!batch(BatchState::Cancelled).advance(submitted(None)), "nothing new");
        assert!(!batch(BatchState::Submitted).advance(submitted(None)), "nothing new");
    }
}
