//! `tradai strategy …`: writing, checking and looking at strategies.
//!
//! Parses arguments, calls `tradai_strategy`, prints. Every command prints one JSON document with `--json`.

mod list;
mod new;
mod show;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tradai_strategy::Registry;

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
    /// List the strategies that ship and those of a folder.
    List(list::ListArgs),
    /// Show parameters, indicators, rules and settings of a strategy.
    Show(show::ShowArgs),
}

/// Runs a command and returns its exit code.
pub(crate) fn run(args: StrategyArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        StrategyCommand::New(args) => new::run(&args, ctx),
        StrategyCommand::Validate(args) => validate::run(&args, ctx),
        StrategyCommand::List(args) => list::run(&args, ctx),
        StrategyCommand::Show(args) => show::run(&args, ctx),
    }
}

/// Strategies that ship, and those of a folder. Files that hold none are named on standard error.
fn registry(dir: Option<&PathBuf>) -> anyhow::Result<Registry> {
    let mut registry = Registry::bundled();
    let default = PathBuf::from("strategies");
    let dir = match dir {
        Some(dir) => dir,
        None if default.is_dir() => &default,
        None => return Ok(registry),
    };
    for path in strategy_files(dir)? {
        if let Err(error) = registry.load_file(&path) {
            eprintln!("warning: {error}");
        }
    }
    Ok(registry)
}

/// The YAML files of a folder, and the `tradai.yaml` of each folder in it, by name.
fn strategy_files(dir: &PathBuf) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        std::fs::read_dir(dir).map_err(|error| anyhow::anyhow!("cannot read {}: {error}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        let nested = path.join("tradai.yaml");
        let ending = path.extension().and_then(|ending| ending.to_str());
        if path.is_dir() && nested.is_file() {
            files.push(nested);
        } else if path.is_file() && matches!(ending, Some("yaml" | "yml")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
