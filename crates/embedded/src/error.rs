//! Why the embedded state cannot be used.

use std::path::PathBuf;

use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

/// State could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite refuses.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file is a database of something else.
    #[error("{} is not a database of tradai; name another file", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Others may read the secrets.
    #[error("{} holds secrets and has the mode {mode:03o}; only its owner may read it: chmod 600", path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file of secrets is no JSON object of texts.
    #[error("{} must be a JSON object whose values are texts or objects (line {line})", path.display())]
    Secrets {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        line: usize,
    },
    /// A newer program changed the layout.
    #[error("{} has layout {found}, and this program knows {known} at most; update tradai", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
}

impl Error {
    /// Returns what a caller should do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } => ErrorKind::Unavailable,
            Self::Sqlite { source, .. } => kind_of(source),
            Self::Foreign { .. } | Self::NotPrivate { .. } | Self::Secrets { .. } => ErrorKind::Invalid,
            Self::Newer { .. } => ErrorKind::Data,
        }
    }
}

/// Returns the failure of a call on the database. The text does not hold SQL or paths.
pub(crate) fn port_error(error: &rusqlite::Error) -> PortError {
    let kind = kind_of(error);
    let text = match kind {
        ErrorKind::Unavailable => "the database cannot be used at the moment",
        ErrorKind::Data => "the database holds something that it must not",
        _ => "the database refused the call",
    };
    tracing::debug!(%error, "{text}: {error}");
    PortError::new(kind, text)
}

fn kind_of(error: &rusqlite::Error) -> ErrorKind {
    use rusqlite::Error as E;
    use rusqlite::ErrorCode as C;
    match error {
        E::SqliteFailure(failure, _) => match failure.code {
            C::DatabaseBusy
            | C::DatabaseLocked
            | C::SystemIoFailure
            | C::DiskFull
            | C::CannotOpen
            | C::OutOfMemory
            | C::ReadOnly
            | C::PermissionDenied => ErrorKind::Unavailable,
            C::DatabaseCorrupt | C::NotADatabase => ErrorKind::Data,
            _ => ErrorKind::Internal,
        },
        E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) | E::IntegralValueOutOfRange(..) => {
            ErrorKind::Data
        }
        _ => ErrorKind::Internal,
    }
}
