//! Candle files of other programs: in as request bodies, out as replies.

use std::path::Path as FilePath;
use std::str::FromStr;

use serde::Deserialize;
use tradai_domain::ports::StoredCandles;
use tradai_domain::{CandleSeries, ErrorKind, SeriesKey, Symbol};
use tradai_platform::settings::sections::Role;
use tradai_service::axum::body::Bytes;
use tradai_service::axum::extract;
use tradai_service::axum::http::{HeaderMap, HeaderValue, header};
use tradai_service::axum::response::{IntoResponse, Response};
use tradai_service::utoipa::{self, IntoParams, ToSchema};
use tradai_service::{Caller, Code, FieldFault, Json, Place, Problem, Query, RequestIds, preferred};
use tradai_timeseries::files::{read_candles, write_candles};

use super::parse::{Fields, requester};
use super::problem::problem;
use super::state::State;
use super::symbols::CommittedBody;
use crate::core::{CandlePageRequest, no_series};

/// A format of candle files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Csv,
    Parquet,
    Feather,
}

impl FileKind {
    fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Feather => "feather",
        }
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Feather => "application/vnd.apache.arrow.file",
        }
    }

    /// Returns the format that a client wants most; `None` for JSON.
    pub(super) fn wanted(headers: &HeaderMap) -> Option<Self> {
        let offered = [
            "application/json",
            "text/csv",
            "application/vnd.apache.parquet",
            "application/vnd.apache.arrow.file",
        ];
        match preferred(headers, &offered)? {
            "text/csv" => Some(Self::Csv),
            "application/vnd.apache.parquet" => Some(Self::Parquet),
            "application/vnd.apache.arrow.file" => Some(Self::Feather),
            _ => None,
        }
    }
}

impl FromStr for FileKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kinds = [Self::Csv, Self::Parquet, Self::Feather];
        kinds.into_iter().find(|kind| kind.ending() == text).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            format!("`{text}` is not known; one of csv, parquet, feather")
        })
    }
}

/// Writes candles as a file that a browser saves under the series' name.
pub(super) async fn file_response(
    key: &SeriesKey,
    kind: FileKind,
    found: StoredCandles,
) -> Result<Response, Problem> {
    let bytes = blocking(move || encode(kind, &found.candles, found.synthetic)).await?;
    // Letters, digits and `_` alone: nothing needs to be escaped.
    let name: String =
        key.store_symbol().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let disposition = format!("attachment; filename=\"{name}.{}\"", kind.ending());
    let disposition = HeaderValue::try_from(disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind.media_type())),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, bytes).into_response())
}

/// Runs work on files where it keeps no other request waiting.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Problem::new(Code::Internal, Code::Internal.meaning()).source(error)))
}

/// The formats are written to files, whose ending names them.
fn encode(kind: FileKind, candles: &CandleSeries, synthetic: bool) -> Result<Vec<u8>, Problem> {
    let folder = tempfile::tempdir().map_err(internal)?;
    let path = folder.path().join("candles").with_extension(kind.ending());
    write_candles(&path, candles, synthetic).map_err(internal)?;
    std::fs::read(&path).map_err(internal)
}

fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Problem {
    Problem::new(Code::Internal, Code::Internal.meaning()).source(error)
}

/// What to export.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportBody {
    /// From where; the first configured exchange when left out.
    exchange: Option<String>,
    /// The market.
    #[schema(example = "BTC/USDT:USDT")]
    symbol: String,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// From when; from the first candle on when left out.
    start: Option<String>,
    /// Until when, exclusive.
    end: Option<String>,
    /// `csv`, `parquet` or `feather` (Freqtrade's).
    #[schema(example = "parquet")]
    format: String,
}

