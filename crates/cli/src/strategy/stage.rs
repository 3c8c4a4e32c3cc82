//! `tradai strategy stage`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use tradai_domain::StrategyName;
use tradai_strategy::registry::{RegistryEntry, StrategyOrigin};

use crate::context::Context;
use crate::output::{print, print_json};
use crate::remote::{PlatformArgs, Remote, RemoteError, Request, runtime};

/// Bring a strategy to the platform: store its file, and its values as a config version, a draft
///
/// The strategy can be backtested there by its name, and its config version with --config-id. Other jobs take the
/// version once it is activated; until then the active one stays in use. Staging the same file again changes nothing.
///
/// Exit codes: 0 staged, 2 the file has faults or is of another version, 3 no such strategy or file, 4 another file
/// of this name is there, 6 no platform.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, disable_version_flag = true)]
pub(super) struct StageArgs {
    /// Name of a strategy, or path of its file.
    #[arg(value_name = "NAME|FILE")]
    strategy: String,
    /// The version that it must have.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Folder of strategy files [default: ./strategies, where there is one].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Take the place of another file of this name.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) fn run(args: &StageArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let mut registry = super::registry(args.dir.as_ref())?;
    let entry = registry.find_or_load(&args.strategy).map_err(tradai_runner::Error::from)?;
    check_version(&entry, args)?;
    let name: StrategyName = entry.strategy.name().parse()?;
    let text = text(&entry)?;
    runtime()?.block_on(async {
        let service = args.platform.strategy_service(ctx).await?;
        let staged = register(&service, &name, text, args.replace).await?;
        let active = active(&service, &name).await?;
        present(&name, &staged, active.as_deref(), &service, ctx)
    })?;
    Ok(ExitCode::SUCCESS)
}

fn check_version(entry: &RegistryEntry, args: &StageArgs) -> anyhow::Result<()> {
    let found = entry.declarative.as_ref().map(|strategy| strategy.file().strategy.version.as_str());
    match (&args.version, found) {
        (Some(wanted), Some(found)) if wanted != found => {
            bail!(
                "--version {wanted}: {} is version {found}; the file says so at strategy.version",
                args.strategy
            )
        }
        _ => Ok(()),
    }
}

fn text(entry: &RegistryEntry) -> anyhow::Result<String> {
    match &entry.origin {
        StrategyOrigin::File(path) => {
            std::fs::read_to_string(path).with_context(|| path.display().to_string())
        }
        StrategyOrigin::Bundled(text) => Ok((*text).to_owned()),
        StrategyOrigin::Native => {
            bail!("{} is written in Rust; only files can be staged", entry.strategy.name())
        }
    }
}

/// Registers a file; one that is there is replaced only if asked to, and only the one that was looked at.
async fn register(
    service: &Remote,
    name: &StrategyName,
    text: String,
    replace: bool,
) -> Result<Value, RemoteError> {
    let path = format!("/api/v1/strategies/{name}");
    let mut request = Request::post(&format!("{path}/register")).text("application/yaml", text);
    if replace {
        match service.get(&path).await {
            Ok(there) => {
                let hash = there["source_hash"].as_str().unwrap_or_default();
                request = request.header("if-match", format!("\"{hash}\""));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    service.send(request).await
}

/// The config version that jobs take which name none; `None` when it is the file.
async fn active(service: &Remote, name: &StrategyName) -> Result<Option<String>, RemoteError> {
    match service.get(&format!("/api/v1/strategies/{name}/configs/active")).await {
        Ok(version) => Ok(version["config_id"].as_str().map(str::to_owned)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn present(
    name: &StrategyName,
    staged: &Value,
    active: Option<&str>,
    service: &Remote,
    ctx: &Context,
) -> anyhow::Result<()> {
    if ctx.json {
        return print_json(&json!({"strategy": name, "staged": staged, "active_config": active}));
    }
    let cell = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (file, config) = (cell(&staged["file"]), &staged["config"]);
    let (id, status) = (cell(&config["config_id"]), cell(&config["status"]));
    print(&format!("{name} is staged in {}: file {file}, config version {id} ({status}).", service.place()))?;
    if status == "active" {
        return Ok(());
    }
    let in_use =
        active.map_or("no stored version: jobs go by the file".to_owned(), |id| format!("{id} stays"));
    print(&format!(
        "In use: {in_use}.\nNext: tradai backtest submit {name} --config-id {id}, then tradai config activate {name} {id}"
    ))
}
