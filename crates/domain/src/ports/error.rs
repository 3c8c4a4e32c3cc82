//! How a port fails.

use std::time::Duration;

use crate::ErrorKind;

/// A failed call of a port.
///
/// The text is for people and may be shown to the user who asked: it names the series, market or object, and never
/// holds keys, signatures, paths of the machine or whole URLs. What an adapter knows beyond that, it logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
#[non_exhaustive]
pub struct PortError {
    /// What the caller should do about it.
    pub kind: ErrorKind,
    /// What went wrong, in lower case and without a full stop.
    pub message: String,
    /// When the other side wants to be asked again, if it said so.
    pub retry_after: Option<Duration>,
}

impl PortError {
    /// Returns an error of this kind.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// Returns the error with the pause that the other side asked for.
    #[must_use]
    pub fn retry_after(self, pause: Duration) -> Self {
        Self { retry_after: Some(pause), ..self }
    }

    /// Returns whether the same call may work later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.kind == ErrorKind::Unavailable
    }
}
