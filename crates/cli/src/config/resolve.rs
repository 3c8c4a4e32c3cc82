//! `tradai config resolve`.

use clap::Args;
use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// Show what a strategy's config comes to, and where each value is from
///
/// The strategy's file, the stored version on top, then the environment.
#[derive(Debug, Args)]
pub(super) struct ResolveArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The stored version to take; the active one, if one is, without.
    #[arg(long, value_name = "ID")]
    config_id: Option<ConfigId>,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &ResolveArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let mut path = format!("/api/v1/strategies/{}/resolved-config", args.strategy);
    if let Some(id) = &args.config_id {
        path.push_str(&format!("?config_id={id}"));
    }
    let resolved = service.get(&path).await?;
    if ctx.json {
        return print_json(&resolved);
    }
    print(&rows(&resolved))
}

fn rows(resolved: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Key", "Value", "From"]);
    for origin in resolved["origins"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let pointer = origin["pointer"].as_str().unwrap_or_default();
        // What looks like a credential has an origin and no value.
        let value =
            resolved["values"].pointer(pointer).map_or_else(|| "(hidden)".to_owned(), Value::to_string);
        let from = match (origin["source"].as_str(), origin["config_id"].as_str()) {
            (Some("stored"), Some(id)) => id,
            (Some("tradai_yaml"), _) => "tradai.yaml",
            (source, _) => source.unwrap_or_default(),
        };
        table.add_row([pointer.trim_start_matches('/'), &value, from]);
    }
    table.to_string()
}
