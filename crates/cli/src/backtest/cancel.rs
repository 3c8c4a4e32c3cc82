//! `tradai backtest cancel`.

use std::process::ExitCode;

use clap::Args;

use super::platform_jobs;
use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Request, runtime};

/// Cancel a job of a running platform, wherever it stands
///
/// Exit codes: 0 cancelled, 3 no such job, 4 it has ended in another way, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CancelArgs {
    /// Id of the job (the first characters suffice), or `latest`.
    job: String,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) fn run(args: &CancelArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        let platform = args.platform.platform(ctx).await?;
        let id = platform_jobs::find(&platform, &args.job).await?;
        let path = format!("/api/v1/backtests/{id}/cancel");
        let job = platform.backend.send(Request::post(&path)).await?;
        if ctx.json {
            print_json(&job)?
        } else {
            print(&platform_jobs::text(&job))?
        }
        Ok(ExitCode::SUCCESS)
    })
}
