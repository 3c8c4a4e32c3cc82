//! What happened in a run.

use serde::{Deserialize, Serialize};
use tradai_domain::Millis;

use super::fault::WorkflowFault;

/// Something that happened, and was kept when it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowEvent {
    /// Its number in the run, from 1, without holes.
    pub seq: u64,
    /// When.
    pub at: Millis,
    /// The branch it happened in: empty for the run's own states, `4.0/1` for the second branch or item of what was
    /// entered with number 4, tried for the first time.
    pub branch: String,
    /// What.
    #[serde(flatten)]
    pub what: WorkflowStep,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WorkflowStep {
    /// A state begins.
    StateEntered {
        /// Its name.
        state: String,
    },
    /// A state ended as it should.
    StateExited {
        /// Its name.
        state: String,
    },
    /// A state failed, and is tried again.
    StateRetried {
        /// Its name.
        state: String,
        /// When.
        retry_at: Millis,
        /// Why it failed.
        fault: WorkflowFault,
    },
    /// A state failed, and a `Catch` says what comes next.
    FaultCaught {
        /// Its name.
        state: String,
        /// Why it failed.
        fault: WorkflowFault,
    },
    /// A state failed, and so did all that it is part of.
    StateFailed {
        /// Its name.
        state: String,
        /// Why.
        fault: WorkflowFault,
    },
}
