//! Why a platform does not come up, or goes down by itself.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use tradai_domain::ErrorKind;
use tradai_platform::settings::Faults;

use super::running::Running;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpError {
    /// Settings cannot be used.
    #[error(transparent)]
    Settings(#[from] Faults),
    /// The data folder cannot be made, or cannot be locked.
    #[error("the data folder {} cannot be used", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another platform runs on the data folder.
    #[error(
        "{} is in use by another `tradai up`{}; stop that one, or choose another folder with --data-dir",
        folder.display(),
        shown(by.as_deref())
    )]
    FolderInUse {
        /// The folder.
        folder: PathBuf,
        /// The platform, if it has said where it is.
        by: Option<Box<Running>>,
    },
    /// Nothing was started, since some of the ports cannot be had.
    #[error(
        "{}\nA service or another `tradai up` may listen there: `tradai doctor` tells. Other ports: --port-offset \
         100, --free-ports, or the variables named above.",
        Lines(ports)
    )]
    Ports {
        /// At least one.
        ports: Vec<PortFault>,
    },
    /// A service cannot start.
    #[error("{service} cannot start: {reason}")]
    Start {
        /// The service.
        service: &'static str,
        /// Why, with all causes.
        reason: String,
    },
    /// A service ended although nobody told it to.
    #[error("{service} ended by itself: {reason}")]
    Ended {
        /// The service.
        service: &'static str,
        /// Why, with all causes.
        reason: String,
    },
}

/// A port that cannot be had.
#[derive(Debug)]
pub(crate) struct PortFault {
    /// Whose it would be.
    pub(crate) service: &'static str,
    /// The variable that chooses it.
    pub(crate) variable: String,
    /// Where the service would listen.
    pub(crate) address: SocketAddr,
    /// Why it cannot.
    pub(crate) error: std::io::Error,
}

impl UpError {
    /// Returns what to do about it.
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Settings(_) => ErrorKind::Invalid,
            Self::FolderInUse { .. } => ErrorKind::Conflict,
            Self::Folder { .. } | Self::Ports { .. } | Self::Start { .. } => ErrorKind::Unavailable,
            Self::Ended { .. } => ErrorKind::Internal,
        }
    }

    pub(super) fn start(service: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self::Start { service, reason: chain(error) }
    }
}

impl fmt::Display for PortFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, variable, address, error } = self;
        let port = address.port();
        if error.kind() == std::io::ErrorKind::AddrInUse {
            write!(f, "port {port} of {service} is taken ({variable} chooses it)")
        } else {
            write!(f, "{service} cannot listen on {address} ({variable} chooses the port): {error}")
        }
    }
}

struct Lines<'a>(&'a [PortFault]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

fn shown(by: Option<&Running>) -> String {
    by.map(|running| format!(" (process {}, {})", running.pid, running.backend)).unwrap_or_default()
}

/// An error and its causes, each said once.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    text
}
