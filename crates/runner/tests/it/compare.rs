//! What "equal to Freqtrade" means (`golden/README.md`).

use serde_json::Value;

/// Relative difference below which two numbers are the same.
fn close(one: f64, other: f64, tolerance: f64) -> bool {
    (one - other).abs() <= tolerance * one.abs().max(other.abs()).max(1e-12)
}

const EXACT: [&str; 10] = [
    "pair",
    "open_date",
    "close_date",
    "exit_reason",
    "enter_tag",
    "is_short",
    "open_timestamp",
    "close_timestamp",
    "trade_duration",
    "is_open",
];

/// Rounded to eight decimals by Freqtrade, so half a unit may lie between equal numbers.
const EIGHT_DECIMALS: [&str; 5] =
    ["profit_abs", "profit_ratio", "amount", "stake_amount", "max_stake_amount"];

/// Returns the first difference between two trades, in words.
pub(crate) fn trade_difference(expected: &Value, actual: &Value) -> Option<String> {
    let expected = expected.as_object().unwrap();
    for (key, want) in expected {
        if key == "orders" {
            continue;
        }
        let got = &actual[key];
        let same = match (want.as_f64(), got.as_f64()) {
            (Some(want), Some(got)) if !EXACT.contains(&key.as_str()) => {
                close(want, got, 1e-9)
                    || (EIGHT_DECIMALS.contains(&key.as_str()) && (want - got).abs() < 1.01e-8)
            }
            _ => want == got,
        };
        if !same {
            return Some(format!("{key}: expected {want}, got {got}"));
        }
    }
    let (want, got) = (expected["orders"].as_array().unwrap(), actual["orders"].as_array().unwrap());
    if want.len() != got.len() {
        return Some(format!("orders: expected {}, got {}", want.len(), got.len()));
    }
    for (index, (want, got)) in want.iter().zip(got).enumerate() {
        for (key, want) in want.as_object().unwrap() {
            let same = match (want.as_f64(), got[key].as_f64()) {
                (Some(want), Some(got)) => close(want, got, 1e-9),
                _ => *want == got[key],
            };
            if !same {
                return Some(format!("orders[{index}].{key}: expected {want}, got {}", got[key]));
            }
        }
    }
    None
}

/// Returns every difference between two summaries, in words.
pub(crate) fn summary_differences(expected: &Value, actual: &Value, path: &str, out: &mut Vec<String>) {
    match expected {
        Value::Object(map) => {
            for (key, value) in map {
                summary_differences(value, &actual[key], &format!("{path}.{key}"), out);
            }
        }
        Value::Array(items) => {
            if Some(items.len()) != actual.as_array().map(Vec::len) {
                out.push(format!("{path}: expected {} items", items.len()));
                return;
            }
            for (index, item) in items.iter().enumerate() {
                summary_differences(item, &actual[index], &format!("{path}[{index}]"), out);
            }
        }
        Value::Number(want) => {
            let (want, got) = (want.as_f64().unwrap(), actual.as_f64());
            if !got.is_some_and(|got| close(want, got, 1e-6)) {
                out.push(format!("{path}: expected {want}, got {actual}"));
            }
        }
        _ if expected == actual => {}
        _ => out.push(format!("{path}: expected {expected}, got {actual}")),
    }
}

/// Compares `trades.jsonl` texts and summaries; returns the differences, at most a few.
pub(crate) fn differences(expected: (&str, &Value), actual: (&str, &Value)) -> Vec<String> {
    let parse =
        |text: &str| -> Vec<Value> { text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (want, got) = (parse(expected.0), parse(actual.0));
    let mut out = Vec::new();
    for (seq, (want, got)) in want.iter().zip(&got).enumerate() {
        if let Some(difference) = trade_difference(want, got) {
            out.push(format!("trade {seq} ({} {}): {difference}", want["pair"], want["open_date"]));
            if out.len() >= 3 {
                break;
            }
        }
    }
    if want.len() != got.len() {
        out.push(format!("expected {} trades, got {}", want.len(), got.len()));
    }
    summary_differences(expected.1, actual.1, "summary", &mut out);
    out.truncate(12);
    out
}
