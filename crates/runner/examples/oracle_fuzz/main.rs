//! Compares the engine with Freqtrade on random cases.
//!
//! `cargo run --release -p tradai-runner --example oracle_fuzz -- --oracle PYTHON --cases N --seed S`, where
//! PYTHON has freqtrade 2026.9 installed. Every case (candles, market rules, settings, signals, callbacks) follows
//! from the seed and its number. Cases that differ are named with their first differences, and their folders stay
//! in `--work`; `--only K` repeats one of them. Same seed, same cases, on every machine.

mod callbacks;
mod candles;
mod case;
#[expect(clippy::unwrap_used, reason = "of the tests; both sides' files are ours")]
#[path = "../../tests/it/compare.rs"]
mod compare;
mod oracle;
#[path = "../../tests/it/oracle_strategy.rs"]
mod oracle_strategy;
mod python;
mod rng;
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use serde_json::Value;
use tradai_engine::{MarketRules, SignalSource, Statistics};
use tradai_runner::candle_folder::CandleFolder;
use tradai_runner::replay::Replayed;
use tradai_strategy::Settings;

use crate::case::Case;
use crate::oracle::Oracle;

/// Compares the engine with Freqtrade on random cases.
#[derive(Debug, Parser)]
struct Arguments {
    /// Python that has freqtrade installed.
    #[arg(long)]
    oracle: PathBuf,
    /// How many cases.
    #[arg(long, default_value_t = 100)]
    cases: u64,
    /// Number of the first case.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Seed of all cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs this case only.
    #[arg(long)]
    only: Option<u64>,
    /// Cases of few candles, small enough to become golden ones.
    #[arg(long, conflicts_with = "real")]
    small: bool,
    /// Cases on real candles; needs `--shared`.
    #[arg(long, requires = "shared")]
    real: bool,
    /// Folder with `data/market`, `oracle/markets.json` and `oracle/leverage_tiers.json`.
    #[arg(long)]
    shared: Option<PathBuf>,
    /// Where case folders go.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Keeps folders of equal cases, too.
    #[arg(long)]
    keep: bool,
    /// With `--only`: makes a golden case of it, in this folder.
    #[arg(long, requires = "only")]
    golden: Option<PathBuf>,
}

/// What came of a case.
enum Verdict {
    Equal {
        trades: usize,
    },
    Different(Vec<String>),
    /// Freqtrade ended with an error.
    OracleFailed(String),
    /// We refuse, Freqtrade does not.
    Refused(String),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let work = arguments.work.clone().unwrap_or_else(|| std::env::temp_dir().join("tradai-oracle-fuzz"));
    let mut oracle = Oracle::start(&arguments.oracle)?;
    let numbers = match arguments.only {
        Some(only) => only..only + 1,
        None => arguments.first..arguments.first + arguments.cases,
    };
    let (mut equal, mut trades, mut empty, mut different) = (0_u64, 0, 0_u64, 0_u64);
    let mut aside: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let total = numbers.end - numbers.start;
    for number in numbers {
        let kind = if arguments.real { "r" } else { "s" };
        let folder = work.join(format!("{kind}{}-{number}", arguments.seed));
        let keep = match run_case(&arguments, &mut oracle, number, &folder)? {
            Verdict::Equal { trades: count } => {
                if let Some(golden) = &arguments.golden {
                    write_golden(&folder, golden)?;
                }
                equal += 1;
                trades += count;
                empty += u64::from(count == 0);
                arguments.keep
            }
            Verdict::Different(differences) => {
                different += 1;
                println!("case {number} differs ({}):", folder.display());
                for difference in differences.iter().take(4) {
                    println!("  {difference}");
                }
                true
            }
            Verdict::OracleFailed(words) => note(&mut aside, "Freqtrade fails", &words, number),
            Verdict::Refused(words) => note(&mut aside, "refused", &words, number),
        };
        if !(keep || arguments.only.is_some()) {
            fs::remove_dir_all(&folder)?;
        }
    }
    for (words, numbers) in &aside {
        println!("{words}: {} cases, such as {:?}", numbers.len(), &numbers[..numbers.len().min(5)]);
    }
    println!(
        "seed {}: {total} cases, {equal} equal ({trades} trades, {empty} cases without any), {different} different",
        arguments.seed
    );
    Ok(())
}

