//! `tradai data …`: candles in, candles out, what is there, and the store's own upkeep.
//!
//! Parses arguments, calls `tradai_timeseries`, prints. Every command prints one JSON document with `--json`.

mod coverage;
mod delete;
mod error;
mod export;
mod freshness;
mod fsck;
mod gaps;
mod grid;
mod import;
mod list;
mod output;
mod prune;
mod resample;
mod restore;
mod sample;
mod series;
mod show;
mod snapshot;
mod sync;
mod versions;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tradai_domain::SeriesKey;

use crate::context::Context;
pub(crate) use error::{DataError, error_kind};
pub(crate) use sync::{INTERRUPTED, collect};

/// Arguments of `tradai data`.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Import(import::ImportArgs),
    Sync(sync::SyncArgs),
    CheckFreshness(freshness::FreshnessArgs),
    /// List every series with its span, gaps and size.
    List,
    /// Print candles of a series.
    Show(show::ShowArgs),
    /// Write candles of a series to a file.
    Export(export::ExportArgs),
    Coverage(coverage::CoverageArgs),
    Gaps(gaps::GapsArgs),
    /// List the versions of a series, what made each, and which snapshots hold it.
    Versions(versions::VersionsArgs),
    /// Names for versions, which keep them.
    Snapshot(snapshot::SnapshotArgs),
    /// Make an earlier version of a series the newest again.
    #[command(disable_version_flag = true)]
    Restore(restore::RestoreArgs),
    Delete(delete::DeleteArgs),
    Prune(prune::PruneArgs),
    /// Read and check every object of the store; exit code 5 when a newest version is damaged.
    Fsck,
    /// Make up candles, the same in every run, labelled SYNTHETIC everywhere.
    Sample(sample::SampleArgs),
}

/// Runs a command and returns its exit code: 0, or that of what went wrong in a part of the work.
pub(crate) fn run(args: DataArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    match args.command {
        DataCommand::Sync(args) => sync::run(&args, ctx),
        DataCommand::CheckFreshness(args) => freshness::run(&args, ctx),
        DataCommand::Import(args) => import::run(&args, &ctx.store()?, ctx.json),
        DataCommand::List => list::run(ctx),
        DataCommand::Show(args) => show::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Export(args) => export::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Coverage(args) => coverage::run(&args, ctx),
        DataCommand::Gaps(args) => gaps::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Versions(args) => versions::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Snapshot(args) => snapshot::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Restore(args) => restore::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Delete(args) => delete::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Prune(args) => prune::run(&args, &ctx.store()?, ctx.json),
        DataCommand::Fsck => fsck::run(&ctx.store()?, ctx.json),
        DataCommand::Sample(args) => sample::run(&args, &ctx.store()?, ctx.json),
    }
}

/// Makes the sample candles of `tradai demo`.
pub(crate) fn demo_candles(store: &tradai_timeseries::CandleStore) -> anyhow::Result<Vec<SeriesKey>> {
    sample::demo(store)
}
