//! What a page shows in the place of itself.

use std::time::Duration;

use maud::html;
use tracing::error;
use tradai_control_plane::Error;
use tradai_service::axum::http::{StatusCode, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::{Code, Problem};

use super::page::Page;
use crate::infrastructure::peer::PeerError;

/// When to come back while something is away, where nobody says.
const LATER: Duration = Duration::from_secs(5);

/// A request that cannot be answered with its page.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    title: &'static str,
    text: String,
    retry_after: Option<Duration>,
}

impl Failure {
    /// Returns the failure of a page that is not there.
    pub(super) fn not_found(text: impl Into<String>) -> Self {
        Self::new(Code::NotFound, text)
    }

    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        let status = code.status();
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(LATER);
        Self { status, title: code.title(), text: text.into(), retry_after }
    }

    fn or_after(mut self, pause: Option<Duration>) -> Self {
        self.retry_after = pause.or(self.retry_after);
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Stopping | Error::NoExecutor => Code::NotReady,
            Error::KeyReused => Code::KeyReused,
            other => Code::of(other.kind()),
        };
        if code.status().is_client_error() || code == Code::NotReady {
            return Self::new(code, error.to_string());
        }
        // Texts of what broke inside are for the log.
        error!(%error, "a page could not be made: {error}");
        Self::new(code, code.meaning()).or_after(error.retry_after())
    }
}

impl From<PeerError> for Failure {
    fn from(error: PeerError) -> Self {
        Self::new(Code::of(error.kind()), error.for_callers()).or_after(error.retry_after())
    }
}

/// What the door says to callers, such as that they need another role, said on a page.
pub(super) fn require(
    caller: &tradai_service::Caller,
    role: tradai_platform::settings::sections::Role,
) -> Result<(), Failure> {
    let refused = |_: Problem| {
        Failure::new(
            Code::Forbidden,
            format!("This needs the role {role}; {} has {}.", caller.name, caller.role),
        )
    };
    caller.require(role).map_err(refused)
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let content = html! {
            div.head { h1 { (self.title) } }
            p.message.bad role="alert" { (self.text) }
            p { a href="/jobs" { "Back to the jobs" } }
        };
        let mut response = Page::new(self.title, None, content).with_status(self.status).into_response();
        if let Some(after) = self.retry_after {
            // Rounded up: who waits as told must not come early.
            let seconds = after.as_millis().div_ceil(1000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}
