//! Whether what we read equals what the reference read.

use serde_json::Value;
use tradai_exchange::Json;

use crate::report::Outcome;

/// The reference computes in binary floats: equal to so many parts of the value.
const TOLERANCE: f64 = 1e-10;

/// Compares a value of ours with the expected one; says everywhere they differ.
pub(crate) fn same(expected: &Json<'_>, ours: &Value) -> Outcome {
    let mut faults = Vec::new();
    compare(expected, ours, "", &mut faults);
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}

fn compare(expected: &Json<'_>, ours: &Value, path: &str, faults: &mut Vec<String>) {
    if is_absent(expected) && is_nothing(ours) {
        return;
    }
    match (expected, ours) {
        (Json::Map(_), Value::Object(_)) => compare_members(expected, ours, path, faults),
        (Json::List(wanted), Value::Array(got)) if wanted.len() == got.len() => {
            for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
                compare(wanted, got, &format!("{path}[{index}]"), faults);
            }
        }
        _ if same_scalar(expected, ours) => {}
        _ => {
            let (expected, ours) = (brief(&expected.to_string()), brief(&ours.to_string()));
            faults.push(format!("{path}: expected {expected}, got {ours}"));
        }
    }
}

fn compare_members(expected: &Json<'_>, ours: &Value, path: &str, faults: &mut Vec<String>) {
    for (key, wanted) in expected.members() {
        compare(wanted, ours.get(key.as_ref()).unwrap_or(&Value::Null), &format!("{path}.{key}"), faults);
    }
    let extra = ours.as_object().into_iter().flatten().filter(|(key, _)| !expected.has(key));
    for (key, value) in extra.filter(|(_, value)| !is_nothing(value)) {
        faults.push(format!("{path}.{key}: expected nothing, got {}", brief(&value.to_string())));
    }
}

fn same_scalar(expected: &Json<'_>, ours: &Value) -> bool {
    match (expected, ours) {
        (Json::Bool(wanted), Value::Bool(got)) => wanted == got,
        (Json::Text(wanted), Value::String(got)) => wanted == got,
        (Json::Number(wanted), got) => {
            wanted.parse().ok().zip(number(got)).is_some_and(|(wanted, got)| close(wanted, got))
        }
        _ => false,
    }
}

/// Absent, null and empty are one.
fn is_absent(json: &Json<'_>) -> bool {
    match json {
        Json::Null => true,
        Json::List(items) => items.is_empty(),
        Json::Map(members) => members.iter().all(|(_, value)| is_absent(value)),
        _ => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        _ => false,
    }
}

/// Our decimals are written as text.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

fn brief(text: &str) -> String {
    text.chars().take(120).collect()
}
