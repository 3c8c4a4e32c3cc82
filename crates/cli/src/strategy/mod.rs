//! `tradai strategy …`: writing, checking and looking at strategies.
//!
//! Parses arguments, calls `tradai_strategy`, prints. Every command prints one JSON document with `--json`.

mod list;
mod new;
mod show;
mod stage;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tradai_strategy::Registry;

use crate::backtest::{self, args::RunArgs};
use crate::context::Context;
use crate::output::print;

/// Arguments of `tradai strategy`.
#[derive(Debug, Args)]
pub(crate) struct StrategyArgs {
    #[command(subcommand)]
    command: StrategyCommand,
}

#[derive(Debug, Subcommand)]
enum StrategyCommand {
    /// Write a new tradai.yaml, beginning as a copy of a strategy that ships.
    New(new::NewArgs),
    /// Check strategy files and report every fault.
    Validate(validate::ValidateArgs),
    List(list::ListArgs),
    /// Show parameters, indicators, rules and settings of a strategy.
    Show(show::ShowArgs),
    Stage(stage::StageArgs),
    /// Test a strategy on stored candles: the same as `tradai backtest run`.
    Backtest(Box<RunArgs>),
}

/// Runs a command and returns its exit code.
pub(crate) fn run(args: StrategyArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        StrategyCommand::New(args) => new::run(&args, ctx),
        StrategyCommand::Validate(args) => validate::run(&args, ctx),
        StrategyCommand::List(args) => list::run(&args, ctx),
        StrategyCommand::Show(args) => show::run(&args, ctx),
        StrategyCommand::Stage(args) => stage::run(&args, ctx),
        StrategyCommand::Backtest(args) => backtest::run::run(&args, ctx),
    }
}

/// Strategies that ship, and those of a folder. Files that hold none are named on standard error.
fn registry(dir: Option<&PathBuf>) -> anyhow::Result<Registry> {
    let (registry, broken) = tradai_runner::strategies::registry(dir.map(PathBuf::as_path))?;
    for error in broken {
        eprintln!("warning: {error}");
    }
    Ok(registry)
}
