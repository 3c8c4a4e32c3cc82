//! `tradai backtest batch show`.

use anyhow::ensure;
use clap::Args;

use super::{BATCHES, find, table};
use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// Show a batch: its jobs, what sets each apart, and what came of it
///
/// Exit codes: 0 shown, 2 no such figure, 3 no such batch, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowArgs {
    /// Id of the batch (the first characters suffice), or `latest`.
    batch: String,
    /// The figure to order by, with - before it for the largest first, such as --sort=-profit_total; `index` for the
    /// order of the grid.
    #[arg(long, value_name = "FIGURE", default_value = "index", allow_hyphen_values = true)]
    sort: String,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<()> {
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte));
    ensure!(is_name(&args.sort), "--sort {}: expected index or the name of a figure", args.sort);
    let platform = args.platform.platform(ctx).await?;
    let id = find(&platform, &args.batch).await?;
    let batch = platform.backend.get(&format!("{BATCHES}/{id}?sort={}", args.sort)).await?;
    if ctx.json {
        return print_json(&batch);
    }
    print(&format!("{}\n\n{}", table::summary(&batch), table::jobs(&batch)))
}
