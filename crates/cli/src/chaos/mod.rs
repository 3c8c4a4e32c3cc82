//! `tradai chaos`: what may go wrong, and what shows that the platform bears it.

mod list;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::context::Context;

/// Arguments of `tradai chaos`.
#[derive(Debug, Args)]
pub(crate) struct ChaosArgs {
    #[command(subcommand)]
    command: ChaosCommand,
}

#[derive(Debug, Subcommand)]
enum ChaosCommand {
    List(list::ListArgs),
}

pub(crate) fn run(args: &ChaosArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    match &args.command {
        ChaosCommand::List(args) => list::run(args, ctx),
    }
}
