//! `tradai config push`.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use tradai_control_plane::configs::MAX_CONFIG_BYTES;
use tradai_domain::StrategyName;

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Request};

/// Store a config as the strategy's next version, a draft
///
/// The strategy must be able to run with it. Content that is stored already is not stored again.
///
/// Exit codes: 0 stored or there already, 2 it does not fit, 3 no such strategy or file, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PushArgs {
    /// Name of the strategy.
    strategy: StrategyName,
    /// The config: JSON or YAML, in the keys of a config or in the shape of tradai.yaml without rules.
    file: PathBuf,
    /// What it is for.
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Make it the one in use at once.
    #[arg(long)]
    activate: bool,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run(args: &PushArgs, ctx: &Context) -> anyhow::Result<()> {
    let config = read(&args.file)?;
    let service = args.platform.strategy_service(ctx).await?;
    let name = &args.strategy;
    let body = json!({ "config_data": config, "description": args.description });
    let path = format!("/api/v1/strategies/{name}/configs");
    let pushed = service.send(Request::post(&path).json(&body)).await?;
    let id = pushed["config_id"].as_str().unwrap_or_default().to_owned();
    let version = if args.activate {
        service.send(Request::post(&format!("{path}/{id}/activate"))).await?
    } else {
        pushed.clone()
    };
    if ctx.json {
        return print_json(&version);
    }
    let status = version["status"].as_str().unwrap_or_default();
    let how = if pushed["duplicate"] == true { "has it already as" } else { "has the new version" };
    print(&format!("{name} {how} {id}, {status} (in {}).", service.place()))?;
    if status == "active" { Ok(()) } else { print(&format!("Next: tradai config activate {name} {id}")) }
}

/// Reads a config from a file; JSON is YAML, too, but says better what is wrong with it.
fn read(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = || path.display().to_string();
    let file = std::fs::File::open(path).with_context(shown)?;
    let most = u64::try_from(MAX_CONFIG_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    file.take(most + 1).read_to_string(&mut text).with_context(shown)?;
    if text.len() > MAX_CONFIG_BYTES {
        bail!("{}: is longer than {MAX_CONFIG_BYTES} bytes", path.display());
    }
    let is_json = path.extension().is_some_and(|ending| ending == "json");
    let value: Value = if is_json {
        serde_json::from_str(&text).with_context(shown)?
    } else {
        serde_saphyr::from_str(&text).with_context(shown)?
    };
    match value {
        Value::Object(config) => Ok(config),
        _ => bail!("{}: an object is needed", path.display()),
    }
}
