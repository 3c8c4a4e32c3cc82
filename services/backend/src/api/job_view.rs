//! A job as clients see it.

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::Number;
use tradai_domain::jobs::{Collecting, JobFigures, JobRecord, PinnedConfig};
use tradai_domain::{JobId, Millis};
use tradai_service::utoipa::{self, ToSchema};

/// A job that was taken in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AcceptedBody {
    /// The job.
    job_id: String,
    /// The same, under the name that older clients know.
    ticket_id: String,
    /// What it is traced by in logs, events and other services.
    trace_id: String,
    /// `pending`, or where it got to by now.
    status: &'static str,
    links: LinksBody,
}

/// A backtest job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BacktestBody {
    #[serde(flatten)]
    accepted: AcceptedBody,
    /// Part that is done, 0 to 1.
    progress: f64,
    /// `backtest`.
    workflow_type: &'static str,
    strategy: String,
    strategy_version: Option<String>,
    /// The config version that it runs with, once that is settled; `null` before, and where none was in use.
    config_id: Option<String>,
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
    result_path: Option<String>,
    mlflow_run_id: Option<String>,
    /// The commit that the program which ran it was built from.
    git_commit: Option<String>,
    /// What the executor calls it, once it was handed over.
    execution_arn: Option<String>,
    /// Why it failed.
    error: Option<String>,
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
#[derive(Debug, Serialize, ToSchema)]
struct LinksBody {
    #[serde(rename = "self")]
    this: String,
    /// Its events as they happen, as server-sent events.
    events: String,
    /// Ends it (POST).
    cancel: String,
    /// Its figures, once it is completed.
    result: String,
}

impl AcceptedBody {
    pub(super) fn of(record: &JobRecord) -> Self {
        let id = record.job_id.to_string();
        let this = path_of(record.job_id);
        Self {
            ticket_id: id.clone(),
            job_id: id,
            trace_id: record.trace_id.to_string(),
            status: record.status.as_str(),
            links: LinksBody {
                events: format!("{this}/events"),
                cancel: format!("{this}/cancel"),
                result: format!("{this}/metrics"),
                this,
            },
        }
    }
}

impl BacktestBody {
    pub(super) fn of(record: &JobRecord) -> Self {
        Self {
            accepted: AcceptedBody::of(record),
            progress: record.progress.into(),
            workflow_type: record.workflow_type.as_str(),
            strategy: record.strategy_name.to_string(),
            strategy_version: record.strategy_version.clone(),
            config_id: record.config.as_ref().and_then(PinnedConfig::config_id).map(ToString::to_string),
            created_at: date(record.created_at),
            started_at: record.started_at.map(date),
            completed_at: record.completed_at.map(date),
            expires_at: record.ttl.map(|seconds| date(seconds.saturating_mul(1_000))),
            result: record.figures.as_ref().map(FiguresBody::of),
            result_path: record.result_s3_path.clone(),
            mlflow_run_id: record.mlflow_run_id.clone(),
            git_commit: record.git_commit.clone(),
            execution_arn: record.execution_arn.as_ref().map(|execution| execution.as_str().to_owned()),
            error: record.error.clone(),
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

/// Returns the address of a job.
pub(super) fn path_of(id: JobId) -> String {
    format!("/api/v1/backtests/{id}")
}

/// Returns a moment in RFC 3339; what lies outside its years has none.
pub(super) fn date(at: Millis) -> String {
    let date = DateTime::from_timestamp_millis(at);
    date.map(|date| date.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}
