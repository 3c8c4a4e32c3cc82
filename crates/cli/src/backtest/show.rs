//! `tradai backtest show`.

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tradai_engine::Statistics;
use tradai_strategy::Settings;

use super::args::Period;
use super::table;
use crate::context::{Context, shown};
use crate::output::{print, print_json, width};

/// Arguments of `tradai backtest show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
    /// Also show results by period.
    #[arg(long, value_delimiter = ',', value_name = "PERIOD")]
    breakdown: Vec<Period>,
}

pub(crate) fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let summary = jobs.summary(&jobs.find(&args.job)?)?;
    if ctx.json {
        print_json(&summary.result)?;
        return Ok(ExitCode::SUCCESS);
    }
    let path = summary.path.join("result.json");
    let broken = || format!("{}: it was written by another version of tradai", path.display());
    let statistics: Statistics =
        serde_json::from_value(summary.result["statistics"].clone()).with_context(broken)?;
    let settings = summary.result["settings"].as_object().cloned().unwrap_or_default();
    let settings = Settings::merge(&[&settings]).with_context(broken)?;
    print(&table::render(&statistics, &settings, &args.breakdown, width()))?;
    print(&super::compare::table(std::slice::from_ref(&summary))?)?;
    print(&format!("Report: {}", shown(&summary.path.join("report.html"))))?;
    Ok(ExitCode::SUCCESS)
}
