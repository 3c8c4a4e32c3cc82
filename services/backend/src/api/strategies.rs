//! Strategies, as the strategy service says; what it said last, and labelled so, while it does not answer.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tradai_domain::{ErrorKind, StrategyName};
use tradai_service::axum::Extension;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, Uri, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams};
use tradai_service::{Code, Json, Path, Problem, Query, RequestIds, page_links};

use super::state::State;
use crate::core::Answer;
use crate::infrastructure::peer::{PeerError, PeerTrace};

/// When to come back, where nobody says.
const SOON: Duration = Duration::from_secs(5);

/// Which part of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StrategiesQuery {
    /// Most items of a page: 1 to 500, 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Lists strategies
///
/// What the strategy service says. While it does not answer, what it said last: then `stale` is true, `age_seconds` says
/// how old it is, and `Warning: 110` comes with it.
#[utoipa::path(get, path = "/api/v1/strategies", operation_id = "list_strategies", tag = "strategies",
    params(StrategiesQuery), responses(
    (status = 200, body = Value),
    (status = 503, description = "The strategy service does not answer, and nothing is remembered"),
))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    Extension(ids): Extension<RequestIds>,
    uri: Uri,
    Query(query): Query<StrategiesQuery>,
) -> Result<(HeaderMap, Response), Problem> {
    let pairs = [("limit", query.limit.as_deref()), ("cursor", query.cursor.as_deref())];
    let pairs: Vec<(&str, &str)> =
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let answer = state.core.catalogue.list(&pairs, trace(&ids)).await.map_err(refused)?;
    let links = page_links(&uri, answer.value["next_cursor"].as_str());
    Ok((links, present(answer)))
}

/// Shows a strategy
///
/// As the list, of one strategy, with the text of its file.
#[utoipa::path(get, path = "/api/v1/strategies/{name}", operation_id = "show_strategy", tag = "strategies",
    params(("name" = String, Path)), responses(
    (status = 200, body = Value),
    (status = 404, description = "There is no such strategy"),
    (status = 503, description = "The strategy service does not answer, and nothing is remembered"),
))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Extension(ids): Extension<RequestIds>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let name: StrategyName = name.parse().map_err(|error| Problem::from_error(ErrorKind::NotFound, error))?;
    let answer = state.core.catalogue.show(&name, trace(&ids)).await.map_err(refused)?;
    Ok(present(answer))
}

/// Returns what calls of other services for a request belong to.
pub(super) fn trace(ids: &RequestIds) -> PeerTrace {
    PeerTrace { traceparent: ids.traceparent(), correlation_id: ids.correlation_id() }
}

/// A document, labelled where it is old.
fn present(answer: Answer) -> Response {
    let Answer { mut value, stale_for } = answer;
    let mut headers = HeaderMap::new();
    if let Some(age) = stale_for {
        if let Some(document) = value.as_object_mut() {
            document.insert("stale".to_owned(), Value::Bool(true));
            document.insert("age_seconds".to_owned(), Value::from(age.as_secs()));
        }
        headers.insert(header::WARNING, HeaderValue::from_static("110 - \"Response is Stale\""));
        headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    }
    (headers, Json(value)).into_response()
}

/// A refusal of a peer is told as it is; that it is away, by its name.
pub(super) fn refused(error: PeerError) -> Problem {
    match &error {
        PeerError::Refused { status: 404, detail, .. } => Problem::new(Code::NotFound, detail.clone()),
        PeerError::Refused { status: 409 | 412, detail, .. } => Problem::new(Code::Conflict, detail.clone()),
        PeerError::Refused { status: 400..=499, detail, .. } if error.kind() == ErrorKind::Invalid => {
            Problem::new(Code::InvalidField, detail.clone())
        }
        PeerError::Unreachable { retry_after, .. } => {
            Problem::new(Code::Unavailable, error.to_string()).retry_after(retry_after.unwrap_or(SOON))
        }
        PeerError::Refused { status: 429, .. } => {
            Problem::new(Code::Unavailable, error.to_string()).retry_after(SOON)
        }
        PeerError::KeyRefused { .. } => {
            Problem::new(Code::Unavailable, error.for_callers()).retry_after(SOON).source(error)
        }
        PeerError::Refused { .. } => Problem::from_error(error.kind(), error),
    }
}
