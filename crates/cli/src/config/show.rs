//! `tradai config show`.

use std::str::FromStr;

use clap::Args;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::PlatformArgs;

/// Show a version of a strategy's config, and what it says
///
/// Exit codes: 0 shown, 3 no such version, or none is active.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The version, such as v3-0f1e2d3c, or `active`.
    #[arg(value_name = "VERSION", default_value = "active")]
    which: Version,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// Which version.
#[derive(Debug, Clone)]
enum Version {
    Active,
    Id(ConfigId),
}

impl FromStr for Version {
    type Err = <ConfigId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "active" { Ok(Self::Active) } else { text.parse().map(Self::Id) }
    }
}

pub(super) async fn run(args: &ShowArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let version = match &args.which {
        Version::Active => "active".to_owned(),
        Version::Id(id) => id.to_string(),
    };
    let found = service.get(&format!("/api/v1/strategies/{}/configs/{version}", args.strategy)).await?;
    if ctx.json {
        return print_json(&found);
    }
    let cell = |key: &str| found[key].as_str().unwrap_or("-").to_owned();
    let description = found["description"].as_str().map(|text| format!("\n{text}")).unwrap_or_default();
    print(&format!(
        "{} {}, {}, pushed {}{description}\n{:#}",
        args.strategy,
        cell("config_id"),
        cell("status"),
        cell("created_at"),
        found["config_data"]
    ))
}