/// Copies what a golden case needs: the case, and Freqtrade's results with the signals as it saw them.
fn write_golden(case: &Path, golden: &Path) -> Result<()> {
    if golden.exists() {
        fs::remove_dir_all(golden)?;
    }
    fs::create_dir_all(golden.join("data"))?;
    let parts =
        ["strategy.py", "config.json", "case.json", "settings.json", "markets.json", "leverage_tiers.json"];
    for name in parts {
        fs::copy(case.join(name), golden.join(name))?;
    }
    for name in ["trades.jsonl", "summary.json", "signals.parquet"] {
        fs::copy(case.join("oracle").join(name), golden.join(name))?;
    }
    for entry in fs::read_dir(case.join("data"))? {
        let entry = entry?;
        fs::copy(entry.path(), golden.join("data").join(entry.file_name()))?;
    }
    Ok(())
}

/// Counts a case that cannot be compared, under its words without numbers. Its folder need not stay.
fn note(aside: &mut BTreeMap<String, Vec<u64>>, kind: &str, words: &str, number: u64) -> bool {
    let words: String = words.chars().filter(|c| !c.is_ascii_digit()).take(220).collect();
    aside.entry(format!("{kind}: {words}")).or_default().push(number);
    false
}

fn run_case(arguments: &Arguments, oracle: &mut Oracle, number: u64, folder: &Path) -> Result<Verdict> {
    let case = match arguments.shared.as_deref().filter(|_| arguments.real) {
        Some(shared) => Case::real(arguments.seed, number, shared)?,
        None => Case::random(arguments.seed, number, arguments.small)?,
    };
    case.write(folder)?;
    let ours = catch_unwind(AssertUnwindSafe(|| own_result(&case, folder)))
        .unwrap_or_else(|_| Err("the engine panics".to_owned()));
    if let Err(words) = oracle.run(folder)? {
        return Ok(match ours {
            Err(own) => Verdict::OracleFailed(format!("both refuse: {own}")),
            Ok(_) => Verdict::OracleFailed(words),
        });
    }
    let ours = match ours {
        Ok(ours) => ours,
        Err(words) if words.contains("panics") => return Ok(Verdict::Different(vec![words])),
        Err(words) => return Ok(Verdict::Refused(words)),
    };
    let (trades, summary) = ours.files();
    fs::create_dir_all(folder.join("own"))?;
    fs::write(folder.join("own/trades.jsonl"), &trades)?;
    fs::write(folder.join("own/summary.json"), &summary)?;
    let read =
        |name: &str| fs::read_to_string(folder.join("oracle").join(name)).context("while reading the result");
    let expected: Value = serde_json::from_str(&read("summary.json")?)?;
    let summary: Value = serde_json::from_str(&summary)?;
    let mut differences = compare::differences((&read("trades.jsonl")?, &expected), (&trades, &summary));
    if closes_tie(&ours) {
        differences.retain(|difference| !is_of_drawdown(difference));
    }
    Ok(if differences.is_empty() {
        Verdict::Equal { trades: ours.outcome.trades.len() }
    } else {
        Verdict::Different(differences)
    })
}

/// Whether trades close at the same time.
fn closes_tie(ours: &Replayed) -> bool {
    let mut closes: Vec<_> = ours.outcome.trades.iter().map(|trade| trade.close_date).collect();
    closes.sort_unstable();
    closes.windows(2).any(|two| two[0] == two[1])
}

/// Whether a difference is one of the statistics that follow from the order of closes. Freqtrade sorts trades by
/// close date with an unstable sort, whose order of equal dates depends on the processor.
fn is_of_drawdown(difference: &str) -> bool {
    let keys = ["max_drawdown", "max_relative_drawdown", "drawdown_", "calmar"];
    difference.strip_prefix("summary.").is_some_and(|name| keys.iter().any(|key| name.starts_with(key)))
}

fn own_result(case: &Case, folder: &Path) -> Result<Replayed, String> {
    let strategy = case.strategy();
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let settings = Settings::merge(&[&case.settings]).map_err(|error| words(&error))?;
    let provider = CandleFolder::open(&folder.join("data"), None).map_err(|error| words(&error))?;
    let read = |name: &str| folder.join(name);
    let rules = MarketRules {
        markets: tradai_runner::read_markets(&read("markets.json")).map_err(|error| words(&error))?,
        leverage_tiers: tradai_runner::read_leverage_tiers(&read("leverage_tiers.json"))
            .map_err(|error| words(&error))?,
    };
    let pairs = tradai_engine::prepare(&settings, &strategy, &provider, &rules, SignalSource::Strategy, &())
        .map_err(|error| words(&error))?;
    let outcome = tradai_engine::backtest::run(&settings, &strategy, &pairs, &());
    let statistics = Statistics::new(&settings, &pairs, &outcome);
    Ok(Replayed { settings, outcome, statistics })
}
