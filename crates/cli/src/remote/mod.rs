//! A service of the platform, spoken to as over HTTP.
//!
//! Commands ask [`PlatformArgs`] whom they talk to, and send [`Request`]s through [`Remote`]: to a platform that runs,
//! or, where none does, to the service itself, made in this process on the data folder for as long as the command
//! takes. Invariant: a reply is read within bounds, and the API key appears in no error and no output.

mod error;
mod events;
mod http;
mod in_process;
mod request;
mod target;

use serde_json::Value;

pub(crate) use error::RemoteError;
pub(crate) use events::Events;
pub(crate) use http::Http;
pub(crate) use request::Request;
pub(crate) use target::{Platform, PlatformArgs, Target, runtime};

use in_process::InProcess;

/// Bytes of a reply.
const MAX_REPLY: usize = 64 * 1024 * 1024;

/// One service of a platform.
#[derive(Debug)]
pub(crate) enum Remote {
    /// One that runs somewhere.
    Http(Http),
    /// One that is part of this process.
    InProcess(InProcess),
}

/// An answer as it came.
struct Answer {
    status: u16,
    body: Vec<u8>,
}

impl Remote {
    /// Returns where it is, as people know it: an address or a folder.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::Http(http) => http.base(),
            Self::InProcess(service) => service.folder(),
        }
    }

    /// Returns the answer to a GET; `path` begins with a slash.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn get(&self, path: &str) -> Result<Value, RemoteError> {
        self.send(Request::get(path)).await
    }

    /// Returns the answer to a request; nothing is `null`.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub(crate) async fn send(&self, request: Request) -> Result<Value, RemoteError> {
        match self {
            Self::Http(http) => http.send(request).await,
            Self::InProcess(service) => service.send(request).await,
        }
    }
}

/// Returns what a service answered, or what it refuses.
fn value(place: &str, answer: &Answer) -> Result<Value, RemoteError> {
    if !(200..300).contains(&answer.status) {
        return Err(RemoteError::of_answer(place, answer.status, &answer.body));
    }
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    let strange =
        |_| RemoteError::Strange { address: place.to_owned(), what: "its answer is no JSON".to_owned() };
    serde_json::from_slice(&answer.body).map_err(strange)
}
