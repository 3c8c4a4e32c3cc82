//! Values of requests as domain types.

use std::fmt::Display;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use tradai_control_plane::jobs::Requester;
use tradai_domain::{Millis, StrategyName};
use tradai_service::axum::http::{HeaderMap, header};
use tradai_service::{Caller, Code, FieldFault, Place, Problem, RequestIds};

/// Names that stand for something else at their place in the path.
const RESERVED: [&str; 3] = ["merge", "schema", "validate"];

/// What bodies that are files may be called.
const FILES: [&str; 6] =
    ["application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml", "text/plain", "application/json"];

/// Parses a variable of the path.
pub(super) fn path_value<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| path_fault(name, error.to_string()))
}

/// Parses the name of a strategy that is to be registered.
pub(super) fn new_name(text: &str) -> Result<StrategyName, Problem> {
    if RESERVED.contains(&text) {
        return Err(path_fault("name", format!("`{text}` is part of this API's paths; choose another name")));
    }
    path_value("name", text)
}

/// Parses a value of the query.
pub(super) fn query_value<T: FromStr<Err: Display>>(name: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::fields(vec![FieldFault::query(name, error.to_string())]))
}

fn path_fault(name: &str, reason: String) -> Problem {
    Problem::fields(vec![FieldFault { place: Place::Path, pointer: format!("/{name}"), reason }])
}

/// Returns the text of a body that is a file: YAML, or JSON, which is YAML.
pub(super) fn file_text(headers: &HeaderMap, body: Bytes) -> Result<String, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !FILES.contains(&kind.as_str()) {
        let detail = format!("a file is one of {}; say so in `Content-Type`", FILES.join(", "));
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    String::from_utf8(body.into()).map_err(|_| Problem::new(Code::Malformed, "the body is no text in UTF-8"))
}

/// Returns on whose behalf something is done.
pub(super) fn requester(caller: &Caller, ids: &RequestIds) -> Requester {
    let (actor, via) = (caller.name.clone(), caller.via.clone());
    Requester { actor, via, trace_id: Some(ids.trace_id), ..Requester::default() }
}

/// Returns a moment as clients see it.
pub(super) fn date(at: Millis) -> String {
    DateTime::<Utc>::from_timestamp_millis(at)
        .map_or_else(|| at.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
