//! One row per operation, for people and for programs.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::measure::Cost;
use crate::peers::Measured;

/// The operations, in the order of the peer's script.
const OPERATIONS: [&str; 10] = [
    "write",
    "read",
    "read_month",
    "read_day",
    "append_day_mean_s",
    "read_after_365_appends",
    "read_same_rows_one_write",
    "as_of_oldest_new_handle",
    "write_batch_200",
    "read_batch_200",
];

/// Returns milliseconds and ratios (ours / ArcticDB: below 1 ours is cheaper).
pub(crate) fn text(ours: &Measured, arcticdb: &Measured, raw: &Measured) -> String {
    let mut text = format!(
        "{:<26}|{:^31} |{:^31}\n{:<26}|{:>7}{:>8}{:>8}{:>8} |{:>7}{:>8}{:>8}{:>8}\n",
        "", "CPU ms", "wall ms", "", "ours", "arctic", "raw", "ratio", "ours", "arctic", "raw", "ratio"
    );
    for name in OPERATIONS {
        let found = [ours, arcticdb, raw].map(|measured| measured.costs.get(name).copied());
        let mut line = format!("{name:<26}");
        for of in [|cost: Cost| cost.cpu_s, |cost: Cost| cost.wall_s] {
            let seconds = found.map(|cost| cost.map_or(f64::NAN, of));
            write!(line, "|{}{:>8} ", row(seconds), ratio(seconds[0], seconds[1])).unwrap();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let [ours, arcticdb, raw] = [ours, arcticdb, raw].map(|measured| measured.bytes as f64);
    let megabytes = [ours, arcticdb, raw].map(|bytes| format!("{:.1}", bytes / 1e6)).join(" / ");
    writeln!(text, "bytes at rest: {megabytes} MB, ratio {}", ratio(ours, arcticdb)).unwrap();
    text
}

fn row([ours, arcticdb, raw]: [f64; 3]) -> String {
    let milliseconds = |seconds: f64| match seconds {
        unknown if unknown.is_nan() => "-".to_owned(),
        seconds => format!("{:.2}", seconds * 1e3),
    };
    format!("{:>7}{:>8}{:>8}", milliseconds(ours), milliseconds(arcticdb), milliseconds(raw))
}

fn ratio(ours: f64, theirs: f64) -> String {
    if (ours / theirs).is_finite() { format!("{:.2}", ours / theirs) } else { "-".to_owned() }
}

/// Returns everything that was measured.
pub(crate) fn json(ours: &Measured, arcticdb: &Measured, raw: &Measured) -> String {
    let of = |measured: &Measured| -> Value { json!({ "costs": measured.costs, "bytes": measured.bytes }) };
    json!({ "ours": of(ours), "arcticdb": of(arcticdb), "raw_parquet": of(raw) }).to_string()
}
