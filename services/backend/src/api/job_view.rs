//! A job as clients see it.

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use serde_json::Number;
use tradai_domain::configs::ConfigId;
use tradai_domain::jobs::{Collecting, ExecutionId, JobFigures, JobRecord, PinnedConfig, Progress, TraceId};
use tradai_domain::{JobId, Millis};
use tradai_service::utoipa::{self, ToSchema};

/// A job that was taken in.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(super) struct AcceptedBody {
    /// The job.
    #[schema(value_type = String)]
    job_id: JobId,
    /// The same, under the name that older clients know.
    #[schema(value_type = String)]
    ticket_id: JobId,
    /// What it is traced by in logs, events and other services.
    #[schema(value_type = String)]
    trace_id: Simple,
    /// `pending`, or where it got to by now.
    status: &'static str,
    links: LinksBody,
}

/// A backtest job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BacktestBody<'a> {
    #[serde(flatten)]
    accepted: AcceptedBody,
    /// Part that is done, 0 to 1.
    #[schema(value_type = f64)]
    progress: Progress,
    /// `backtest`.
    workflow_type: &'static str,
    strategy: &'a str,
    strategy_version: Option<&'a str>,
    /// The config version that it runs with, once that is settled; `null` before, and where none was in use.
    config_id: Option<&'a str>,
    /// When it was taken in.
    created_at: String,
    /// When it began to run.
    started_at: Option<String>,
    /// When it ended, however it did.
    completed_at: Option<String>,
    /// When record and results may be deleted.
    expires_at: Option<String>,
    /// What came of it, in a few figures, once it is completed; all of it is at `links.result`.
    result: Option<FiguresBody>,
    /// Where its results are stored.
    result_path: Option<&'a str>,
    mlflow_run_id: Option<&'a str>,
    /// The commit that the program which ran it was built from.
    git_commit: Option<&'a str>,
    /// What the executor calls it, once it was handed over.
    execution_arn: Option<&'a str>,
    /// Why it failed.
    error: Option<&'a str>,
    /// How far its candles are, while they are collected before it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    collecting: Option<CollectingBody>,
}

/// What came of a backtest. Ratios are fractions: 0.01 is 1 %. `null` where one is not defined.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FiguresBody {
    total_trades: Option<u64>,
    winrate: Option<f64>,
    /// Profit as a part of the starting balance.
    profit_total: Option<f64>,
    /// Profit in the stake currency.
    profit_total_abs: Option<f64>,
    /// Largest drawdown as a part of the account.
    max_drawdown_account: Option<f64>,
    profit_factor: Option<f64>,
    sharpe: Option<f64>,
    sortino: Option<f64>,
    calmar: Option<f64>,
    cagr: Option<f64>,
    stake_currency: Option<String>,
}

/// Candles that are being collected.
#[derive(Debug, Serialize, ToSchema)]
struct CollectingBody {
    /// Series that are complete.
    series_done: u64,
    /// Series that the job needs.
    series_total: u64,
    /// Candles that the exchange has answered for.
    candles_done: u64,
    /// Candles to be asked for, of the series that have begun.
    candles_total: u64,
}

/// Addresses of a job.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
struct LinksBody {
    #[serde(rename = "self")]
    #[schema(value_type = String)]
    this: Address,
    /// Its events as they happen, as server-sent events.
    #[schema(value_type = String)]
    events: Address,
    /// Ends it (POST).
    #[schema(value_type = String)]
    cancel: Address,
    /// Its figures, once it is completed.
    #[schema(value_type = String)]
    result: Address,
}

/// An address of a job, or below it. A status is read so often that no text is made of what is only written.
#[derive(Debug, Clone, Copy)]
struct Address {
    job_id: JobId,
    below: &'static str,
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { job_id, below } = self;
        serializer.collect_str(&format_args!("{BACKTESTS}{job_id}{below}"))
    }
}

/// An id as 32 digits.
#[derive(Debug, Clone, Copy)]
struct Simple(TraceId);

impl Serialize for Simple {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl AcceptedBody {
    pub(super) fn of(record: &JobRecord) -> Self {
        let job_id = record.job_id;
        let at = |below| Address { job_id, below };
        Self {
            job_id,
            ticket_id: job_id,
            trace_id: Simple(record.trace_id),
            status: record.status.as_str(),
            links: LinksBody {
                this: at(""),
                events: at("/events"),
                cancel: at("/cancel"),
                result: at("/metrics"),
            },
        }
    }
}

impl<'a> BacktestBody<'a> {
    pub(super) fn of(record: &'a JobRecord) -> Self {
        Self {
            accepted: AcceptedBody::of(record),
            progress: record.progress,
            workflow_type: record.workflow_type.as_str(),
            strategy: record.strategy_name.as_str(),
            strategy_version: record.strategy_version.as_deref(),
            config_id: record.config.as_ref().and_then(PinnedConfig::config_id).map(ConfigId::as_str),
            created_at: date(record.created_at),
            started_at: record.started_at.map(date),
            completed_at: record.completed_at.map(date),
            expires_at: record.ttl.map(|seconds| date(seconds.saturating_mul(1_000))),
            result: record.figures.as_ref().map(FiguresBody::of),
            result_path: record.result_s3_path.as_deref(),
            mlflow_run_id: record.mlflow_run_id.as_deref(),
            git_commit: record.git_commit.as_deref(),
            execution_arn: record.execution_arn.as_ref().map(ExecutionId::as_str),
            error: record.error.as_deref(),
            collecting: None,
        }
    }

    /// Adds how far its candles are.
    pub(super) fn collecting(mut self, collecting: Option<Collecting>) -> Self {
        self.collecting = collecting.map(|far| CollectingBody {
            series_done: far.series_done,
            series_total: far.series_total,
            candles_done: far.candles_done,
            candles_total: far.candles_total,
        });
        self
    }
}

impl FiguresBody {
    pub(super) fn of(figures: &JobFigures) -> Self {
        Self {
            total_trades: figures.total_trades.as_ref().and_then(Number::as_u64),
            winrate: figures.get("winrate"),
            profit_total: figures.get("profit_total"),
            profit_total_abs: figures.get("profit_total_abs"),
            max_drawdown_account: figures.get("max_drawdown_account"),
            profit_factor: figures.get("profit_factor"),
            sharpe: figures.get("sharpe"),
            sortino: figures.get("sortino"),
            calmar: figures.get("calmar"),
            cagr: figures.get("cagr"),
            stake_currency: figures.stake_currency.clone(),
        }
    }
}

const BACKTESTS: &str = "/api/v1/backtests/";

/// Returns the address of a job.
pub(super) fn path_of(id: JobId) -> String {
    format!("{BACKTESTS}{id}")
}

/// Returns a moment in RFC 3339; what lies outside its years has none.
pub(super) fn date(at: Millis) -> String {
    let date = DateTime::from_timestamp_millis(at);
    date.map(|date| date.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}
