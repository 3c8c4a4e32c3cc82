//! Batches of backtests: taken in, shown, cancelled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tradai_control_plane::jobs::{BatchAxes, BatchPlace, BatchRequest, BatchView, Requester};
use tradai_domain::JobId;
use tradai_domain::jobs::{BatchId, BatchRecord, BatchState, JobRecord, JobStatus};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::axum::{Extension, extract};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{
    Caller, Code, FieldFault, IDEMPOTENCY_REPLAYED, IdempotencyKey, Json, Page, PageQuery, Path, Problem,
    Query, RequestIds, page_links,
};

use super::job_view::{FiguresBody, date, path_of};
use super::problem::problem;
use super::state::State;
use super::submit::{SubmitBody, requester};
use crate::core::{JobOrder, UnknownOrder};

/// Backtests to be run over a grid: every combination of the values of all axes is a job.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitBatchBody {
    /// What people call it, 1 to 100 characters.
    #[schema(example = "EMA lengths")]
    name: Option<String>,
    /// What all jobs have in common.
    backtest: SubmitBody,
    axes: AxesBody,
}

/// What the jobs differ in; at least one of them, and at most 200 combinations. What is here is not in `backtest`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AxesBody {
    /// Sets of pairs.
    #[serde(default)]
    #[schema(example = json!([["BTC/USDT:USDT"], ["ETH/USDT:USDT", "SOL/USDT:USDT"]]))]
    symbols: Vec<Vec<String>>,
    /// Lengths of the candles.
    #[serde(default)]
    #[schema(example = json!(["1h", "4h"]))]
    timeframe: Vec<String>,
    /// Values of settings, by name.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Vec<Value>>, example = json!({"stoploss": [-0.05, -0.1]}))]
    settings: BTreeMap<String, Vec<Value>>,
    /// Values of parameters of the strategy, by name.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Vec<Value>>, example = json!({"fast": [5, 9, 12]}))]
    parameters: BTreeMap<String, Vec<Value>>,
}

impl From<SubmitBatchBody> for BatchRequest {
    fn from(body: SubmitBatchBody) -> Self {
        let AxesBody { symbols, timeframe, settings, parameters } = body.axes;
        let axes = BatchAxes { symbols, timeframe, settings, parameters };
        Self { name: body.name, backtest: body.backtest.into(), axes }
    }
}

/// A batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchBody {
    batch_id: String,
    name: Option<String>,
    strategy: String,
    /// `submitting` while jobs of it are still taken in, then `submitted`; `cancelling` from when it is cancelled, then
    /// `cancelled`.
    #[schema(example = "submitted")]
    state: &'static str,
    /// Why the first of its jobs that could not be made was refused.
    error: Option<String>,
    /// Jobs that it has.
    job_count: usize,
    created_at: String,
    created_by: String,
    /// What all its jobs are traced by.
    trace_id: String,
    /// When it may be deleted.
    expires_at: Option<String>,
    links: BatchLinks,
}

/// Addresses of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct BatchLinks {
    #[serde(rename = "self")]
    this: String,
    /// Ends what has not ended (POST).
    cancel: String,
}

/// A batch and its jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BatchDetailBody {
    #[serde(flatten)]
    batch: BatchBody,
    counts: CountsBody,
    /// Part of all jobs that is done, 0 to 1.
    progress: f64,
    /// The jobs, as the query orders them.
    jobs: Vec<BatchJobBody>,
}

/// How many jobs stand where.
#[derive(Debug, Serialize, ToSchema)]
struct CountsBody {
    pending: usize,
    running: usize,
    completed: usize,
    failed: usize,
    cancelled: usize,
    /// Accepted with the batch, and refused when they were taken in.
    refused: usize,
    /// Still to be taken in, or deleted.
    absent: usize,
}

/// A job of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct BatchJobBody {
    /// Its place in the grid, from 0.
    index: usize,
    job_id: String,
    /// `pending`, `running`, `completed`, `failed` or `cancelled`; `refused` if it could not be made, `absent` while it is
    /// not taken in, or once it is deleted.
    #[schema(example = "completed")]
    status: &'static str,
    progress: f64,
    /// What sets it apart: its values of the axes.
    #[schema(value_type = Object, example = json!({"timeframe": "1h", "parameters": {"fast": 5}}))]
    values: Value,
    /// Its figures, once it is completed.
    result: Option<FiguresBody>,
    /// Why it failed, or could not be made.
    error: Option<String>,
    /// Its address.
    href: String,
}

impl BatchBody {
    fn of(record: &BatchRecord) -> Self {
        let this = address(record.batch_id);
        Self {
            batch_id: record.batch_id.to_string(),
            name: record.name.clone(),
            strategy: record.strategy_name.to_string(),
            state: match record.state {
                BatchState::Submitting => "submitting",
                BatchState::Submitted => "submitted",
                BatchState::Cancelling => "cancelling",
                BatchState::Cancelled => "cancelled",
            },
            error: record.error.clone(),
            job_count: record.jobs.len(),
            created_at: date(record.created_at),
            created_by: record.created_by.clone(),
            trace_id: record.trace_id.to_string(),
            expires_at: record.ttl.map(|seconds| date(seconds.saturating_mul(1_000))),
            links: BatchLinks { cancel: format!("{this}/cancel"), this },
        }
    }
}

