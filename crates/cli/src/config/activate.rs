//! `tradai config activate` and `deprecate`.

use clap::Args;
use tradai_domain::StrategyName;
use tradai_domain::configs::ConfigId;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Request};

/// Make a version of a strategy's config the one in use
///
/// The one that was is deprecated in the same step. Jobs take the active version when they start.
///
/// Exit codes: 0 it is active, 2 the strategy cannot run with it any more, 3 no such version.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ActivateArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The version, such as v3-0f1e2d3c.
    #[arg(value_name = "VERSION")]
    id: ConfigId,
    #[command(flatten)]
    platform: PlatformArgs,
}

/// Take a version of a strategy's config out of use
///
/// It is deleted after 90 days, unless it is activated before.
#[derive(Debug, Args)]
pub(super) struct DeprecateArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The version, such as v3-0f1e2d3c.
    #[arg(value_name = "VERSION")]
    id: ConfigId,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &ActivateArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let (name, id) = (&args.strategy, &args.id);
    let path = format!("/api/v1/strategies/{name}/configs/{id}/activate");
    let activated = service.send(Request::post(&path)).await?;
    if ctx.json {
        return print_json(&activated);
    }
    let before = activated["superseded"].as_str();
    let before = before.map(|before| format!("; {before} was before")).unwrap_or_default();
    print(&format!("{name} uses {id}{before} (in {}).", service.place()))
}

pub(super) async fn deprecate(args: &DeprecateArgs, ctx: &Context) -> anyhow::Result<()> {
    let service = args.platform.strategy_service(ctx).await?;
    let (name, id) = (&args.strategy, &args.id);
    let path = format!("/api/v1/strategies/{name}/configs/{id}/deprecate");
    let version = service.send(Request::post(&path)).await?;
    if ctx.json {
        return print_json(&version);
    }
    let until = version["expires_at"].as_str().unwrap_or("-");
    print(&format!("{id} of {name} is out of use, and deleted {until} (in {}).", service.place()))
}
