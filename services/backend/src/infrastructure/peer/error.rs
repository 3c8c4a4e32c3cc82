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
    /// It does not know our key, or not as of somebody who may do this. The text is for whoever runs the service.
    #[error("{peer} refuses our key (BACKEND_PEER_API_KEY): {detail}")]
    KeyRefused {
        /// The service.
        peer: &'static str,
        /// Why.
        detail: String,
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
            // Nothing that who asked could mend, and mended in time.
            Self::Unreachable { .. } | Self::KeyRefused { .. } => ErrorKind::Unavailable,
            Self::Refused { status: 404, .. } => ErrorKind::NotFound,
            Self::Refused { status: 409 | 412, .. } => ErrorKind::Conflict,
            Self::Refused { status: 429, .. } => ErrorKind::Unavailable,
            Self::Refused { status: 400..=499, .. } => ErrorKind::Invalid,
            Self::Refused { .. } => ErrorKind::Unavailable,
        }
    }

    /// Returns for how long the service is left alone, where it is.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unreachable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Returns what those are told on whose behalf the service was asked.
    pub(crate) fn for_callers(&self) -> String {
        match self {
            Self::KeyRefused { peer, .. } => format!("{peer} does not let the backend in"),
            other => other.to_string(),
        }
    }

    /// Returns whether what the service said last is better than nothing: it does not answer, or has no time.
    pub(crate) fn is_away(&self) -> bool {
        self.is_failure() || matches!(self, Self::Refused { status: 429, .. })
    }

    /// Returns whether the service may be in trouble, rather than the request.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Refused { status: 502..=504, .. })
    }
}

impl From<PeerError> for PortError {
    fn from(error: PeerError) -> Self {
        let port = Self::new(error.kind(), error.for_callers());
        match error.retry_after() {
            Some(pause) => port.retry_after(pause),
            None => port,
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
        let kinds = [404, 422, 409, 429, 503].map(kind);
        let expected = [
            ErrorKind::NotFound,
            ErrorKind::Invalid,
            ErrorKind::Conflict,
            ErrorKind::Unavailable,
            ErrorKind::Unavailable,
        ];
        assert_eq!(kinds, expected);
        let refused = PeerError::KeyRefused { peer: "p", detail: "it is not known".to_owned() };
        assert!(refused.to_string().contains("BACKEND_PEER_API_KEY"));
        let told = PortError::from(refused);
        assert_eq!(
            (told.kind, told.message.as_str()),
            (ErrorKind::Unavailable, "p does not let the backend in")
        );
    }
}
