//! `tradai config diff`.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// Show what the second version of a strategy's config changes in the first
#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The version before.
    before: ConfigId,
    /// The version after.
    after: ConfigId,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &DiffArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let DiffArgs { strategy, before, after, .. } = args;
    let path = format!("/api/v1/strategies/{strategy}/configs/diff?a={before}&b={after}");
    let diff = service.get(&path).await?;
    if ctx.json {
        return print_json(&diff);
    }
    let differences = diff["differences"].as_array().map(Vec::as_slice).unwrap_or_default();
    if differences.is_empty() {
        return print("They say the same.");
    }
    print(&rows(args, differences))
}

fn rows(args: &DiffArgs, differences: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Key", &args.before.to_string(), &args.after.to_string()]);
    for difference in differences {
        let side = |key: &str| {
            let is_absent = difference["change"] == if key == "before" { "added" } else { "removed" };
            if is_absent { "-".to_owned() } else { difference[key].to_string() }
        };
        let key = difference["pointer"].as_str().unwrap_or_default().trim_start_matches('/');
        table.add_row([key, &side("before"), &side("after")]);
    }
    table.to_string()
}
