//! Making sure that candles are there.

use serde::{Deserialize, Serialize};
use tradai_control_plane::data::{EnsureReport, SyncMode};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::Extension;
use tradai_service::axum::extract;
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, HoldBack, Json, Place, Problem, Query, RequestIds};

use super::completeness::CoverageBody;
use super::parse::{Fields, requester};
use super::problem::problem;
use super::state::State;
use super::sync::{Wait, Which, run};
use super::sync_view::SyncJobBody;

/// What must be there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnsureBody {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// The markets.
    #[schema(example = json!(["BTC/USDT:USDT"]))]
    symbols: Vec<String>,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when.
    #[schema(example = "2024-01-01")]
    start: String,
    /// Until when, exclusive; until now when left out.
    end: Option<String>,
    /// Days before the start that are needed too, for indicators to warm up on; 0 to 3650.
    #[serde(default)]
    padding_days: u32,
}

/// Candles that are there: nothing had to be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadyBody {
    /// Always true.
    ready: bool,
    /// How complete each series is; what the exchange does not have counts as complete.
    coverage: Vec<CoverageBody>,
}

/// What the request came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum EnsureReply {
    Ready(ReadyBody),
    #[expect(dead_code, reason = "the reply of a job is made where syncs are; this describes it")]
    Collected(Box<SyncJobBody>),
}

/// Makes sure that candles are there
///
/// Looks at the store first. When nothing is missing that the exchange has, answers 200 with `ready`; otherwise
/// collects it, as `POST /api/v1/sync` does.
#[utoipa::path(post, path = "/api/v1/ensure", tag = "sync", params(Wait), request_body = EnsureBody, responses(
    (status = 200, body = EnsureReply, description = "All is there, or was collected by now"),
    (status = 202, body = SyncJobBody, description = "It is being collected"),
    (status = 422, description = "Values are not allowed, or more is asked for than one request may"),
))]
pub(super) async fn ensure(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    Extension(hold_back): Extension<HoldBack>,
    Query(wait): Query<Wait>,
    Json(body): Json<EnsureBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let wait = wait.duration(state.sync_wait)?;
    let mut fields = Fields::of_body();
    let which = Which {
        exchange: body.exchange.as_deref(),
        symbols: &body.symbols,
        timeframe: &body.timeframe,
        price: body.price.as_deref(),
        start: Some(&body.start),
        end: body.end.as_deref(),
    };
    let request = which.request(&mut fields, SyncMode::Gaps);
    fields.finish()?;
    let refused = |error| problem(error, Place::Body);
    let plan = state.collector.plan_ensure(&request, body.padding_days).await.map_err(refused)?;
    let report = state.collector.report(&plan).await.map_err(refused)?;
    if report.is_ready() {
        return Ok(Json(EnsureReply::Ready(ready(&report))).into_response());
    }
    run(&state, "candles.ensure", plan, &requester(&caller, &ids), &hold_back, wait).await
}

fn ready(report: &EnsureReport) -> ReadyBody {
    ReadyBody { ready: true, coverage: report.coverage.iter().map(CoverageBody::of).collect() }
}
