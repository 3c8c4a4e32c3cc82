//! One row per operation, for people and for programs.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::measure::Cost;
use crate::peers::Measured;
use crate::requests::Requests;

/// The operations, in the order of the peer's script. `read_kept` is `read` with every result kept, so that each has
/// memory of its own, as when many symbols are loaded; `read` reuses what the one before it left.
const OPERATIONS: [&str; 13] = [
    "write",
    "read",
    "read_kept",
    "read_month",
    "read_day",
    "append_day_mean_s",
    "append_day_first_30",
    "append_day_last_30",
    "read_after_365_appends",
    "read_same_rows_one_write",
    "as_of_oldest_new_handle",
    "write_batch_200",
    "read_batch_200",
];

/// Which sides are divided by which: below 1 the first is cheaper.
const RATIOS: [(&str, &str); 5] = [
    ("f64", "arctic"),
    ("f64", "arctic/32"),
    ("compact", "arctic"),
    ("compact", "arctic/32"),
    ("f64", "raw"),
];

/// What was measured of each side, round by round.
#[derive(Default)]
pub(crate) struct Table(Vec<(&'static str, Vec<Measured>)>);

impl Table {
    pub(crate) fn add(&mut self, side: &'static str, measured: Measured) {
        match self.0.iter_mut().find(|(known, _)| *known == side) {
            Some((_, rounds)) => rounds.push(measured),
            None => self.0.push((side, vec![measured])),
        }
    }

    /// Returns milliseconds and ratios, of CPU and wall time.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (title, of) in
            [("CPU ms", (|cost| cost.cpu_s) as fn(Cost) -> f64), ("wall ms", |cost| cost.wall_s)]
        {
            text.push_str(&self.header(title));
            for operation in OPERATIONS {
                let cost = |measured: &Measured| measured.costs.get(operation).copied().map(of);
                text.push_str(&self.row(operation, 1e3, |side| self.median(side, cost)));
            }
            text.push('\n');
        }
        let bytes = |side: &str| self.median(side, |measured| measured.bytes.map(|bytes| bytes as f64));
        text.push_str(&self.header("MB"));
        text.push_str(&self.row("bytes at rest", 1e-6, bytes));
        text.push('\n');
        text
    }

    fn header(&self, title: &str) -> String {
        let sides: String = self.0.iter().map(|(side, _)| format!("{side:>11}")).collect();
        let ratios: String =
            RATIOS.iter().map(|(ours, theirs)| format!("{:>18}", format!("{ours}:{theirs}"))).collect();
        format!("{title:<26}{sides} |{ratios}\n")
    }

    fn row(&self, name: &str, unit: f64, value: impl Fn(&str) -> Option<f64>) -> String {
        let mut line = format!("{name:<26}");
        for (side, _) in &self.0 {
            let shown = value(side).map_or("-".to_owned(), |value| format!("{:.2}", value * unit));
            write!(line, "{shown:>11}").unwrap();
        }
        line.push_str(" |");
        for (ours, theirs) in RATIOS {
            let ratio = value(ours).zip(value(theirs)).map(|(ours, theirs)| ours / theirs);
            let shown = ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
            write!(line, "{shown:>18}").unwrap();
        }
        line.push('\n');
        line
    }

    /// Returns the median of a side's rounds, or `None` where it was not measured.
    fn median(&self, side: &str, of: impl Fn(&Measured) -> Option<f64>) -> Option<f64> {
        let (_, rounds) = self.0.iter().find(|(known, _)| *known == side)?;
        let mut values: Vec<f64> = rounds.iter().filter_map(of).filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    }

    /// Returns everything that was measured.
    pub(crate) fn json(&self, requests: &[(&str, Requests)]) -> String {
        let round = |measured: &Measured| json!({ "costs": measured.costs, "bytes": measured.bytes });
        let rounds = |(side, rounds): &(&str, Vec<Measured>)| {
            ((*side).to_owned(), Value::from(rounds.iter().map(round).collect::<Vec<Value>>()))
        };
        let sides: Map<String, Value> = self.0.iter().map(rounds).collect();
        let requests: Map<String, Value> =
            requests.iter().map(|(operation, requests)| ((*operation).to_owned(), json!(requests))).collect();
        json!({ "sides": sides, "requests": requests }).to_string()
    }
}