/// Exports stored candles as a file
#[utoipa::path(post, path = "/api/v1/export", tag = "files", request_body = ExportBody, responses(
    (status = 200, content((String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"),
        (Vec<u8> = "application/vnd.apache.arrow.file"))),
    (status = 404),
))]
pub(super) async fn export(
    extract::State(state): extract::State<State>,
    Json(body): Json<ExportBody>,
) -> Result<Response, Problem> {
    let mut fields = Fields::of_body();
    let exchange = fields.exchange(body.exchange.as_deref());
    let price = fields.price(body.price.as_deref());
    let symbol = fields.parse::<Symbol>("symbol", &body.symbol);
    let timeframe = fields.timeframe(&body.timeframe);
    let (start, end) = (fields.date("start", body.start.as_deref()), fields.date("end", body.end.as_deref()));
    let kind = fields.parse::<FileKind>("format", &body.format);
    let (symbol, kind) = fields.finish_with(symbol.zip(kind))?;
    let request = CandlePageRequest {
        key: price.series(&symbol, timeframe),
        start,
        end,
        version: tradai_domain::ports::VersionChoice::Latest,
        limit: state.catalog.max_rows(),
        whole: true,
    };
    let found = state.catalog.candles(exchange.as_ref(), &request).await;
    let found = found.map_err(|error| problem(error, Place::Body))?;
    let (found, _) = found.ok_or_else(|| problem(no_series(&request.key), Place::Body))?;
    file_response(&request.key, kind, found).await
}

/// What a file holds.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportQuery {
    /// Where the candles belong; the first configured exchange when left out.
    exchange: Option<String>,
    /// The market.
    #[param(example = "BTC/USDT:USDT")]
    symbol: String,
    /// Length of the candles.
    #[param(example = "1h")]
    timeframe: String,
    /// `traded` (default), `mark` or `funding_rate`.
    price: Option<String>,
    /// `csv`, `parquet` or `feather` (Freqtrade's).
    #[param(example = "csv")]
    format: String,
}

/// Imports a file of candles
///
/// The body is the file. Its candles are added: those that are stored already must be the same, and a file with a
/// faulty row is refused as a whole. The largest body is the service's limit (`BODY_LIMIT_BYTES`); larger files are
/// imported with `tradai data import`.
#[utoipa::path(post, path = "/api/v1/import", tag = "files", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = CommittedBody),
        (status = 409, description = "Stored candles differ, or made-up and real ones would mix"),
        (status = 422, description = "The file cannot be read, or a row is no candle")))]
pub(super) async fn import(
    extract::State(state): extract::State<State>,
    caller: Caller,
    ids: RequestIds,
    Query(query): Query<ImportQuery>,
    body: Bytes,
) -> Result<Json<CommittedBody>, Problem> {
    caller.require(Role::Trader)?;
    let mut fields = Fields::of_query();
    let exchange = fields.exchange(query.exchange.as_deref());
    let price = fields.price(query.price.as_deref());
    let symbol = fields.parse::<Symbol>("symbol", &query.symbol);
    let timeframe = fields.timeframe(&query.timeframe);
    let kind = fields.parse::<FileKind>("format", &query.format);
    let (symbol, kind) = fields.finish_with(symbol.zip(kind))?;
    let key = price.series(&symbol, timeframe);
    let decoded = key.clone();
    let (candles, synthetic) = blocking(move || decode(kind, &body, &decoded)).await?;
    let requester = requester(&caller, &ids);
    let done = state.changes.import(exchange.as_ref(), &key, &candles, synthetic, &requester).await;
    let done = done.map_err(|error| problem(error, Place::Query))?;
    let (version, changed, rows) = (done.version, done.changed, done.rows);
    Ok(Json(CommittedBody { key: key.store_symbol(), version, changed, rows }))
}

/// Returns the candles of a file, and whether it calls them made up.
fn decode(kind: FileKind, bytes: &[u8], key: &SeriesKey) -> Result<(CandleSeries, bool), Problem> {
    let folder = tempfile::tempdir().map_err(internal)?;
    let path = folder.path().join("file").with_extension(kind.ending());
    std::fs::write(&path, bytes).map_err(internal)?;
    let refused = |error: &dyn std::fmt::Display| {
        // The file has a name of ours, which says nothing to the client.
        let reason = without_path(&error.to_string(), &path);
        Problem::new(Code::InvalidField, reason.clone()).errors(vec![FieldFault::body("", reason)])
    };
    let raw = read_candles(&path).map_err(|error| match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Internal => internal(error),
        _ => refused(&error),
    })?;
    let faults = raw.faults(key.timeframe, key.kind);
    let is_gap =
        |fault: &&tradai_domain::SeriesFault| !matches!(fault, tradai_domain::SeriesFault::Gap { .. });
    if let Some(fault) = faults.iter().find(is_gap) {
        return Err(refused(fault));
    }
    let synthetic = raw.synthetic;
    let candles = raw.into_series().map_err(|fault| refused(&fault))?;
    Ok((candles, synthetic))
}

fn without_path(text: &str, path: &FilePath) -> String {
    text.replace(&path.display().to_string(), "the file")
}
