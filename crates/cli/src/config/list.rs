//! `tradai config list`.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_domain::StrategyName;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// List the versions of a strategy's config, newest first
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// How many versions to show.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let path = format!("/api/v1/strategies/{}/configs?limit={}", args.strategy, args.limit);
    let page = service.get(&path).await?;
    let versions = page["items"].as_array().cloned().unwrap_or_default();
    if ctx.json {
        return print_json(&versions);
    }
    if versions.is_empty() {
        let what = format!("{} has no config version in {}.", args.strategy, service.place());
        return print(&format!("{what} Push one: tradai config push {} FILE", args.strategy));
    }
    print(&rows(&versions))
}

fn rows(versions: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Version", "Status", "Pushed", "In use since", "Description"]);
    for version in versions {
        let cell = |key: &str| version[key].as_str().unwrap_or_default().to_owned();
        let moment = |key: &str| cell(key).replace('T', " ").chars().take(19).collect::<String>();
        table.add_row([
            cell("config_id"),
            cell("status"),
            moment("created_at"),
            moment("deployed_at"),
            cell("description"),
        ]);
    }
    table.to_string()
}
