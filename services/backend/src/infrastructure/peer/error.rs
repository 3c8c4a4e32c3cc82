//! How asking a peer fails.

use std::time::Duration;

use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

/// What came of asking a peer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum PeerError {
    /// It did not answer, or not with what it should.
    #[error("{peer} {problem}")]
    Unreachable {
        /// The service.
        peer: &'static str,
        /// In what way.
        problem: &'static str,
        /// For how long it is left alone, where it is.
        retry_after: Option<Duration>,
    },
    /// It answered that it will not: the problem document.
    #[error("{peer}: {detail}")]
    Refused {
        /// The service.
        peer: &'static str,
        /// HTTP status.
        status: u16,
        /// Why, for people.
        detail: String,
        /// The document.
        problem: Value,
    },
}

impl PeerError {
    /// Returns what a caller should do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreachable { .. } => ErrorKind::Unavailable,
            Self::Refused { status: 404, .. } => ErrorKind::NotFound,
            Self::Refused { status: 409 | 412, .. } => ErrorKind::Conflict,
            // Our key is not good there: nothing that who asked could mend.
            Self::Refused { status: 401 | 403, .. } => ErrorKind::Internal,
            Self::Refused { status: 429, .. } => ErrorKind::Unavailable,
            Self::Refused { status: 400..=499, .. } => ErrorKind::Invalid,
            Self::Refused { .. } => ErrorKind::Unavailable,
        }
    }

    /// Returns whether the service may be in trouble, rather than the request.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. })
    }
}

impl From<PeerError> for PortError {
    fn from(error: PeerError) -> Self {
        let port = Self::new(error.kind(), error.to_string());
        match error {
            PeerError::Unreachable { retry_after: Some(pause), .. } => port.retry_after(pause),
            _ => port,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_tell_what_to_do() {
        let kind = |status| {
            PeerError::Refused { peer: "p", status, detail: String::new(), problem: Value::Null }.kind()
        };
        let kinds = [404, 422, 409, 403, 429, 503].map(kind);
        let expected = [
            ErrorKind::NotFound,
            ErrorKind::Invalid,
            ErrorKind::Conflict,
            ErrorKind::Internal,
            ErrorKind::Unavailable,
            ErrorKind::Unavailable,
        ];
        assert_eq!(kinds, expected);
    }
}
