//! The golden backtests from candles alone: strategies declared in YAML compute their own indicators and signals.

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Map, Value};
use tradai_engine::{MarketRules, SignalSource, Statistics};
use tradai_runner::candle_folder::CandleFolder;
use tradai_runner::{export, read_leverage_tiers, read_markets, strategies};
use tradai_strategy::{Settings, Strategy};

use crate::compare::differences;
use crate::shared::shared;

fn run_case(shared: &Path, case: &str) -> Vec<String> {
    let folder = shared.join("golden/backtest").join(case);
    let file = format!("{}/../strategy/tests/golden_strategies/{case}.yaml", env!("CARGO_MANIFEST_DIR"));
    let strategy = match strategies::find(&file, &BTreeMap::new()) {
        Ok((strategy, _)) => strategy,
        Err(error) => return vec![error.to_string()],
    };
    let given: Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("settings.json")).unwrap()).unwrap();
    let settings = Settings::merge(&[&strategy.settings(), &given]).unwrap();
    let provider = CandleFolder::open(&shared.join("data/market"), settings.dataset.as_deref()).unwrap();
    let rules = MarketRules {
        markets: read_markets(&shared.join("oracle/markets.json")).unwrap(),
        leverage_tiers: read_leverage_tiers(&shared.join("oracle/leverage_tiers.json")).unwrap(),
    };
    let strategy: &dyn Strategy = strategy.as_ref();
    let pairs =
        tradai_engine::prepare(&settings, strategy, &provider, &rules, SignalSource::Strategy, &()).unwrap();
    let outcome = tradai_engine::backtest::run(&settings, strategy, &pairs, &());
    let statistics = Statistics::new(&settings, &pairs, &outcome);
    let lines: Vec<String> =
        outcome.trades.iter().enumerate().map(|(seq, t)| export::trade_line(t, seq).to_string()).collect();
    let expected_trades = std::fs::read_to_string(folder.join("trades.jsonl")).unwrap();
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap();
    let summary = export::summary(&statistics, &outcome);
    differences((&expected_trades, &expected), (&lines.join("\n"), &summary))
}

#[test]
fn golden_backtests_end_to_end() {
    let Some(shared) = shared() else { return };
    let mut cases: Vec<String> = std::fs::read_dir(shared.join("golden/backtest"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    let results: Vec<(String, Vec<String>)> =
        cases.into_par_iter().map(|case| (case.clone(), run_case(&shared, &case))).collect();
    let equal = results.iter().filter(|(_, differences)| differences.is_empty()).count();
    println!("golden backtests equal to Freqtrade end to end: {equal} of {}", results.len());
    for (case, differences) in results.iter().filter(|(_, differences)| !differences.is_empty()) {
        println!("{case}:");
        for difference in differences {
            println!("  {difference}");
        }
    }
    assert_eq!(equal, results.len());
}
