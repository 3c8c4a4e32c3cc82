//! `tradai backtest batch cancel`.

use clap::Args;

use super::{BATCHES, find, table};
use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Request};

/// Cancel what has not ended of a batch
///
/// Exit codes: 0 cancelled, 3 no such batch, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CancelArgs {
    /// Id of the batch (the first characters suffice), or `latest`.
    batch: String,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &CancelArgs, ctx: &Context) -> anyhow::Result<()> {
    let platform = args.platform.platform(ctx).await?;
    let id = find(&platform, &args.batch).await?;
    let batch = platform.backend.send(Request::post(&format!("{BATCHES}/{id}/cancel"))).await?;
    if ctx.json { print_json(&batch) } else { print(&table::summary(&batch)) }
}
