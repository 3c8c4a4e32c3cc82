//! `tradai backtest`.

pub(crate) mod args;
mod batch;
mod cancel;
mod compare;
mod folder_jobs;
mod list;
mod platform_jobs;
mod quick;
mod replay;
pub(crate) mod run;
mod show;
mod submit;
mod table;
mod watch;

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::context::Context;

/// Arguments of `tradai backtest`.
#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    #[command(subcommand)]
    command: BacktestCommand,
}

#[derive(Debug, Subcommand)]
enum BacktestCommand {
    /// Test a strategy on stored candles.
    Run(Box<args::RunArgs>),
    Quick(quick::QuickArgs),
    Submit(Box<submit::SubmitArgs>),
    /// Submit, show and cancel batches: one backtest over a grid of values.
    Batch(batch::BatchArgs),
    Watch(watch::WatchArgs),
    Cancel(cancel::CancelArgs),
    List(list::ListArgs),
    Show(show::ShowArgs),
    /// Put the results of several jobs side by side.
    Compare(compare::CompareArgs),
    /// Run given signals under this engine's fills.
    Replay(replay::ReplayArgs),
}

pub(crate) fn run(args: BacktestArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        BacktestCommand::Run(args) => run::run(&args, ctx),
        BacktestCommand::Quick(args) => quick::run(&args, ctx),
        BacktestCommand::Submit(args) => submit::run(&args, ctx),
        BacktestCommand::Batch(args) => batch::run(args, ctx),
        BacktestCommand::Watch(args) => watch::run(&args, ctx),
        BacktestCommand::Cancel(args) => cancel::run(&args, ctx),
        BacktestCommand::List(args) => list::run(&args, ctx),
        BacktestCommand::Show(args) => show::run(&args, ctx),
        BacktestCommand::Compare(args) => compare::run(&args, ctx),
        BacktestCommand::Replay(args) => replay::run(&args, ctx),
    }
}
