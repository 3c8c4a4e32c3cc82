//! `tradai backtest compare`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use tradai_runner::backtest::JobSummary;

use super::table::{StatisticsSummary, compare};
use crate::context::Context;
use crate::output::{print, print_json, width};

/// Numbers that jobs are compared by.
const HEADLINES: [&str; 12] = [
    "total_trades",
    "profit_total_abs",
    "profit_total",
    "max_drawdown_account",
    "sharpe",
    "sortino",
    "calmar",
    "profit_factor",
    "winrate",
    "expectancy",
    "market_change",
    "final_balance",
];

/// Arguments of `tradai backtest compare`.
#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Ids of the jobs (the first characters suffice), or `latest`.
    #[arg(required = true, num_args = 2..)]
    jobs: Vec<String>,
}

pub(crate) fn run(args: &CompareArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let rows: Vec<JobSummary> =
        args.jobs.iter().map(|text| jobs.summary(&jobs.find(text)?)).collect::<Result<_, _>>()?;
    if ctx.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let JobSummary { manifest, result, .. } = row;
                json!({"job_id": manifest.job_id, "strategy": manifest.strategy, "result": headlines(result)})
            })
            .collect();
        print_json(&rows)?;
    } else {
        print(&table(&rows)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The headline numbers of a `result.json`.
pub(super) fn headlines(result: &Value) -> Value {
    let mut out = json!({"backtest_start": result["backtest_start"], "backtest_end": result["backtest_end"]});
    for key in HEADLINES {
        out[key] = result["statistics"][key].clone();
    }
    out
}

/// One row per job.
pub(super) fn table(rows: &[JobSummary]) -> anyhow::Result<String> {
    let row = |row: &JobSummary| {
        let path = row.path.join("result.json");
        let summary: StatisticsSummary = serde_json::from_value(row.result["statistics"].clone())
            .with_context(|| format!("{}: statistics", path.display()))?;
        let label = if row.manifest.synthetic() { " SYNTHETIC" } else { "" };
        let day =
            |key: &str| row.result[key].as_str().unwrap_or_default().chars().take(10).collect::<String>();
        let timeframe = row.result["timeframe"].as_str().unwrap_or_default();
        let name = format!(
            "{} {} {timeframe} {} to {}{label}",
            row.manifest.job_id,
            row.manifest.strategy,
            day("backtest_start"),
            day("backtest_end")
        );
        Ok((name, summary))
    };
    let rows: Vec<(String, StatisticsSummary)> = rows.iter().map(row).collect::<anyhow::Result<_>>()?;
    Ok(compare(&rows, width()))
}
