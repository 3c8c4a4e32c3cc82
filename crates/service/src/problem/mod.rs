//! Every failure as one document: RFC 9457, `application/problem+json`.

mod code;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tradai_domain::{ErrorKind, JobId};
use utoipa::ToSchema;

pub use code::Code;

pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// When to come back while something cannot be reached, if nobody knows better.
const UNAVAILABLE: Duration = Duration::from_secs(5);

/// A failed request, as a handler returns it. The boundary adds the trace and the instance, logs what must not be
/// sent, and sends the rest.
#[derive(Clone)]
pub struct Problem(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    status: Option<StatusCode>,
    detail: String,
    errors: Vec<FieldFault>,
    job_id: Option<JobId>,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// One value of a request that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFault {
    /// The part of the request.
    #[serde(rename = "in")]
    pub place: Place,
    /// JSON Pointer (RFC 6901) to the value; of a query, a path or a dependency: `/<name>`.
    pub pointer: String,
    /// What is wrong and what is allowed.
    pub reason: String,
}

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The JSON body.
    Body,
    /// The query string.
    Query,
    /// The path.
    Path,
    /// A header.
    Header,
    /// Not the request: something that the service needs.
    Dependency,
}

/// A problem as it is sent (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct Document<'a> {
    /// Address of the problem's explanation.
    #[serde(rename = "type")]
    kind: String,
    /// Its name, the same on every occurrence.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// The path that was asked for.
    instance: &'a str,
    /// Its code.
    #[schema(value_type = String, example = "VAL002")]
    code: Code,
    /// What the request is traced by in logs.
    trace_id: &'a str,
    /// The job it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    job_id: Option<JobId>,
    /// The values that are wrong.
    #[serde(skip_serializing_if = "<[FieldFault]>::is_empty")]
    errors: &'a [FieldFault],
}

impl Problem {
    /// Returns a problem with a text for the client.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            status: None,
            detail: detail.into(),
            errors: Vec::new(),
            job_id: None,
            retry_after: None,
            source: None,
        }))
    }

    /// Turns an error into a problem. Its text is sent only if it speaks about the request (invalid, not found,
    /// conflict); whatever the kind, the error and its sources are logged, once, at the boundary.
    #[must_use]
    pub fn from_error(kind: ErrorKind, error: impl Error + Send + Sync + 'static) -> Self {
        let code = Code::of(kind);
        let detail = if code.is_callers_fault() { error.to_string() } else { code.meaning().to_owned() };
        let problem = Self::new(code, detail).source(error);
        if code == Code::Unavailable { problem.retry_after(UNAVAILABLE) } else { problem }
    }

    /// Returns the problem of values that are not allowed, all at once.
    #[must_use]
    pub fn fields(errors: Vec<FieldFault>) -> Self {
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.reason),
            many => format!("{} values are not allowed", many.len()),
        };
        let mut problem = Self::new(Code::InvalidField, detail);
        problem.0.errors = errors;
        problem
    }

    /// Names the values that are wrong.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldFault>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Names the job.
    #[must_use]
    pub fn job(mut self, job_id: JobId) -> Self {
        self.0.job_id = Some(job_id);
        self
    }

    /// Tells the client when to come back.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Keeps the cause for the log. It is never sent.
    #[must_use]
    pub fn source(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }

    /// Keeps the status of an answer that is turned into a problem.
    pub(crate) fn status_override(mut self, status: StatusCode) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Returns the text for callers.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the status it is sent with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status.unwrap_or_else(|| self.0.code.status())
    }

    /// Returns the error's text and its sources', for the log.
    pub(crate) fn internal(&self) -> Option<String> {
        let mut error: &dyn Error = self.0.source.as_deref()?;
        let mut text = error.to_string();
        while let Some(source) = error.source() {
            text = format!("{text}: {source}");
            error = source;
        }
        Some(text)
    }

    /// Returns the document as bytes.
    pub(crate) fn document(&self, instance: &str, trace_id: &str) -> Vec<u8> {
        let Inner { code, detail, errors, job_id, .. } = &*self.0;
        let document = Document {
            kind: format!("/problems/{}", code.id()),
            title: code.title(),
            status: self.status().as_u16(),
            detail,
            instance,
            code: *code,
            trace_id,
            job_id: *job_id,
            errors,
        };
        serde_json::to_vec(&document).unwrap_or_default()
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status().as_u16(), self.0.code.id(), self.0.detail)?;
        self.0.errors.iter().try_for_each(|fault| write!(f, "\n  {}: {}", fault.pointer, fault.reason))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.document("", "")));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if let Some(after) = self.0.retry_after {
            // Rounded up: a client that waits as told must not come early.
            let seconds = after.as_millis().div_ceil(1000).max(1);
            headers
                .insert(header::RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)));
        }
        if self.0.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl FieldFault {
    /// Returns a fault of the body; `pointer` such as `/symbols/0`.
    #[must_use]
    pub fn body(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: Place::Body, pointer: pointer.into(), reason: reason.into() }
    }

    /// Returns a fault of the query.
    #[must_use]
    pub fn query(name: &str, reason: impl Into<String>) -> Self {
        Self { place: Place::Query, pointer: format!("/{name}"), reason: reason.into() }
    }
}
