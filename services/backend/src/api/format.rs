//! Tables as JSON, CSV or Parquet, as the client wants them.

use tradai_service::axum::body::Bytes;
use tradai_service::axum::http::{HeaderMap, HeaderValue, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::{FieldFault, Problem, preferred};

use crate::core::Held;

/// A way to write a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Parquet,
}

impl Format {
    /// Returns what is wanted: by the query, or else the media type that `Accept` gives most weight, the first of several;
    /// JSON where it names none that is known.
    pub(super) fn wanted(query: Option<&str>, headers: &HeaderMap) -> Result<Self, Problem> {
        match query {
            Some("json") => return Ok(Self::Json),
            Some("csv") => return Ok(Self::Csv),
            Some("parquet") => return Ok(Self::Parquet),
            Some(_) => {
                return Err(Problem::fields(vec![FieldFault::query("format", "one of json, csv, parquet")]));
            }
            None => {}
        }
        Ok(match preferred(headers, &["application/json", "text/csv", PARQUET]) {
            Some("text/csv") => Self::Csv,
            Some(PARQUET) => Self::Parquet,
            _ => Self::Json,
        })
    }
}

/// Returns a file that a browser saves under this name: letters, digits, `-`, `_` and `.` alone.
pub(super) fn download<T>(name: &str, media_type: &'static str, content: Held<T>) -> Response
where
    T: AsRef<[u8]> + Send + 'static,
{
    let mut response = Bytes::from_owner(content).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    // The same address has other content for another `Accept`.
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    if let Ok(disposition) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

pub(super) const CSV: &str = "text/csv; charset=utf-8";
pub(super) const PARQUET: &str = "application/vnd.apache.parquet";
