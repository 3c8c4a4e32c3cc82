//! What came of a backtest.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_domain::JobId;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, Uri, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{FieldFault, Json, PageQuery, Path, Problem, Query, page_links};

use super::backtests::job_id;
use super::format::{CSV, Format, PARQUET, download};
use super::problem::problem;
use super::state::State;
use crate::core::ResultFile;

/// Points of an equity curve, where the client does not say.
const POINTS: usize = 2_000;
/// The most points that it may ask for.
const MAX_POINTS: usize = 20_000;

/// How a table is written, and which part of it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TradesQuery {
    /// `json`, `csv` or `parquet`; what `Accept` says when left out. Files are whole.
    format: Option<String>,
    /// Most items of a page: 1 to 500, 50 if not given.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// How a curve is written.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct EquityQuery {
    /// `json`, `csv` or `parquet`; what `Accept` says when left out. Files are whole.
    format: Option<String>,
    /// Most points, 4 to 20000; 2000 when left out. Of more, the lowest and the highest of each stretch are kept.
    #[param(minimum = 4, maximum = 20000)]
    points: Option<String>,
}

/// Figures of a backtest.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MetricsBody {
    job_id: String,
    /// The figures and what they refer to, by Freqtrade's names: `statistics`, `backtest_start`, `stake_currency`, …
    #[serde(flatten)]
    #[schema(value_type = Object)]
    result: Map<String, Value>,
}

/// A page of trades.
#[derive(Debug, Serialize, ToSchema)]
struct TradesBody {
    /// The trades, by Freqtrade's names: `pair`, `open_date`, `profit_ratio`, `exit_reason`, …
    #[schema(value_type = Vec<Object>)]
    items: Vec<Map<String, Value>>,
    /// Asks for the next page; `null` on the last.
    next_cursor: Option<String>,
}

/// A wallet over time.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EquityBody {
    job_id: String,
    /// Names of the values of a point.
    columns: [&'static str; 2],
    /// Milliseconds since 1970, and the wallet in stake currency.
    points: Vec<(i64, f64)>,
}

/// Shows the figures of a completed backtest
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/metrics", operation_id = "backtest_metrics",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = MetricsBody),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn metrics(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
) -> Result<Json<MetricsBody>, Problem> {
    let id = job_id(&id)?;
    let mut result = state.core.results.document(id, ResultFile::Result).await.map_err(problem)?;
    result.remove("job_id");
    Ok(Json(MetricsBody { job_id: id.to_string(), result }))
}

/// Lists the trades of a completed backtest, in the order in which they closed
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/trades", operation_id = "backtest_trades",
    tag = "results", params(("job_id" = String, Path), TradesQuery), responses(
    (status = 200, content(
        (TradesBody = "application/json"), (String = "text/csv"),
        (String = "application/vnd.apache.parquet"))),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn trades(
    extract::State(state): extract::State<State>,
    uri: Uri,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<TradesQuery>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    match Format::wanted(query.format.as_deref(), &headers)? {
        Format::Json => trades_page(&state, &uri, id, PageQuery::new(query.limit, query.cursor)).await,
        file => table_file(&state, id, ResultFile::Trades, "trades", file).await,
    }
}

/// Shows the equity curve of a completed backtest
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/equity", operation_id = "backtest_equity",
    tag = "results", params(("job_id" = String, Path), EquityQuery), responses(
    (status = 200, content(
        (EquityBody = "application/json"), (String = "text/csv"),
        (String = "application/vnd.apache.parquet"))),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn equity(
    extract::State(state): extract::State<State>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<EquityQuery>,
) -> Result<Response, Problem> {
    let id = job_id(&id)?;
    let most = query.points()?;
    match Format::wanted(query.format.as_deref(), &headers)? {
        Format::Json => {
            let points = state.core.results.table(id, ResultFile::Equity, move |table| table.equity(most));
            let points = points.await.map_err(problem)?.into_value();
            let columns = ["timestamp", "equity"];
            Ok(Json(EquityBody { job_id: id.to_string(), columns, points }).into_response())
        }
        file => table_file(&state, id, ResultFile::Equity, "equity", file).await,
    }
}

/// Shows what a completed backtest ran on: settings, strategy, versions of candles, hashes
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/manifest", operation_id = "backtest_manifest",
    tag = "results", params(("job_id" = String, Path)), responses(
    (status = 200, body = serde_json::Value),
    (status = 404, description = "There is no such job"),
    (status = 409, description = "The job is not completed"),
))]
pub(super) async fn manifest(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
) -> Result<Json<Map<String, Value>>, Problem> {
    let manifest = state.core.results.document(job_id(&id)?, ResultFile::Manifest).await;
    manifest.map(Json).map_err(problem)
}

