//! Compares the engine with Freqtrade on random cases.
//!
//! `cargo run --release -p tradai-runner --example oracle_fuzz -- --oracle PYTHON --cases N --seed S`, where
//! PYTHON has freqtrade 2026.9 installed. Every case (candles, market rules, settings, signals, callbacks) follows
//! from the seed and its number. Cases that differ are named with their first differences, and their folders stay
//! in `--work`; `--only K` repeats one of them. Same seed, same cases, on every machine.

mod callbacks;
mod candles;
mod case;
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
    /// Where case folders go.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Keeps folders of equal cases, too.
    #[arg(long)]
    keep: bool,
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
        let folder = work.join(format!("s{}-{number}", arguments.seed));
        let keep = match run_case(&arguments, &mut oracle, number, &folder)? {
            Verdict::Equal { trades: count } => {
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

/// Counts a case that cannot be compared, under its words without numbers. Its folder need not stay.
fn note(aside: &mut BTreeMap<String, Vec<u64>>, kind: &str, words: &str, number: u64) -> bool {
    let words: String = words.chars().filter(|c| !c.is_ascii_digit()).take(220).collect();
    aside.entry(format!("{kind}: {words}")).or_default().push(number);
    false
}

fn run_case(arguments: &Arguments, oracle: &mut Oracle, number: u64, folder: &Path) -> Result<Verdict> {
    let case = Case::random(arguments.seed, number)?;
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
    let differences = compare::differences((&read("trades.jsonl")?, &expected), (&trades, &summary));
    Ok(if differences.is_empty() {
        Verdict::Equal { trades: ours.outcome.trades.len() }
    } else {
        Verdict::Different(differences)
    })
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
    let pairs = tradai_engine::prepare(&settings, &strategy, &provider, &rules, SignalSource::Strategy)
        .map_err(|error| words(&error))?;
    let outcome = tradai_engine::backtest::run(&settings, &strategy, &pairs, &());
    let statistics = Statistics::new(&settings, &pairs, &outcome);
    Ok(Replayed { settings, outcome, statistics })
}
