//! `tradai backtest batch …`: one backtest over a grid, on a platform that runs.

mod cancel;
mod list;
mod show;
mod submit;
mod table;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::Value;
use tradai_domain::ErrorKind;
use tradai_domain::jobs::BatchId;
use tradai_domain::ports::PortError;

use crate::context::Context;
use crate::remote::{Platform, RemoteError, runtime};

const BATCHES: &str = "/api/v1/batches";
/// Batches among which one is looked for by the first characters of its id.
const MAX_PAGE: usize = 500;

/// Arguments of `tradai backtest batch`.
#[derive(Debug, Args)]
pub(crate) struct BatchArgs {
    #[command(subcommand)]
    command: BatchCommand,
}

#[derive(Debug, Subcommand)]
enum BatchCommand {
    Submit(Box<submit::SubmitArgs>),
    Show(show::ShowArgs),
    List(list::ListArgs),
    Cancel(cancel::CancelArgs),
}

/// Runs a command and returns its exit code.
pub(super) fn run(args: BatchArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match args.command {
            BatchCommand::Submit(args) => submit::run(&args, ctx).await,
            BatchCommand::Show(args) => show::run(&args, ctx).await,
            BatchCommand::List(args) => list::run(&args, ctx).await,
            BatchCommand::Cancel(args) => cancel::run(&args, ctx).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the newest batches, the newest first.
async fn newest(platform: &Platform, limit: usize) -> Result<Vec<Value>, RemoteError> {
    let page = platform.backend.get(&format!("{BATCHES}?limit={}", limit.clamp(1, MAX_PAGE))).await?;
    Ok(page["items"].as_array().cloned().unwrap_or_default())
}

/// Returns the id of the batch that the first characters name, or of the `latest`.
async fn find(platform: &Platform, text: &str) -> anyhow::Result<String> {
    if let Ok(id) = text.parse::<BatchId>() {
        return Ok(id.to_string());
    }
    let batches = newest(platform, MAX_PAGE).await?;
    let ids = batches.iter().filter_map(|batch| batch["batch_id"].as_str());
    let mut matching = ids.filter(|id| text == "latest" || id.starts_with(text));
    match (matching.next(), matching.next()) {
        (Some(id), Some(_)) if text == "latest" => Ok(id.to_owned()),
        (Some(id), None) => Ok(id.to_owned()),
        (Some(_), Some(_)) => bail!("`{text}` fits several batches; write more of the id"),
        (None, _) => {
            let base = platform.backend.base();
            let message = format!("{base} has no batch `{text}`; see `tradai backtest batch list`");
            Err(PortError::new(ErrorKind::NotFound, message).into())
        }
    }
}
