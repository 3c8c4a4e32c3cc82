//! `tradai`: the command line of the platform.
//!
//! Every command parses its arguments, calls one use case of a library, and presents the answer: as text, or with
//! `--json` as one JSON document on standard output. Exit codes: 0 done, 1 a check failed (a job that does not
//! verify), 2 wrong input, 3 not found, 4 conflict, 5 stored data damaged, 6 not reachable, 70 a fault of ours.

mod api_key;
mod backtest;
mod chaos;
mod config;
mod context;
mod data;
mod demo;
mod doctor;
mod exchange;
mod failure;
mod job;
mod new_key;
mod output;
mod remote;
mod sandbox;
mod strategy;
mod up;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::Context;
use tradai_domain::ErrorKind;
use tradai_domain::ports::ExchangeKey;
use tradai_platform::settings::Inputs;

/// The data folder that is meant when nobody says which.
const DATA_DIR: &str = "tradai-data";

/// Research, backtest, train and trade crypto strategies.
#[derive(Debug, Parser)]
#[command(name = "tradai", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    /// Folder of candles, jobs and market rules [default: tradai-data].
    #[arg(long, global = true, env = "TRADAI_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where candles are kept: a folder, or s3://BUCKET/PREFIX?endpoint=URL with credentials from the environment
    /// (AWS_ACCESS_KEY_ID...). By default `store` in the data folder; `demo` always keeps its own there.
    #[arg(long, global = true, env = "TRADAI_STORE", hide_env_values = true, value_name = "LOCATION")]
    store: Option<String>,
    /// Work with the candles collected from this exchange (binance, binance_futures, ...), which have a folder of
    /// their own in the store; without it, with those that were imported.
    #[arg(long, global = true, env = "TRADAI_EXCHANGE", value_name = "KEY")]
    exchange: Option<ExchangeKey>,
    /// Answer with one JSON document.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    /// Bring candles in, list, show and export them; versions, snapshots, and the store's upkeep (prune, fsck).
    Data(data::DataArgs),
    /// Write, check, list and show strategies.
    Strategy(strategy::StrategyArgs),
    /// Push, activate, compare and resolve versions of strategies' configs.
    Config(config::ConfigArgs),
    /// Run backtests, here or on a platform, and look at their results.
    Backtest(backtest::BacktestArgs),
    /// Run a job again from its manifest and compare every byte.
    Verify(verify::VerifyArgs),
    Sandbox(sandbox::SandboxArgs),
    Up(up::UpArgs),
    Doctor(doctor::DoctorArgs),
    /// Make, list and revoke API keys of a platform that runs.
    ApiKey(api_key::ApiKeyArgs),
    NewKey(new_key::NewKeyArgs),
    /// Show which faults the platform bears, and the tests that say so.
    Chaos(chaos::ChaosArgs),
    /// Run the job that the environment describes; what a platform starts for each job.
    #[command(hide = true)]
    Job,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A panic has printed itself; its exit code must not look like a wrong argument's.
    std::panic::catch_unwind(|| run(cli)).unwrap_or_else(|_| ExitCode::from(ErrorKind::Internal.exit_code()))
}

fn run(cli: Cli) -> ExitCode {
    let is_folder_chosen = cli.data_dir.is_some();
    let data_dir = cli.data_dir.unwrap_or_else(|| PathBuf::from(DATA_DIR));
    let ctx = Context::new(Inputs::of_process(), data_dir, cli.store, cli.exchange, cli.json);
    let ctx = Context { is_folder_chosen, ..ctx };
    let done = match cli.command {
        Command::Demo(args) => demo::run(&args, &ctx),
        Command::Data(args) => data::run(args, &ctx),
        Command::Strategy(args) => strategy::run(args, &ctx),
        Command::Config(args) => config::run(args, &ctx),
        Command::Backtest(args) => backtest::run(args, &ctx),
        Command::Verify(args) => verify::run(&args, &ctx),
        Command::Sandbox(args) => sandbox::run(&args, &ctx),
        Command::Up(args) => up::run(&args, &ctx),
        Command::Doctor(args) => doctor::run(&args, &ctx),
        Command::ApiKey(args) => api_key::run(args, &ctx),
        Command::NewKey(args) => new_key::run(&args, &ctx),
        Command::Chaos(args) => chaos::run(&args, &ctx),
        Command::Job => return job::run(&ctx.inputs),
    };
    done.unwrap_or_else(|error| failure::report(&error, ctx.json))
}
