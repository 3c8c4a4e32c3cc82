//! `tradai config …`: versions of strategies' configs.
//!
//! Talks to the strategy-service of a platform that runs, or to one of its own on the data folder. Every command
//! prints one JSON document with `--json`.

mod activate;
mod diff;
mod list;
mod push;
mod resolve;
mod show;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::context::Context;
use crate::remote::runtime;

/// Arguments of `tradai config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    Push(push::PushArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    Activate(activate::ActivateArgs),
    Deprecate(activate::DeprecateArgs),
    Diff(diff::DiffArgs),
    Resolve(resolve::ResolveArgs),
}

/// Runs a command and returns its exit code.
pub(crate) fn run(args: ConfigArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    runtime()?.block_on(async {
        match args.command {
            ConfigCommand::Push(args) => push::run(&args, ctx).await,
            ConfigCommand::List(args) => list::run(&args, ctx).await,
            ConfigCommand::Show(args) => show::run(&args, ctx).await,
            ConfigCommand::Activate(args) => activate::run(&args, ctx).await,
            ConfigCommand::Deprecate(args) => activate::deprecate(&args, ctx).await,
            ConfigCommand::Diff(args) => diff::run(&args, ctx).await,
            ConfigCommand::Resolve(args) => resolve::run(&args, ctx).await,
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
