//! Whole backtests in CPU seconds, ours and Freqtrade's in one run; and the loop alone in candles per second.
//!
//! `cargo xtask bench` (or `cargo bench -p tradai-cli`). Candles are those of the shared benchmark cases
//! (`TRADAI_SHARED`). With `TRADAI_ORACLE` (a Python that has Freqtrade) both programs run, and their trades are
//! compared. CPU seconds are those of whole processes, user and system, from start to written result.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::Value;
use tradai_domain::{RandomIds, SystemClock, TimeRange};
use tradai_engine::{MarketRules, SignalSource};
use tradai_runner::backtest::StoreCandles;
use tradai_runner::strategies;
use tradai_strategy::Settings;
use tradai_timeseries::{CandleStore, parse_file_name, read_parquet_candles};

const CASES: [&str; 2] = ["one-pair-year", "twenty-pairs-year"];
const STRATEGY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../strategy/tests/golden_strategies/bench.yaml");
const DATASET: &str = "spot5m_2022_23";
const TIMERANGE: &str = "20220802-20230802";

fn main() {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = PathBuf::from(std::env::var("TRADAI_SHARED").unwrap_or_else(|_| default.to_owned()));
    if !shared.join("golden/bench").is_dir() {
        println!("skipped: no benchmark candles at {} (set TRADAI_SHARED)", shared.display());
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let data = work.path().join("data");
    import(&shared, &data);
    // All of ours first: peak memory is that of the largest child so far.
    let ours = CASES.map(|case| our_process(&shared, &data, case));
    for (case, ours) in CASES.iter().zip(&ours) {
        println!(
            "{case}: tradai {:.3} CPU s, peak memory {} MB, {} trades",
            ours.cpu, ours.peak_mb, ours.trades
        );
    }
    if let Ok(python) = std::env::var("TRADAI_ORACLE") {
        for (case, ours) in CASES.iter().zip(&ours) {
            let theirs = freqtrade(&shared, &python, case, work.path());
            let times = theirs.cpu / ours.cpu;
            println!(
                "{case}: Freqtrade {:.2} CPU s, {} trades: {times:.0} times ours",
                theirs.cpu, theirs.trades
            );
            let profits = (ours.profit - theirs.profit).abs() / theirs.profit.abs();
            assert!(ours.trades == theirs.trades && profits < 1e-9, "results differ");
        }
    }
    loop_alone(&shared, &data);
}

struct Measured {
    cpu: f64,
    peak_mb: i64,
    trades: u64,
    profit: f64,
}

fn cpu(who: UsageWho) -> f64 {
    let usage = getrusage(who).unwrap();
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

fn store(data: &Path) -> CandleStore {
    CandleStore::open(&data.join("store"), Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}

fn import(shared: &Path, data: &Path) {
    let store = store(data);
    for entry in std::fs::read_dir(shared.join("data/market")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some((Some(dataset), key)) = parse_file_name(name) else { continue };
        if dataset == DATASET {
            let candles = read_parquet_candles(&path, TimeRange::ALL).unwrap();
            store.write(&key, &candles, None).unwrap();
        }
    }
}

/// The best of five whole runs of the command line, report and all.
fn our_process(shared: &Path, data: &Path, case: &str) -> Measured {
    let mut best: Option<Measured> = None;
    for _ in 0..5 {
        let before = cpu(UsageWho::RUSAGE_CHILDREN);
        let output = Command::new(env!("CARGO_BIN_EXE_tradai"))
            .arg("--data-dir")
            .arg(data)
            .args(["--json", "backtest", "run", STRATEGY, "--timerange", TIMERANGE, "--config"])
            .arg(shared.join("golden/bench").join(case).join("config.json"))
            .arg("--markets")
            .arg(shared.join("oracle/markets.json"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let cpu = cpu(UsageWho::RUSAGE_CHILDREN) - before;
        let peak_mb = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() / 1_024;
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let statistics = &result["statistics"];
        let trades = statistics["total_trades"].as_u64().unwrap();
        let profit = statistics["profit_total_abs"].as_f64().unwrap();
        if best.as_ref().is_none_or(|best| cpu < best.cpu) {
            best = Some(Measured { cpu, peak_mb, trades, profit });
        }
    }
    best.unwrap()
}

fn freqtrade(shared: &Path, python: &str, case: &str, work: &Path) -> Measured {
    let out = work.join(case);
    let before = cpu(UsageWho::RUSAGE_CHILDREN);
    let output = Command::new(python)
        .arg(shared.join("oracle/run.py"))
        .arg(shared.join("golden/bench").join(case))
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cpu = cpu(UsageWho::RUSAGE_CHILDREN) - before;
    let summary: Value =
        serde_json::from_str(&std::fs::read_to_string(out.join("summary.json")).unwrap()).unwrap();
    let trades = summary["total_trades"].as_u64().unwrap();
    Measured { cpu, peak_mb: 0, trades, profit: summary["profit_total_abs"].as_f64().unwrap() }
}

/// Candles per CPU second of the loop, on prepared pairs.
fn loop_alone(shared: &Path, data: &Path) {
    const RUNS: u32 = 10;
    let (strategy, _) = strategies::find(STRATEGY, &std::collections::BTreeMap::new()).unwrap();
    let config = std::fs::read_to_string(shared.join("golden/bench/twenty-pairs-year/config.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    let range = serde_json::json!({"timerange": TIMERANGE});
    let layers = [&strategy.settings(), config.as_object().unwrap(), range.as_object().unwrap()];
    let settings = Settings::merge(&layers).unwrap();
    let rules = MarketRules {
        markets: tradai_runner::read_markets(&shared.join("oracle/markets.json")).unwrap(),
        ..MarketRules::default()
    };
    let store = store(data);
    let candles = StoreCandles::new(&store, &[]);
    let before = cpu(UsageWho::RUSAGE_SELF);
    let pairs =
        tradai_engine::prepare(&settings, strategy.as_ref(), &candles, &rules, SignalSource::Strategy, &())
            .unwrap();
    println!("loading, indicators and signals: {:.3} CPU s", cpu(UsageWho::RUSAGE_SELF) - before);
    let rows: usize = pairs.iter().map(|pair| pair.frame.len() - pair.first_row).sum();
    let before = cpu(UsageWho::RUSAGE_SELF);
    let mut trades = 0;
    for _ in 0..RUNS {
        trades = tradai_engine::backtest::run(&settings, strategy.as_ref(), &pairs, &()).trades.len();
    }
    let seconds = (cpu(UsageWho::RUSAGE_SELF) - before) / f64::from(RUNS);
    println!(
        "the loop alone: {rows} candles, {trades} trades in {seconds:.4} CPU s: {:.1} million candles per second",
        rows as f64 / seconds / 1e6
    );
}
