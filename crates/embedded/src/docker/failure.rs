//! What the daemon's refusals mean to a caller.

use bollard::errors::Error;
use tradai_domain::ErrorKind;
use tradai_domain::ports::PortError;

use super::DockerSettings;

/// Returns the status of a reply that is no success.
pub(super) fn status_of(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Returns the error of a call. The daemon's own text names images, mounts and limits, and holds nothing of a task's
/// environment.
pub(super) fn failed(settings: &DockerSettings, what: &str, error: &Error) -> PortError {
    let socket = settings.socket.display();
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            let kind = match status_code {
                400 => ErrorKind::Invalid,
                404 => ErrorKind::NotFound,
                409 => ErrorKind::Conflict,
                _ => ErrorKind::Unavailable,
            };
            PortError::new(kind, format!("{what}: Docker says {status_code}: {}", message.trim()))
        }
        Error::SocketNotFoundError(_) => {
            PortError::new(ErrorKind::Unavailable, format!("{what}: no Docker daemon: {socket} is not there"))
        }
        Error::RequestTimeoutError => {
            let text = format!("{what}: the Docker daemon at {socket} does not answer");
            PortError::new(ErrorKind::Unavailable, text)
        }
        error => {
            let text = format!("{what}: the Docker daemon at {socket} cannot be talked to: {error}");
            PortError::new(ErrorKind::Unavailable, text)
        }
    }
}

/// Returns the error of an image that is not there.
pub(super) fn no_image(settings: &DockerSettings, what: &str) -> PortError {
    let text = format!(
        "{what}: the image {0} is not on this machine; `docker pull {0}`, or build it",
        settings.image
    );
    PortError::new(ErrorKind::NotFound, text)
}

/// Returns the error of a container that could not be made.
pub(super) fn not_created(settings: &DockerSettings, error: &Error) -> PortError {
    let what = "the task cannot be started";
    if status_of(error) == Some(404) { no_image(settings, what) } else { failed(settings, what, error) }
}
