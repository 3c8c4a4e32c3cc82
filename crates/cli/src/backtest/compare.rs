//! `tradai backtest compare`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tradai_runner::backtest::JobSummary;

use crate::context::Context;

/// Numbers that jobs are compared by.
pub(crate) const HEADLINES: [&str; 12] = [
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
                json!({"job_id": row.manifest.job_id, "strategy": row.manifest.strategy,
                "result": super::list::summary(&row.result)})
            })
            .collect();
        println!("{:#}", json!(rows));
    } else {
        println!("{}", table(&rows));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn table(rows: &[JobSummary]) -> String {
    rows.iter().map(|row| format!("{} {}\n", row.manifest.job_id, row.manifest.strategy)).collect()
}
