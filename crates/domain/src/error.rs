//! What a caller should do about an error, whatever crate it came from.

/// The small set of causes that every public error of the workspace maps to.
///
/// Hosts turn a kind into an HTTP status, a Lambda error type or an exit code; see `docs/ARCHITECTURE.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request or file is malformed or means nothing; repeating it cannot help.
    Invalid,
    /// What was asked for does not exist.
    NotFound,
    /// It exists already, or somebody else changed it first; read again, then decide.
    Conflict,
    /// Stored bytes are not what they must be.
    Data,
    /// A disk or a remote party could not be reached; may work later.
    Unavailable,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// Returns the word that programs know it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Data => "data",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Returns the exit code of a command line that fails this way (`sysexits.h`-like, but stable here).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Invalid => 2,
            Self::NotFound => 3,
            Self::Conflict => 4,
            Self::Data => 5,
            Self::Unavailable => 6,
            Self::Internal => 70,
        }
    }
}
