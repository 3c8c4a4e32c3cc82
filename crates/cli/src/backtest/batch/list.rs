//! `tradai backtest batch list`.

use clap::Args;

use super::{newest, table};
use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// List batches, the newest first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// How many batches to show.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<()> {
    let platform = args.platform.platform(ctx).await?;
    let batches = newest(&platform, usize::from(args.limit)).await?;
    if ctx.json {
        return print_json(&batches);
    }
    if batches.is_empty() {
        return print(&format!("No batches at {}.", platform.backend.base()));
    }
    print(&table::batches(&batches))
}
