//! Made-up cases that Freqtrade has run (`tests/fixtures/README.md`): they need nothing from outside the repository.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tradai_runner::replay::{ReplayRequest, replay};

use crate::compare::differences;
use crate::oracle_strategy::{Callbacks, CaseStrategy};

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn run_case(folder: &Path) -> Vec<String> {
    let callbacks: Callbacks =
        serde_json::from_value(read_json(&folder.join("case.json"))["callbacks"].clone()).unwrap();
    let request = ReplayRequest {
        settings: folder.join("settings.json"),
        signals: folder.join("signals.parquet"),
        candles: folder.join("data"),
        markets: folder.join("markets.json"),
        leverage_tiers: Some(folder.join("leverage_tiers.json")),
    };
    let strategy = CaseStrategy { callbacks, ..CaseStrategy::default() };
    let replayed = match replay(&request, &strategy, &()) {
        Ok(replayed) => replayed,
        Err(error) => return vec![error.to_string()],
    };
    let (trades, summary) = replayed.files();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    let expected_trades = std::fs::read_to_string(folder.join("trades.jsonl")).unwrap();
    let expected = read_json(&folder.join("summary.json"));
    differences((&expected_trades, &expected), (&trades, &summary))
}

#[test]
fn made_up_cases_by_replay() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/oracle");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut different = 0;
    for case in &cases {
        let differences = run_case(case);
        different += usize::from(!differences.is_empty());
        for difference in differences {
            println!("{}: {difference}", case.display());
        }
    }
    println!("made-up cases equal to Freqtrade: {} of {}", cases.len() - different, cases.len());
    assert!(!cases.is_empty() && different == 0);
}
