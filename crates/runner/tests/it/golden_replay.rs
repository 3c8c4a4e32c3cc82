//! The 16 golden backtests by replay of their signals.

use std::path::Path;

use rayon::prelude::*;
use serde_json::Value;
use tradai_runner::replay::{GivenSignals, ReplayRequest, replay};
use tradai_strategy::Strategy;

use crate::callbacks::{Dca, LimitBelow, StopAtr, StopSteps};
use crate::compare::differences;
use crate::shared::shared;

fn strategy(case: &str) -> Box<dyn Strategy> {
    match case {
        "f04a_custom_stop_steps" => Box::new(StopSteps),
        "f04c_custom_stop_atr_fut_2025" => Box::new(StopAtr),
        "f08a_dca_long" => Box::new(Dca { step: -0.02, leverage: 1.0 }),
        "f08c_dca_fut_short" => Box::new(Dca { step: -0.04, leverage: 2.0 }),
        "f10a_limit_entry_timeout" => Box::new(LimitBelow),
        _ => Box::new(GivenSignals),
    }
}

fn run_case(shared: &Path, case: &str) -> Vec<String> {
    let folder = shared.join("golden/backtest").join(case);
    let request = ReplayRequest {
        settings: folder.join("settings.json"),
        signals: folder.join("signals.parquet"),
        candles: shared.join("data/market"),
        markets: shared.join("oracle/markets.json"),
        leverage_tiers: Some(shared.join("oracle/leverage_tiers.json")),
    };
    let replayed = match replay(&request, strategy(case).as_ref(), &()) {
        Ok(replayed) => replayed,
        Err(error) => return vec![error.to_string()],
    };
    let (trades, summary) = replayed.files();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let expected_trades = std::fs::read_to_string(folder.join("trades.jsonl")).unwrap();
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("summary.json")).unwrap()).unwrap();
    differences((&expected_trades, &expected), (&trades, &summary))
}

#[test]
fn golden_backtests_by_replay() {
    let Some(shared) = shared() else { return };
    let mut cases: Vec<String> = std::fs::read_dir(shared.join("golden/backtest"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    let results: Vec<(String, Vec<String>)> =
        cases.into_par_iter().map(|case| (case.clone(), run_case(&shared, &case))).collect();
    let equal = results.iter().filter(|(_, differences)| differences.is_empty()).count();
    println!("golden backtests equal to Freqtrade by replay: {equal} of {}", results.len());
    for (case, differences) in results.iter().filter(|(_, differences)| !differences.is_empty()) {
        println!("{case}:");
        for difference in differences {
            println!("  {difference}");
        }
    }
    assert_eq!(equal, results.len());
}
