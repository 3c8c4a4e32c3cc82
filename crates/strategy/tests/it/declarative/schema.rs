//! The JSON Schema accepts what loads, and refuses what an editor should mark.

use serde_json::Value;
use tradai_strategy::StrategyFile;
use tradai_strategy::declarative::schema;

use super::fuzz_corpus::corpus;

pub(super) fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn document(text: &str) -> Value {
    Value::Object(StrategyFile::parse(text, std::path::Path::new("t.yaml")).unwrap().document())
}

#[test]
fn every_file_that_loads_is_accepted() {
    let validator = validator();
    for (name, text) in corpus() {
        let document = document(&text);
        let faults: Vec<String> =
            validator.iter_errors(&document).map(|e| format!("{} {e}", e.instance_path())).collect();
        assert!(faults.is_empty(), "{name}: {faults:?}");
    }
}

#[test]
fn what_has_no_place_is_refused() {
    let validator = validator();
    let good = document(&super::with(
        "  parameters: {p: {type: int, default: 5, range: [1, 9]}}\n  \
         indicators: {e: {indicator: ema, timeperiod: p}, x: {expression: close / e}}\n  \
         entry: [{when: x > 1, side: long, tag: t}]",
        "hooks: {custom_exit: [{when: 'duration > 5', tag: late}], leverage: 2}",
    ));
    assert!(validator.is_valid(&good));
    for (pointer, key, value) in [
        ("", "stratgy", Value::Null),
        ("/strategy", "timeframe", "7m".into()),
        ("/strategy", "name", "a b".into()),
        ("/signals", "exits", Value::Null),
        ("/signals/parameters/p", "type", "whole".into()),
        ("/signals/indicators/e", "period", 9.into()),
        ("/signals/indicators/e", "indicator", "emaa".into()),
        ("/signals/indicators/x", "expression", serde_json::json!([1])),
        ("/signals/entry/0", "side", "up".into()),
        ("/hooks", "custom_stop", 1.into()),
        ("/hooks/custom_exit/0", "value", 1.into()),
    ] {
        let mut bad = good.clone();
        let place = bad.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap();
        place.insert(key.to_owned(), value);
        assert!(!validator.is_valid(&bad), "{pointer}/{key} is accepted");
    }
}
