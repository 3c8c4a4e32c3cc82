//! `tradai backtest list`.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::compare::{headlines, table};
use crate::context::Context;
use crate::output::{print, print_json};

/// Arguments of `tradai backtest list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How many jobs to show.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(crate) fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let mut rows = Vec::new();
    for id in jobs.list()?.into_iter().take(args.limit) {
        match jobs.summary(&id) {
            Ok(summary) => rows.push(summary),
            // One broken folder must not hide the others.
            Err(error) => eprintln!("warning: {error}"),
        }
    }
    if ctx.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "job_id": row.manifest.job_id,
                    "strategy": row.manifest.strategy,
                    "created_at": tradai_domain::format_utc(row.manifest.created_at),
                    "synthetic": row.manifest.synthetic(),
                    "path": row.path,
                    "result": headlines(&row.result),
                })
            })
            .collect();
        print_json(&rows)?;
    } else if rows.is_empty() {
        print("No jobs yet. Run one: tradai backtest run EmaCross, or tradai demo.")?;
    } else {
        print(&table(&rows)?)?;
    }
    Ok(ExitCode::SUCCESS)
}
