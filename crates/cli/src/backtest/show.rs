//! `tradai backtest show`.

use std::process::ExitCode;

use clap::Args;

use crate::context::{Context, shown};
use crate::output::{print, print_json};

/// Arguments of `tradai backtest show`.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
}

pub(crate) fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let jobs = ctx.jobs();
    let summary = jobs.summary(&jobs.find(&args.job)?)?;
    if ctx.json {
        print_json(&summary.result)?;
        return Ok(ExitCode::SUCCESS);
    }
    print(&super::compare::table(std::slice::from_ref(&summary))?)?;
    print(&format!("Report: {}", shown(&summary.path.join("report.html"))))?;
    Ok(ExitCode::SUCCESS)
}
