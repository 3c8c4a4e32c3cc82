//! Batches: jobs that were asked for together.

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

/// How far the jobs of a batch were taken in. It only goes forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchState {
    /// Some may be missing: whoever finds the batch takes them in.
    Submitting,
    /// All are there.
    Submitted,
    /// Somebody cancelled it: no more are taken in.
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
}

impl BatchRecord {
    /// Moves the batch on; whatever is earlier than where it stands changes nothing. Returns whether it did.
    pub fn advance(&mut self, state: BatchState) -> bool {
        let moves = state > self.state;
        if moves {
            self.state = state;
        }
        moves
    }
}
