//! A sync as clients see it.

use serde::Serialize;
use tradai_control_plane::data::{SeriesOutcome, SyncJob, SyncMode, SyncResult};
use tradai_domain::ports::Span;
use tradai_domain::{Millis, Timeframe};
use tradai_service::utoipa::{self, ToSchema};

use super::series_view::date;

/// A sync job. Its result grows while it runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SyncJobBody {
    /// The job.
    job_id: String,
    /// The same, as the first clients call it.
    ticket_id: String,
    /// What the job is traced by in logs.
    trace_id: String,
    /// `running`, `completed`, `failed` or `cancelled`. Symbols that failed are in `errors` of a completed job; a job
    /// has failed when not one symbol was collected.
    status: &'static str,
    /// When it was accepted.
    created_at: String,
    /// When it ended.
    finished_at: Option<String>,
    /// How far it is.
    progress: ProgressBody,
    #[serde(flatten)]
    result: SyncResultBody,
    /// Where to go from here.
    links: LinksBody,
}

/// How far a job is.
#[derive(Debug, Serialize, ToSchema)]
struct ProgressBody {
    /// Symbols of the request.
    symbols_total: usize,
    /// Symbols that ended, whatever in.
    symbols_done: usize,
    /// Candles to be asked for, of the symbols that began.
    candles_expected: u64,
    /// Candles that the exchange has answered for.
    candles_answered: u64,
}

/// Addresses of a job.
#[derive(Debug, Serialize, ToSchema)]
struct LinksBody {
    #[serde(rename = "self")]
    this: String,
    cancel: String,
}

/// What a sync came to (`SyncResult`).
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SyncResultBody {
    /// From where.
    exchange: String,
    /// Length of the candles.
    #[schema(example = "1h")]
    timeframe: &'static str,
    /// `gaps`, `incremental` or `repair`.
    mode: &'static str,
    /// First moment of the span; `null` where each symbol began after its own newest candle.
    start: Option<String>,
    /// First moment after it.
    end: String,
    /// Symbols that were collected to the end.
    symbols_synced: usize,
    /// Candles that were stored, those of failed symbols too.
    rows_synced: u64,
    /// Every symbol, in the order of the request.
    symbols: Vec<SymbolBody>,
    /// One for each symbol that failed.
    errors: Vec<SymbolErrorBody>,
}

/// One symbol of a sync.
#[derive(Debug, Serialize, ToSchema)]
struct SymbolBody {
    symbol: String,
    /// `waiting`, `running`, `done`, `failed` or `cancelled`.
    status: &'static str,
    /// Candles that were stored.
    rows_synced: u64,
    /// The version that holds them.
    version: Option<u64>,
    /// Candles that were missing.
    candles_expected: u64,
    /// Candles that the exchange does not have.
    candles_absent: u64,
    /// Where it has none: the first 20 spans.
    absent: Vec<SpanBody>,
}

/// A half-open span.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SpanBody {
    /// First moment inside.
    start: String,
    /// First moment after.
    end: String,
    /// Candles of the timeframe that open inside.
    candles: u64,
}

impl SpanBody {
    pub(super) fn of(span: Span, timeframe: Timeframe) -> Self {
        Self { start: date(span.start), end: date(span.end), candles: span.candles(timeframe) }
    }
}

/// Why a symbol failed.
#[derive(Debug, Serialize, ToSchema)]
struct SymbolErrorBody {
    symbol: String,
    /// `not_found`, `unavailable` (try again later), `conflict`, `invalid`, `data` or `internal`.
    kind: &'static str,
    message: String,
    /// When the exchange wants to be asked again.
    retry_after_seconds: Option<u64>,
}

impl SyncJobBody {
    pub(super) fn of(job: &SyncJob) -> Self {
        let view = job.view();
        let series = &view.result.series;
        let id = job.id.to_string();
        let this = format!("/api/v1/sync/{id}");
        Self {
            ticket_id: id.clone(),
            trace_id: job.trace_id.clone(),
            status: view.status.as_str(),
            created_at: date(job.created),
            finished_at: view.ended.map(date),
            progress: ProgressBody {
                symbols_total: series.len(),
                symbols_done: series.iter().filter(|series| series.state.is_final()).count(),
                candles_expected: series.iter().map(|series| series.candles_expected).sum(),
                candles_answered: series.iter().map(|series| series.candles_answered).sum(),
            },
            result: SyncResultBody::of(&view.result),
            links: LinksBody { cancel: format!("{this}/cancel"), this },
            job_id: id,
        }
    }

    /// The same without its symbols, for lists.
    pub(super) fn short(mut self) -> Self {
        self.result.symbols.clear();
        self
    }
}

impl SyncResultBody {
    pub(super) fn of(result: &SyncResult) -> Self {
        let seconds = |pause: std::time::Duration| pause.as_millis().div_ceil(1_000);
        let errors = result.failed().map(|(series, error)| SymbolErrorBody {
            symbol: series.key.symbol.to_string(),
            kind: error.kind.as_str(),
            message: error.message.clone(),
            retry_after_seconds: error
                .retry_after
                .map(|after| u64::try_from(seconds(after)).unwrap_or(u64::MAX)),
        });
        Self {
            exchange: result.exchange.to_string(),
            timeframe: result.timeframe.as_str(),
            mode: mode_name(result.mode),
            start: result.start.map(date),
            end: date(result.end),
            symbols_synced: result.symbols_synced,
            rows_synced: result.rows_synced,
            errors: errors.collect(),
            symbols: result.series.iter().map(|series| symbol_body(series, result.timeframe)).collect(),
        }
    }
}

fn symbol_body(series: &SeriesOutcome, timeframe: Timeframe) -> SymbolBody {
    SymbolBody {
        symbol: series.key.symbol.to_string(),
        status: series.state.as_str(),
        rows_synced: series.rows_synced,
        version: series.version,
        candles_expected: series.candles_expected,
        candles_absent: series.candles_absent,
        absent: series.absent.iter().map(|span| SpanBody::of(*span, timeframe)).collect(),
    }
}

fn mode_name(mode: SyncMode) -> &'static str {
    match mode {
        SyncMode::Gaps => "gaps",
        SyncMode::Incremental => "incremental",
        SyncMode::Repair => "repair",
    }
}

/// Returns a moment that may be missing.
pub(super) fn maybe_date(at: Option<Millis>) -> Option<String> {
    at.map(date)
}
