//! Taking backtests in.

use serde::Deserialize;
use serde_json::{Map, Value};
use tradai_control_plane::jobs::{BacktestRequest, Requester};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::Extension;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tradai_service::axum::response::{IntoResponse, Redirect, Response};
use tradai_service::utoipa::{self, ToSchema};
use tradai_service::{Caller, Deprecated, IDEMPOTENCY_REPLAYED, IdempotencyKey, Json, Problem, RequestIds};

use super::job_view::{AcceptedBody, path_of};
use super::problem::problem;
use super::state::State;

/// The older address: given up on 2026-01-01, and there for two years from then.
pub(super) const ALIAS: Deprecated =
    Deprecated { since: 1_767_225_600_000, sunset: 1_830_297_600_000, successor: "/api/v1/backtests" };

/// A backtest to be run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitBody {
    /// Name of the strategy.
    #[schema(example = "SmaCross")]
    strategy: String,
    /// Its version; the one that is there when left out.
    strategy_version: Option<String>,
    /// Pairs; the strategy's own when left out.
    #[serde(default)]
    #[schema(example = json!(["BTC/USDT:USDT"]))]
    symbols: Vec<String>,
    /// Length of the candles; the strategy's when left out.
    #[schema(example = "1h")]
    timeframe: Option<String>,
    /// From when: a day, `20240101` or `2024-01-01`, or a moment; the first candle when left out.
    #[schema(example = "2024-01-01")]
    start: Option<String>,
    /// Until when, exclusive; the last candle when left out.
    #[schema(example = "2024-07-01")]
    end: Option<String>,
    /// Both at once, as Freqtrade writes it: `20240101-20240701`. Not together with `start` and `end`.
    timerange: Option<String>,
    /// Settings on top of the strategy's own, such as `stake_amount` and `stoploss`.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Map<String, Value>,
    /// Parameters of the strategy: numbers, texts, true and false by name.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
    /// The exchange whose collected candles are tested; those that were imported when left out. What is missing is
    /// collected first.
    #[schema(example = "binance_futures")]
    exchange: Option<String>,
    /// The config version to use; the active one when left out.
    config_id: Option<String>,
}

impl From<SubmitBody> for BacktestRequest {
    fn from(body: SubmitBody) -> Self {
        Self {
            strategy: body.strategy,
            strategy_version: body.strategy_version,
            symbols: body.symbols,
            timeframe: body.timeframe,
            start: body.start,
            end: body.end,
            timerange: body.timerange,
            settings: body.settings,
            parameters: body.parameters,
            exchange: body.exchange,
            config_id: body.config_id,
        }
    }
}

/// Takes a backtest in
///
/// Answers at once; the job runs when there is room. With an `Idempotency-Key` a repeated request gets the same job
/// (`Idempotency-Replayed: true`), also after a restart; with another body it is refused.
#[utoipa::path(post, path = "/api/v1/backtests", operation_id = "submit_backtest", tag = "backtests",
    request_body = SubmitBody, params(("Idempotency-Key" = Option<String>, Header)), responses(
    (status = 202, body = AcceptedBody, headers(("Location" = String, description = "The job"))),
    (status = 422, description = "Values are not allowed, or more is asked for than one backtest may"),
    (status = 503, description = "No executor is set up, or the service stops"),
))]
pub(super) async fn submit(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Extension(ids): Extension<RequestIds>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): Json<SubmitBody>,
) -> Result<Response, Problem> {
    caller.require(Role::Trader)?;
    let requester = Requester { idempotency_key, ..requester(&caller, &ids) };
    let submitted = state.core.backtests.submit(&body.into(), &requester).await.map_err(problem)?;
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(path_of(submitted.record.job_id)) {
        headers.insert(header::LOCATION, location);
    }
    if submitted.replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok((StatusCode::ACCEPTED, headers, Json(AcceptedBody::of(&submitted.record))).into_response())
}

/// Takes a backtest in, under an older name
///
/// As `POST /api/v1/backtests`.
#[utoipa::path(post, path = "/api/v1/backtest", operation_id = "submit_backtest_alias", tag = "backtests",
    request_body = SubmitBody, params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = AcceptedBody)))]
pub(super) async fn submit_alias(
    state: extract::State<State>,
    caller: Caller,
    ids: Extension<RequestIds>,
    key: IdempotencyKey,
    body: Json<SubmitBody>,
) -> Result<Response, Problem> {
    submit(state, caller, ids, key, body).await
}

/// Leads from the address without a version to the one with it; a client repeats method and body there.
pub(super) async fn moved(uri: Uri) -> Redirect {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Redirect::permanent(&format!("/api/v1/backtests{query}"))
}

/// Returns who asks, and in which trace.
pub(super) fn requester(caller: &Caller, ids: &RequestIds) -> Requester {
    let (actor, via) = (caller.name.clone(), caller.via.clone());
    Requester { actor, via, trace_id: Some(ids.trace_id), ..Requester::default() }
}
