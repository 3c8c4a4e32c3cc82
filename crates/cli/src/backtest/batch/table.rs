//! Batches as people read them.

use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_control_plane::jobs::value_text;

/// One batch in a line or two.
pub(super) fn summary(batch: &Value) -> String {
    let cell = |name: &str| batch[name].as_str().unwrap_or("-");
    let counts = batch["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> =
        counts.filter(|(_, count)| **count != 0).map(|(status, count)| format!("{count} {status}")).collect();
    let name = batch["name"].as_str().map(|name| format!(" ({name})")).unwrap_or_default();
    let error = batch["error"].as_str();
    let error = error.map(|why| format!("\nNot all of its jobs were made: {why}")).unwrap_or_default();
    format!(
        "Batch {}{name} of {}: {} jobs, {}{error}",
        cell("batch_id"),
        cell("strategy"),
        batch["job_count"],
        counts.join(", ")
    )
}

/// One row per batch.
pub(super) fn batches(batches: &[Value]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Batch", "Name", "Strategy", "Jobs", "State", "Created", "By"]);
    for batch in batches {
        let cell = |name: &str| batch[name].as_str().unwrap_or("-").to_owned();
        let created: String = cell("created_at").replace('T', " ").chars().take(19).collect();
        let jobs = batch["job_count"].to_string();
        table.add_row([
            cell("batch_id"),
            cell("name"),
            cell("strategy"),
            jobs,
            cell("state"),
            created,
            cell("created_by"),
        ]);
    }
    table.to_string()
}

/// One row per job of a batch.
pub(super) fn jobs(batch: &Value) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["Values", "Status", "Trades", "Profit", "Drawdown", "Sharpe", "Job"]);
    for job in batch["jobs"].as_array().into_iter().flatten() {
        let figure = |name: &str| job["result"][name].as_f64();
        let percent =
            |name: &str| figure(name).map_or("-".to_owned(), |part| format!("{:.2}%", part * 100.0));
        let trades = figure("total_trades").map_or("-".to_owned(), |trades| format!("{trades}"));
        let sharpe = figure("sharpe").map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let text = |name: &str| job[name].as_str().unwrap_or("-").to_owned();
        table.add_row([
            values(&job["values"]),
            text("status"),
            trades,
            percent("profit_total"),
            percent("max_drawdown_account"),
            sharpe,
            text("job_id"),
        ]);
    }
    table.to_string()
}

/// What sets a job apart: `timeframe=1h fast=5`.
fn values(values: &Value) -> String {
    let text = |value: &Value| value_text(value, "+");
    let mut parts = Vec::new();
    for (field, value) in values.as_object().into_iter().flatten() {
        match value {
            Value::Object(by_name) => {
                parts.extend(by_name.iter().map(|(name, value)| format!("{name}={}", text(value))));
            }
            value => parts.push(format!("{field}={}", text(value))),
        }
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_job_is_told_by_its_values() {
        let apart =
            json!({"symbols": ["A/B", "C/B"], "parameters": {"fast": 5, "list": [1, "a", [2]], "mode": "x"}});
        assert_eq!(values(&apart), "symbols=A/B+C/B fast=5 list=1+a+[2] mode=x");
        let batch = json!({"batch_id": "b", "name": "n", "strategy": "S", "job_count": 3,
            "counts": {"completed": 2, "failed": 0, "running": 1}});
        assert_eq!(summary(&batch), "Batch b (n) of S: 3 jobs, 2 completed, 1 running");
        let lacking =
            json!({"batch_id": "b", "strategy": "S", "job_count": 1, "counts": {"absent": 1}, "error": "x"});
        assert_eq!(summary(&lacking), "Batch b of S: 1 jobs, 1 absent\nNot all of its jobs were made: x");
    }
}
