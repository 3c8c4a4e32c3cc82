//! What handlers take out of requests; what does not fit is a problem that names each place.

use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::Segment;

use crate::boundary::HEADERS;
use crate::problem::{Code, FieldFault, Place, Problem};

/// A JSON body, of a request or a reply. Types with `deny_unknown_fields` refuse what they do not know.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The variables of the path.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes())) {
            return Err(Problem::new(Code::UnsupportedMediaType, Code::UnsupportedMediaType.meaning()));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(body_problem)?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Self(value)),
            Err(_) => read_again(&bytes),
        }
    }
}

/// Reads a body that has a fault once more, to name the place of it: keeping track of places costs more than reading.
fn read_again<T: DeserializeOwned>(bytes: &[u8]) -> Result<Json<T>, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| json_problem(&error))?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(Json(value))
}

/// About as long as most replies: less would have to grow while they are written.
const REPLY_BYTES: usize = 1024;

/// JSON as it is sent: written once, and sent as often as one likes.
#[derive(Debug, Clone)]
pub struct WrittenJson(Bytes);

impl WrittenJson {
    /// Writes a value.
    ///
    /// # Errors
    /// A problem of ours: the value is no JSON.
    pub fn of(value: &impl Serialize) -> Result<Self, Problem> {
        let mut bytes = Vec::with_capacity(REPLY_BYTES);
        match serde_json::to_writer(&mut bytes, value) {
            Ok(()) => Ok(Self(bytes.into())),
            Err(error) => Err(Problem::new(Code::Internal, Code::Internal.meaning()).source(error)),
        }
    }
}

impl IntoResponse for WrittenJson {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.0.into());
        let headers = response.headers_mut();
        // Once for those that are added on the way out, too.
        headers.reserve(HEADERS);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match WrittenJson::of(&self.0) {
            Ok(written) => written.into_response(),
            Err(problem) => problem.into_response(),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        if let Ok(value) = T::deserialize(serde_urlencoded::Deserializer::new(pairs)) {
            return Ok(Self(value));
        }
        // Once more, to name the place of the fault.
        let query = serde_urlencoded::Deserializer::new(pairs);
        let value = serde_path_to_error::deserialize(query).map_err(|error| {
            let reason = error.inner().to_string();
            let pointer = field_pointer(error.path(), &reason);
            Problem::fields(vec![FieldFault { place: Place::Query, pointer, reason }])
        })?;
        Ok(Self(value))
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let variables = RawPathParams::from_request_parts(parts, state).await.ok();
                Err(path_problem(&rejection, variables.as_ref()))
            }
        }
    }
}

fn is_json(kind: Option<&[u8]>) -> bool {
    let kind = kind.and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn body_problem(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problem::new(Code::BodyTooLarge, Code::BodyTooLarge.meaning());
    }
    Problem::new(Code::Malformed, "the body did not arrive whole").source(rejection)
}

fn json_problem(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if inner.classify() != Category::Data {
        return malformed(inner);
    }
    let reason = without_position(inner);
    let pointer = field_pointer(error.path(), &reason);
    Problem::fields(vec![FieldFault::body(pointer, reason)])
}

fn malformed(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let reason = without_position(error);
    Problem::new(Code::Malformed, format!("the body is not JSON: {reason}, line {line}, column {column}"))
}

/// The error's text without ` at line 1 column 2`, which says nothing beside a pointer.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// The pointer to a value; a field that is missing or unknown is named by the text only, so it is read from there.
fn field_pointer(path: &serde_path_to_error::Path, reason: &str) -> String {
    let mut pointer = String::new();
    for segment in path {
        let name = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } | Segment::Enum { variant: key } => escape(key),
            Segment::Unknown => continue,
        };
        pointer.push('/');
        pointer.push_str(&name);
    }
    let named = ["missing field `", "unknown field `", "duplicate field `"];
    let named = named.iter().find_map(|start| reason.strip_prefix(start)?.split('`').next());
    if let Some(name) = named.map(escape).filter(|name| !pointer.ends_with(&format!("/{name}"))) {
        pointer.push('/');
        pointer.push_str(&name);
    }
    pointer
}

/// RFC 6901, section 3.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn path_problem(rejection: &PathRejection, variables: Option<&RawPathParams>) -> Problem {
    use axum::extract::path::ErrorKind;
    if rejection.status().is_server_error() {
        return Problem::new(Code::Internal, Code::Internal.meaning());
    }
    let PathRejection::FailedToDeserializePathParams(error) = rejection else {
        return Problem::new(Code::Malformed, rejection.body_text());
    };
    let (name, reason) = match error.kind() {
        ErrorKind::ParseErrorAtKey { key, expected_type, .. } => {
            (key.clone(), format!("expected {expected_type}"))
        }
        ErrorKind::DeserializeError { key, message, .. } => (key.clone(), message.clone()),
        // A single variable is read without its name: the route knows it.
        kind => (variables.and_then(only_name).unwrap_or_default(), kind.to_string()),
    };
    let pointer = format!("/{}", escape(&name));
    Problem::fields(vec![FieldFault { place: Place::Path, pointer, reason }])
}

fn only_name(variables: &RawPathParams) -> Option<String> {
    let mut names = variables.iter().map(|(name, _)| name.to_owned());
    names.next().filter(|_| names.next().is_none())
}
