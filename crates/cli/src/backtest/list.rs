//! `tradai backtest list`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::compare::{headlines, table};
use super::{folder_jobs, platform_jobs};
use crate::context::{Context, shown};
use crate::output::{print, print_json};
use crate::remote::{Platform, PlatformArgs, Target, runtime};

/// List the jobs, newest first
///
/// Those of the data folder, whoever ran them; those of another platform if one is named, or is found (see --url).
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// How many jobs to show.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(crate) fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match args.platform.target(ctx).await? {
            Target::Platform(platform) if !platform.is_ours => {
                of_platform(&platform, args.limit, ctx).await?
            }
            _ => of_folder(args.limit, ctx).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn of_platform(platform: &Platform, limit: usize, ctx: &Context) -> anyhow::Result<()> {
    let jobs = platform_jobs::list(platform, limit).await?;
    if ctx.json {
        return print_json(&jobs);
    }
    let base = platform.backend.base();
    if jobs.is_empty() {
        return print(&format!("{base} has no jobs yet. Submit one: tradai backtest submit EmaCross."));
    }
    print(&platform_jobs::rows(&jobs))?;
    print(&format!("Jobs at {base}; `--url local` lists those of {}.", shown(&ctx.data_dir)))
}

async fn of_folder(limit: usize, ctx: &Context) -> anyhow::Result<()> {
    let open = folder_jobs::without_result(ctx, limit).await?;
    let jobs = ctx.jobs();
    let mut rows = Vec::new();
    for id in jobs.list()?.into_iter().take(limit) {
        match jobs.summary(&id) {
            Ok(summary) => rows.push(summary),
            // One broken folder must not hide the others.
            Err(error) => eprintln!("warning: {error}"),
        }
    }
    if ctx.json {
        let finished = rows.iter().map(|row| {
            json!({
                "job_id": row.manifest.job_id,
                "strategy": row.manifest.strategy,
                "status": "completed",
                "created_at": tradai_domain::format_utc(row.manifest.created_at),
                "synthetic": row.manifest.synthetic(),
                "path": row.path,
                "result": headlines(&row.result),
            })
        });
        let mut all: Vec<Value> = finished.chain(open).collect();
        // Ids sort by the time they were made.
        all.sort_by(|one, other| other["job_id"].as_str().cmp(&one["job_id"].as_str()));
        all.truncate(limit);
        return print_json(&all);
    }
    if rows.is_empty() && open.is_empty() {
        return print("No jobs yet. Run one: tradai backtest run EmaCross, or tradai demo.");
    }
    if !open.is_empty() {
        print(&format!("{}\n", platform_jobs::rows(&open)))?;
    }
    if rows.is_empty() { Ok(()) } else { print(&table(&rows)?) }
}