/// Shows the end of what the job's program wrote
#[utoipa::path(get, path = "/api/v1/backtests/{job_id}/logs", operation_id = "backtest_logs",
    tag = "results", params(("job_id" = String, Path), LogsQuery), responses(
    (status = 200, body = String, content_type = "text/plain"),
    (status = 204, description = "Nothing is kept, or nothing was written yet"),
    (status = 404, description = "There is no such job"),
))]
pub(super) async fn logs(
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    Query(query): Query<LogsQuery>,
) -> Result<Response, Problem> {
    let bytes = query.bytes()?;
    let log = state.core.results.log(job_id(&id)?, bytes).await.map_err(problem)?;
    let Some(log) = log.filter(|log| !log.is_empty()) else {
        return Ok(tradai_service::axum::http::StatusCode::NO_CONTENT.into_response());
    };
    let text = String::from_utf8_lossy(&log).into_owned();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, plain)], text).into_response())
}

/// How much of a log.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct LogsQuery {
    /// Most bytes, from the end: 1 to 1048576; 65536 when left out.
    #[param(minimum = 1, maximum = 1_048_576)]
    bytes: Option<String>,
}

impl LogsQuery {
    fn bytes(&self) -> Result<usize, Problem> {
        number("bytes", self.bytes.as_deref(), 64 * 1024, 1..=1024 * 1024)
    }
}

impl EquityQuery {
    fn points(&self) -> Result<usize, Problem> {
        number("points", self.points.as_deref(), POINTS, 4..=MAX_POINTS)
    }
}

fn number(
    name: &str,
    text: Option<&str>,
    default: usize,
    allowed: std::ops::RangeInclusive<usize>,
) -> Result<usize, Problem> {
    let Some(text) = text else { return Ok(default) };
    text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
        let reason = format!("expected a number from {} to {}", allowed.start(), allowed.end());
        Problem::fields(vec![FieldFault::query(name, reason)])
    })
}

async fn trades_page(state: &State, uri: &Uri, id: JobId, page: PageQuery) -> Result<Response, Problem> {
    let list = format!("trades {id}");
    let (limit, first) = (page.limit()?, state.cursors.open(&list, &page)?.unwrap_or(0_usize));
    let rows = state.core.results.table(id, ResultFile::Trades, move |table| {
        let next = first.saturating_add(limit);
        Ok((table.rows(first, limit)?, (next < table.len()).then_some(next)))
    });
    let (items, next) = rows.await.map_err(problem)?.into_value();
    let next_cursor = next.map(|next| state.cursors.seal(&list, &next));
    let headers = page_links(uri, next_cursor.as_deref());
    Ok((headers, Json(TradesBody { items, next_cursor })).into_response())
}

/// A whole table: the file as it is stored, or as CSV.
async fn table_file(
    state: &State,
    id: JobId,
    file: ResultFile,
    what: &str,
    format: Format,
) -> Result<Response, Problem> {
    if format == Format::Parquet {
        let bytes = state.core.results.file(id, file).await.map_err(problem)?;
        return Ok(download(&format!("{what}-{id}.parquet"), PARQUET, bytes));
    }
    let bytes = state.core.results.table(id, file, |table| table.csv()).await.map_err(problem)?;
    Ok(download(&format!("{what}-{id}.csv"), CSV, bytes))
}
