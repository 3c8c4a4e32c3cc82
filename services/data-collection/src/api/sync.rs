//! Starting, watching and cancelling syncs.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;
use tradai_control_plane::data::{SyncJob, SyncMode, SyncPlan, SyncRequest};
use tradai_control_plane::jobs::Requester;
use tradai_domain::JobId;
use tradai_platform::settings::sections::Role;
use tradai_service::axum::Extension;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{
    Caller, Code, FieldFault, HoldBack, Json, Page, PageQuery, Path, Place, Problem, Query, RequestIds,
    page_links,
};

use super::parse::{Fields, requester};
use super::problem::problem;
use super::state::State;
use super::sync_view::SyncJobBody;

/// Longest wait for a job, in seconds.
const MAX_WAIT: u64 = 25;
/// How long a job that is cancelled is waited for.
const CANCEL_WAIT: Duration = Duration::from_secs(2);

/// What to collect.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SyncBody {
    /// From where; the first configured exchange when left out.
    #[schema(example = "binance_futures")]
    exchange: Option<String>,
    /// The markets: `BASE/QUOTE`, or `BASE/QUOTE:SETTLE` for a perpetual.
    #[schema(example = json!(["BTC/USDT:USDT"]))]
    symbols: Vec<String>,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when: `2024-01-01`, `20240101` or `2024-01-01T00:00:00Z`.
    #[schema(example = "2024-01-01")]
    start: String,
    /// Until when, exclusive; until now when left out or in the future.
    end: Option<String>,
    /// `gaps` (default) asks for what is missing; `repair` asks for all and takes the exchange's candle where it has
    /// corrected one.
    mode: Option<String>,
    /// Whether to ask again for what the exchange did not have before.
    #[serde(default)]
    recheck: bool,
}

/// What to bring up to date.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IncrementalBody {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// The markets; every stored one of the timeframe when left out.
    #[serde(default)]
    symbols: Vec<String>,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when symbols are collected of which nothing is stored.
    start: Option<String>,
}

/// How long to wait for the end.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    /// Seconds, 0 to 25.
    wait: Option<String>,
}

impl Wait {
    pub(super) fn duration(&self, default: Duration) -> Result<Duration, Problem> {
        let Some(text) = &self.wait else { return Ok(default) };
        let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT);
        seconds.map(Duration::from_secs).ok_or_else(|| {
            let reason = format!("expected a number from 0 to {MAX_WAIT}");
            Problem::fields(vec![FieldFault::query("wait", reason)])
        })
    }
}

/// Collects what is missing
///
/// Answers 200 with the result when it ends soon, and 202 with the job otherwise. A symbol that fails stops none of the
/// others: it is in `errors`. Another sync of the same series is waited for first. An `Idempotency-Key` makes
/// repeating safe.
#[utoipa::path(post, path = "/api/v1/sync", tag = "sync", params(Wait), request_body = SyncBody, responses(
    (status = 200, body = SyncJobBody, description = "It has ended"),
    (status = 202, body = SyncJobBody, description = "It is under way"),
    (status = 422, description = "Values are not allowed, or more is asked for than one request may"),
))]
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Extension(hold_back): Extension<HoldBack>,
    Query(wait): Query<Wait>,
    Json(body): Json<SyncBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let wait = wait.duration(state.sync_wait)?;
    let request = sync_request(&body)?;
    let plan = state.collector.plan(&request).await.map_err(|error| problem(error, Place::Body))?;
    let requester = requester(&caller, &ids);
    run(&state, "candles.sync", plan, &requester, &hold_back, wait).await
}

/// Collects what is newer than what is stored
///
/// As `POST /api/v1/sync`, from the newest stored candle of each symbol on.
#[utoipa::path(post, path = "/api/v1/sync/incremental", tag = "sync", params(Wait), request_body = IncrementalBody,
    responses(
        (status = 200, body = SyncJobBody, description = "It has ended"),
        (status = 202, body = SyncJobBody, description = "It is under way"),
        (status = 422, description = "Values are not allowed, or more is asked for than one request may"),
    ))]
pub(super) async fn start_incremental(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Extension(hold_back): Extension<HoldBack>,
    Query(wait): Query<Wait>,
    Json(body): Json<IncrementalBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let wait = wait.duration(state.sync_wait)?;
    let mut fields = Fields::of_body();
    let which = Which {
        exchange: body.exchange.as_deref(),
        symbols: &body.symbols,
        timeframe: &body.timeframe,
        price: body.price.as_deref(),
        start: body.start.as_deref(),
        end: None,
    };
    let request = which.request(&mut fields, SyncMode::Incremental);
    fields.finish()?;
    let plan = state.collector.plan(&request).await.map_err(|error| problem(error, Place::Body))?;
    let requester = requester(&caller, &ids);
    run(&state, "candles.sync", plan, &requester, &hold_back, wait).await
}

fn sync_request(body: &SyncBody) -> Result<SyncRequest, Problem> {
    let mut fields = Fields::of_body();
    let mode = match body.mode.as_deref() {
        None | Some("gaps") => SyncMode::Gaps,
        Some("repair") => SyncMode::Repair,
        Some(other) => {
            fields.fault("mode", format!("`{other}` is not known; one of gaps, repair"));
            SyncMode::Gaps
        }
    };
    let which = Which {
        exchange: body.exchange.as_deref(),
        symbols: &body.symbols,
        timeframe: &body.timeframe,
        price: body.price.as_deref(),
        start: Some(&body.start),
        end: body.end.as_deref(),
    };
    let request = SyncRequest { recheck: body.recheck, ..which.request(&mut fields, mode) };
    fields.finish()?;
    Ok(request)
}

