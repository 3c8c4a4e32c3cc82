//! Chores of the repository: what the README, `just` and CI call.
//!
//! Whatever a chore needs and does not find it installs: Debian packages where it may, Python packages below the
//! target directory. What cannot be installed is said in one line, and the tests that need it say that they are
//! skipped.

mod api_bench;
mod engine;
mod fuzz_yaml;
mod oracle;
mod s3;
mod schemathesis;
mod sim;
mod store_bench;
mod tests;
mod tools;

use clap::{Args, Parser, Subcommand};

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Format, lints and docs, then every test.
    Test,
    /// Format, lints and docs.
    Check,
    /// Random backtests here and in Freqtrade, compared.
    Fuzz(FuzzArgs),
    /// Random strategy files: none may hang or stop the program, or go wrong without a line.
    FuzzYaml(FuzzYamlArgs),
    /// CPU seconds of whole backtests here and in Freqtrade.
    Bench,
    /// The candle store beside ArcticDB and raw Parquet: seconds, bytes, requests.
    BenchStore(StoreBenchArgs),
    /// The backend's API beside a FastAPI twin: requests per CPU second, 99th percentiles, memory.
    BenchApi(ApiBenchArgs),
    /// Made-up requests by the services' OpenAPI documents, against the running platform.
    Schemathesis(SchemathesisArgs),
    /// The candle store in simulated worlds: random schedules, and every order of small scenarios.
    Sim(SimArgs),
    /// A local S3 to try things out with, until it is stopped.
    S3(S3Args),
}

#[derive(Debug, Args)]
struct S3Args {
    /// Port on the loopback interface; a free one by default.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// How much longer each request takes, in milliseconds.
    #[arg(long, default_value_t = 0)]
    delay_ms: u32,
}

#[derive(Debug, Args)]
struct SimArgs {
    /// How many random schedules.
    #[arg(long, default_value_t = 100_000)]
    schedules: u64,
    /// How many schedules of each scenario at most.
    #[arg(long, default_value_t = 20_000)]
    orders: u64,
    /// Seed of the first random schedule; the others follow.
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// Run the schedule of this seed alone, with its log.
    #[arg(long)]
    seed: Option<u64>,
}

#[derive(Debug, Args)]
struct StoreBenchArgs {
    /// Measure in buckets of a local S3 that takes so many milliseconds longer to answer each request.
    #[arg(long, value_name = "MS")]
    s3_delay_ms: Option<u32>,
    /// For the bench itself: `--json`, `--rounds N`, `--only f64,arctic`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Args)]
struct SchemathesisArgs {
    /// Most requests for an operation in a phase.
    #[arg(long, default_value_t = 100)]
    examples: u32,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct ApiBenchArgs {
    /// How many backtests are submitted to each server.
    #[arg(long, default_value_t = 10_000)]
    submits: usize,
    /// How often a status is read from each.
    #[arg(long, default_value_t = 100_000)]
    statuses: usize,
    /// How the programs are optimised: as those of the images, or as whoever builds by hand has them.
    #[arg(long, default_value = "dist", value_parser = ["dist", "release"])]
    profile: String,
    /// Measure the programs that were built before.
    #[arg(long)]
    no_build: bool,
}

#[derive(Debug, Args)]
struct FuzzArgs {
    /// How many cases.
    #[arg(long, default_value_t = 200)]
    cases: u32,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct FuzzYamlArgs {
    /// How many files.
    #[arg(long, default_value_t = 100_000)]
    cases: u64,
    /// Seed of the first file; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Test => {
            tests::check()?;
            tests::test()
        }
        Command::Check => tests::check(),
        Command::Fuzz(args) => oracle::fuzz(args.cases, args.seed),
        Command::FuzzYaml(args) => fuzz_yaml::fuzz(args.cases, args.seed),
        Command::Bench => oracle::bench(),
        Command::BenchStore(args) => store_bench::bench(args.s3_delay_ms, &args.arguments),
        Command::BenchApi(args) => {
            api_bench::bench(args.submits, args.statuses, &args.profile, !args.no_build)
        }
        Command::Schemathesis(args) => {
            let python = tools::python_with("schemathesis", &[schemathesis::PACKAGE])?;
            schemathesis::test(&python, args.examples, args.seed)
        }
        Command::Sim(args) => sim::simulate(args.schedules, args.orders, args.start, args.seed),
        Command::S3(args) => s3::serve(args.port, args.delay_ms),
    }
}