impl BatchDetailBody {
    fn of(view: &BatchView, order: JobOrder) -> Self {
        let jobs = order.of(view).into_iter();
        let jobs: Vec<BatchJobBody> = jobs
            .map(|(index, (place, id, record))| {
                BatchJobBody::of(index, place, *id, record.as_ref(), view.refusal(*id))
            })
            .collect();
        let count = u32::try_from(jobs.len().max(1)).unwrap_or(u32::MAX);
        Self {
            batch: BatchBody::of(&view.record),
            counts: CountsBody {
                pending: view.count(JobStatus::Pending),
                running: view.count(JobStatus::Running),
                completed: view.count(JobStatus::Completed),
                failed: view.count(JobStatus::Failed),
                cancelled: view.count(JobStatus::Cancelled),
                refused: view.refused(),
                absent: view.absent(),
            },
            progress: jobs.iter().map(|job| job.progress).sum::<f64>() / f64::from(count),
            jobs,
        }
    }
}

impl BatchJobBody {
    fn of(
        index: usize,
        place: &BatchPlace,
        id: JobId,
        record: Option<&JobRecord>,
        refusal: Option<&str>,
    ) -> Self {
        // What has ended is done, however it ended.
        let progress = |record: &JobRecord| match record.status.is_terminal() {
            true => 1.0,
            false => record.progress.into(),
        };
        Self {
            index,
            job_id: id.to_string(),
            status: match (record, refusal) {
                (Some(record), _) => record.status.as_str(),
                (None, Some(_)) => "refused",
                (None, None) => "absent",
            },
            // One that is not made has nothing left to do.
            progress: record.map_or(if refusal.is_some() { 1.0 } else { 0.0 }, progress),
            values: Value::Object(place.values()),
            result: record.and_then(|record| record.figures.as_ref()).map(FiguresBody::of),
            error: record.map_or_else(|| refusal.map(str::to_owned), |record| record.error.clone()),
            href: path_of(id),
        }
    }
}

/// How the jobs are ordered.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderQuery {
    /// `index`, the grid's own order and the default, or a figure such as `-profit_total`: `-` for the largest first.
    sort: Option<String>,
}

/// Lists batches, the newest first
#[utoipa::path(get, path = "/api/v1/batches", operation_id = "list_batches", tag = "batches", params(PageQuery),
    responses((status = 200, body = Page<BatchBody>)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<BatchBody>>), Problem> {
    let (limit, before) = (page.limit()?, state.cursors.open("batches", &page)?);
    let listed = state.core.batches.list(before, limit).await.map_err(problem)?;
    let next_cursor = listed.more_before.map(|last| state.cursors.seal("batches", &last));
    let items = listed.records.iter().map(BatchBody::of).collect();
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

/// Takes a batch of backtests in
///
/// All of it or nothing: every job is checked as if it were submitted by itself, a fault points at the value of the axis
/// that it comes of, and all jobs must be allowed to wait. The reply comes once the jobs are taken in; should the service
/// die meanwhile, its next start takes in the rest. With an `Idempotency-Key` a repeated request gets the same batch.
#[utoipa::path(post, path = "/api/v1/batches", operation_id = "submit_batch", tag = "batches",
    request_body = SubmitBatchBody, params(("Idempotency-Key" = Option<String>, Header)), responses(
    (status = 202, body = BatchDetailBody, headers(("Location" = String, description = "The batch"))),
    (status = 422, description = "Values are not allowed, or more is asked for than one batch may"),
    (status = 429, description = "Not all of its jobs may wait"),
    (status = 503, description = "No executor is set up, or the service stops"),
))]
pub(super) async fn submit(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): Json<SubmitBatchBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let requester = Requester { idempotency_key, ..requester(&caller, &ids) };
    let submitted = state.core.batches.submit(&body.into(), &requester).await.map_err(problem)?;
    let id = submitted.record.batch_id;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(address(id)) {
        headers.insert(header::LOCATION, location);
    }
    if submitted.replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    let view = state.core.batches.get(id).await.map_err(problem)?;
    Ok((StatusCode::ACCEPTED, headers, Json(BatchDetailBody::of(&view, JobOrder::default()))).into_response())
}

/// Shows a batch
///
/// How many of its jobs stand where, and each of them with what sets it apart and, once it is completed, its figures.
#[utoipa::path(get, path = "/api/v1/batches/{batch_id}", operation_id = "show_batch", tag = "batches",
    params(("batch_id" = String, Path), OrderQuery), responses(
    (status = 200, body = BatchDetailBody), (status = 404, description = "There is no such batch")))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(query): Query<OrderQuery>,
) -> Result<Json<BatchDetailBody>, Problem> {
    let order = query.sort.as_deref().map_or(Ok(JobOrder::default()), str::parse);
    let order = order
        .map_err(|error: UnknownOrder| Problem::fields(vec![FieldFault::query("sort", error.to_string())]))?;
    let view = state.core.batches.get(batch_id(&id)?).await.map_err(problem)?;
    Ok(Json(BatchDetailBody::of(&view, order)))
}

/// Cancels a batch
///
/// What has not ended of it, wherever it stands. Repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/batches/{batch_id}/cancel", operation_id = "cancel_batch", tag = "batches",
    params(("batch_id" = String, Path)), responses(
    (status = 200, body = BatchDetailBody), (status = 404, description = "There is no such batch")))]
pub(super) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Path(id): Path<String>,
) -> Result<Json<BatchDetailBody>, Problem> {
    caller.require(Role::Trader)?;
    let requester = requester(&caller, &ids);
    let view = state.core.batches.cancel(batch_id(&id)?, &requester).await.map_err(problem)?;
    Ok(Json(BatchDetailBody::of(&view, JobOrder::default())))
}

fn address(id: BatchId) -> String {
    format!("/api/v1/batches/{id}")
}

/// Reads a batch's id; what is no id names no batch.
fn batch_id(text: &str) -> Result<BatchId, Problem> {
    text.parse().map_err(|_| Problem::new(Code::NotFound, "there is no such batch: its id is a UUID"))
}
