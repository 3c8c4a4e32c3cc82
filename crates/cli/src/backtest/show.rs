//! `tradai backtest show`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tradai_domain::ErrorKind;
use tradai_engine::Statistics;
use tradai_runner::backtest::JobSummary;
use tradai_strategy::Settings;

use super::args::Period;
use super::platform_jobs::{self, Outcome};
use super::{folder_jobs, table};
use crate::context::{Context, shown};
use crate::failure::advised;
use crate::output::{print, print_json, width};
use crate::remote::{PlatformArgs, Target, runtime};

/// Show a job, and its result if it has one
///
/// A job of the data folder; one of another platform if one is named, or is found (see --url).
///
/// Exit codes: 0 shown, 1 it failed or was cancelled, 3 no such job.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShowArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
    /// Also show results by period.
    #[arg(long, value_delimiter = ',', value_name = "PERIOD")]
    breakdown: Vec<Period>,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(crate) fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        if let Target::Platform(platform) = args.platform.target(ctx).await?
            && !platform.is_ours
        {
            let id = platform_jobs::find(&platform, &args.job).await?;
            let job = platform.backend.get(&format!("/api/v1/backtests/{id}")).await?;
            platform_jobs::present(&platform, &job, &args.breakdown, ctx).await?;
            return Ok(Outcome::of(&job).exit_code());
        }
        of_folder(args, ctx).await
    })
}

async fn of_folder(args: &ShowArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let finished = jobs.find(&args.job);
    let open = folder_jobs::without_result(ctx, usize::MAX).await?;
    let mut named = open.iter().filter(|job| fits(&args.job, job["job_id"].as_str().unwrap_or_default()));
    match (finished, named.next()) {
        // Ids sort by the time they were made: the latest of both is meant.
        (Ok(id), Some(job)) if job["job_id"].as_str() < Some(id.to_string().as_str()) => {
            show(args, &jobs.summary(&id)?, ctx)?;
        }
        (Ok(id), None) => show(args, &jobs.summary(&id)?, ctx)?,
        (_, Some(job)) => {
            if ctx.json {
                print_json(job)?
            } else {
                print(&platform_jobs::text(job))?
            }
            return Ok(Outcome::of(job).exit_code());
        }
        (Err(error), None) => {
            return Err(match ctx.demo_with(&args.job) {
                Some(demo) if error.kind() == ErrorKind::NotFound => {
                    let advice =
                        format!("the demo has it: tradai --data-dir {demo} backtest show {}", args.job);
                    advised(error, &advice)
                }
                _ => error.into(),
            });
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fits(text: &str, id: &str) -> bool {
    text == "latest" || id.starts_with(text)
}

fn show(args: &ShowArgs, summary: &JobSummary, ctx: &Context) -> anyhow::Result<()> {
    if ctx.json {
        return print_json(&summary.result);
    }
    let path = summary.path.join("result.json");
    let broken = || format!("{}: it was written by another version of tradai", path.display());
    let statistics: Statistics =
        serde_json::from_value(summary.result["statistics"].clone()).with_context(broken)?;
    let settings = summary.result["settings"].as_object().cloned().unwrap_or_default();
    let settings = Settings::merge(&[&settings]).with_context(broken)?;
    print(&table::render(&statistics, &settings, &args.breakdown, width()))?;
    print(&super::compare::table(std::slice::from_ref(summary))?)?;
    print(&format!("Report: {}", shown(&summary.path.join("report.html"))))
}
