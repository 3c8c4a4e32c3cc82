//! How a state fails, under the names of the States Language.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Matches every error that can be matched.
pub(super) const ALL: &str = "States.ALL";
/// Matches every error of a task but its timeout.
const TASK_FAILED: &str = "States.TaskFailed";
/// A task, or a whole run, that took too long.
pub(super) const TIMEOUT: &str = "States.Timeout";
/// A fault of the document or its data: it fails the run, whatever a document says.
const RUNTIME: &str = "States.Runtime";
/// Data that became too large: nothing matches it but its name.
const TOO_LARGE: &str = "States.DataLimitExceeded";

/// Bytes of an error's name that are kept, and of its text: as many as AWS keeps.
const MAX_ERROR: usize = 256;
const MAX_CAUSE: usize = 32_768;

/// Why a state failed: what `Retry` and `Catch` match, and a text for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WorkflowFault {
    /// The error's name: one of the `States.` ones, or a handler's own.
    pub error: String,
    /// What happened.
    pub cause: String,
}

impl WorkflowFault {
    /// Returns a fault of this name.
    pub fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: error.into(), cause: cause.into() }
    }

    pub(super) fn runtime(cause: impl Into<String>) -> Self {
        Self::new(RUNTIME, cause)
    }

    /// A path or template that does not fit the data.
    pub(super) fn parameter_path(cause: impl Into<String>) -> Self {
        Self::new("States.ParameterPathFailure", cause)
    }

    pub(super) fn result_path(cause: impl Into<String>) -> Self {
        Self::new("States.ResultPathMatchFailure", cause)
    }

    pub(super) fn intrinsic(cause: impl Into<String>) -> Self {
        Self::new("States.IntrinsicFailure", cause)
    }

    pub(super) fn no_choice(state: &str) -> Self {
        Self::new("States.NoChoiceMatched", format!("no rule of {state} matches, and it has no Default"))
    }

    pub(super) fn timeout(cause: impl Into<String>) -> Self {
        Self::new(TIMEOUT, cause)
    }

    /// Data beyond its limits; `problem` says which, and goes on after "the data".
    pub(super) fn too_large(problem: &str) -> Self {
        Self::new(TOO_LARGE, format!("the data {problem}"))
    }

    /// Returns the fault with texts no longer than are kept: a handler may have said anything.
    pub(super) fn clipped(mut self) -> Self {
        self.error.truncate(self.error.floor_char_boundary(MAX_ERROR));
        self.cause.truncate(self.cause.floor_char_boundary(MAX_CAUSE));
        self
    }

    /// Returns whether a name of `ErrorEquals` means this fault. `of_task` is whether a task reported it.
    pub(super) fn matches(&self, name: &str, of_task: bool) -> bool {
        match name {
            _ if self.error == RUNTIME => false,
            ALL => self.error != TOO_LARGE,
            TASK_FAILED => of_task && self.error != TIMEOUT && self.error != TOO_LARGE,
            name => self.error == name,
        }
    }

    /// What a `Catch` puts into the data.
    pub(super) fn output(&self) -> Value {
        json!({"Error": self.error, "Cause": self.cause})
    }
}

impl fmt::Display for WorkflowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.cause)
    }
}