/// Which candles a body means; `POST /ensure` asks in the same words.
pub(super) struct Which<'a> {
    pub(super) exchange: Option<&'a str>,
    pub(super) symbols: &'a [String],
    pub(super) timeframe: &'a str,
    pub(super) price: Option<&'a str>,
    pub(super) start: Option<&'a str>,
    pub(super) end: Option<&'a str>,
}

impl Which<'_> {
    /// Parses them; what is wrong is in `fields`.
    pub(super) fn request(&self, fields: &mut Fields, mode: SyncMode) -> SyncRequest {
        SyncRequest {
            exchange: fields.exchange(self.exchange),
            symbols: fields.symbols(self.symbols),
            timeframe: fields.timeframe(self.timeframe),
            price: fields.price(self.price),
            start: fields.date("start", self.start),
            end: fields.date("end", self.end),
            mode,
            recheck: false,
        }
    }
}

/// Starts a job and waits for it a while.
pub(super) async fn run(
    state: &State,
    action: &str,
    plan: SyncPlan,
    requester: &Requester,
    hold_back: &HoldBack,
    wait: Duration,
) -> Result<Response, Problem> {
    let job = state.changes.collect(action, plan, requester).await;
    let job = job.map_err(|error| problem(error, Place::Body))?;
    wait_for(&job, hold_back, wait).await;
    Ok(answer(&job, StatusCode::ACCEPTED))
}

/// Waits for the end of a job, without the place of a request that is served; not while very many wait. Whether it ended
/// is asked of the job itself.
async fn wait_for(job: &SyncJob, hold_back: &HoldBack, wait: Duration) {
    let waiting = (!wait.is_zero()).then(|| hold_back.begin()).flatten();
    if waiting.is_some() {
        drop(timeout(wait, job.wait()).await);
    }
}

/// Presents a job: with 200 if it has ended, and with `running` while it has not.
fn answer(job: &SyncJob, running: StatusCode) -> Response {
    let status = if job.view().status.is_final() { StatusCode::OK } else { running };
    let location = HeaderValue::try_from(format!("/api/v1/sync/{}", job.id));
    let headers: HeaderMap = location.into_iter().map(|location| (header::LOCATION, location)).collect();
    (status, headers, Json(SyncJobBody::of(job))).into_response()
}

/// Shows a sync job
///
/// With `wait`, answers when it ends or the time is over.
#[utoipa::path(get, path = "/api/v1/sync/{job_id}", tag = "sync", params(("job_id" = String, Path), Wait),
    responses((status = 200, body = SyncJobBody), (status = 404)))]
pub(super) async fn show(
    extract::State(state): extract::State<State>,
    Extension(hold_back): Extension<HoldBack>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Response, Problem> {
    let wait = wait.duration(Duration::ZERO)?;
    let job = find(&state, &id)?;
    wait_for(&job, &hold_back, wait).await;
    Ok(answer(&job, StatusCode::OK))
}

/// Cancels a sync job
///
/// What it has fetched is stored. Cancelling a job that has ended changes nothing.
#[utoipa::path(post, path = "/api/v1/sync/{job_id}/cancel", tag = "sync", params(("job_id" = String, Path)),
    responses((status = 200, body = SyncJobBody, description = "It has ended"),
        (status = 202, body = SyncJobBody, description = "It is ending"), (status = 404)))]
pub(super) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Extension(hold_back): Extension<HoldBack>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let job = find(&state, &id)?;
    let cancelled = state.changes.cancel(&job, &requester(&caller, &ids)).await;
    cancelled.map_err(|error| problem(error, Place::Path))?;
    wait_for(&job, &hold_back, CANCEL_WAIT).await;
    Ok(answer(&job, StatusCode::ACCEPTED))
}

/// Lists sync jobs
///
/// The newest first, without their symbols. Ended jobs are remembered for a day.
#[utoipa::path(get, path = "/api/v1/sync", operation_id = "list_syncs", tag = "sync", params(PageQuery),
    responses((status = 200, body = Page<SyncJobBody>)))]
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    uri: Uri,
    Query(page): Query<PageQuery>,
) -> Result<(HeaderMap, Json<Page<SyncJobBody>>), Problem> {
    let limit = page.limit()?;
    let before: Option<JobId> = state.cursors.open("sync", &page)?;
    let jobs = state.jobs.list();
    let rest: Vec<_> = jobs.iter().filter(|job| before.is_none_or(|before| job.id < before)).collect();
    let items = rest.iter().take(limit).map(|job| SyncJobBody::of(job).short()).collect();
    let last = rest.get(limit.saturating_sub(1)).filter(|_| rest.len() > limit);
    let next_cursor = last.map(|job| state.cursors.seal("sync", &job.id));
    Ok((page_links(&uri, next_cursor.as_deref()), Json(Page { items, next_cursor })))
}

fn find(state: &State, id: &str) -> Result<Arc<SyncJob>, Problem> {
    let found = id.parse().ok().and_then(|id| state.jobs.find(id));
    found.ok_or_else(|| {
        let detail =
            "there is no such sync job; ended ones are forgotten after a day, and when the service restarts";
        Problem::new(Code::NotFound, detail)
    })
}
