//! Batches as people read them.

use comfy_table::{Table, presets};
use serde_json::Value;
use tradai_control_plane::jobs::value_text;

/// Jobs that could not be made of which a summary says why.
const REFUSALS: usize = 20;

/// One batch in a line, and one for each job that could not be made.
pub(super) fn summary(batch: &Value) -> String {
    let cell = |name: &str| batch[name].as_str().unwrap_or("-");
    let counts = batch["counts"].as_object().into_iter().flatten();
    let counts: Vec<String> =
        counts.filter(|(_, count)| **count != 0).map(|(status, count)| format!("{count} {status}")).collect();
    let name = batch["name"].as_str().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut reasons = refusals(batch);
    // All of them at once, where what the batch asks for cannot be read.
    if let Some(why) = batch["error"].as_str().filter(|_| reasons.is_empty()) {
        reasons = format!("\nNot all of its jobs were made: {why}");
    }
    format!(
        "Batch {}{name} of {}: {} jobs, {}{reasons}",
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

/// Why jobs could not be made: a line for each of the first ones.
fn refusals(batch: &Value) -> String {
    let jobs = batch["jobs"].as_array().into_iter().flatten();
    let refused: Vec<&Value> = jobs.filter(|job| job["status"] == "refused").collect();
    let line = |job: &&Value| {
        let why = job["error"].as_str().unwrap_or_default();
        format!("\nNot made: {}: {why}", values(&job["values"]))
    };
    let mut lines: String = refused.iter().take(REFUSALS).map(line).collect();
    if let Some(more) = refused.len().checked_sub(REFUSALS).filter(|more| *more > 0) {
        lines.push_str(&format!("\nNot made: {more} more; --json has all of them"));
    }
    lines
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

    #[test]
    fn each_job_that_could_not_be_made_says_why() {
        let job = |fast: usize| {
            let values = json!({"parameters": {"fast": fast}});
            json!({"status": "refused", "values": values, "error": format!("{fast} is too much")})
        };
        let batch = |refused: usize| {
            let mut jobs = vec![json!({"status": "completed", "values": {"timeframe": "1h"}})];
            jobs.extend((1..=refused).map(job));
            let counts = json!({"completed": 1, "refused": refused});
            json!({"batch_id": "b", "strategy": "S", "job_count": 1 + refused, "counts": counts,
                "error": "1 is too much", "jobs": jobs})
        };
        let told = summary(&batch(2));
        let expected = "Batch b of S: 3 jobs, 1 completed, 2 refused\n\
            Not made: fast=1: 1 is too much\nNot made: fast=2: 2 is too much";
        assert_eq!(told, expected);
        let told = summary(&batch(23));
        assert!(
            told.ends_with("fast=20: 20 is too much\nNot made: 3 more; --json has all of them"),
            "{told}"
        );
    }
}
