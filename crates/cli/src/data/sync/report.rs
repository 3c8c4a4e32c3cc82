//! What a sync came to, for people and for programs.

use serde_json::{Value, json};
use tradai_control_plane::data::{SeriesOutcome, SyncResult};
use tradai_domain::{ErrorKind, format_utc};

use crate::data::output;

/// Prints a line for each series, the failures with their reasons, and the sum.
pub(super) fn print(result: &SyncResult, interrupted: bool) -> anyhow::Result<()> {
    let header = ["SERIES", "STATE", "NEW CANDLES", "NOT AT THE EXCHANGE", "VERSION"];
    let rows: Vec<Vec<String>> = result.series.iter().map(row).collect();
    output::print(&output::table(&header, &["NEW CANDLES", "NOT AT THE EXCHANGE", "VERSION"], &rows))?;
    for (series, error) in result.failed() {
        eprintln!("failed: {}: {}", series.key, error.message);
    }
    let unreachable = result.failed().any(|(_, error)| error.kind == ErrorKind::Unavailable);
    if unreachable && result.exchange.is_sandbox() {
        eprintln!("hint: `tradai sandbox` starts a sandbox exchange");
    } else if unreachable {
        eprintln!("hint: once {} can be reached, the same command goes on from there", result.exchange);
    }
    let candles = output::counted(result.rows_synced, "candle");
    let series = result.series.len();
    output::print(&format!("{} of {series} series complete, {candles} stored.", result.symbols_synced))?;
    if interrupted {
        output::print("Interrupted; what was fetched is stored, and the same command goes on from there.")?;
    }
    Ok(())
}

fn row(outcome: &SeriesOutcome) -> Vec<String> {
    vec![
        outcome.key.to_string(),
        outcome.state.as_str().to_owned(),
        outcome.rows_synced.to_string(),
        outcome.candles_absent.to_string(),
        outcome.version.map_or_else(|| "-".to_owned(), |version| version.to_string()),
    ]
}

/// Returns the result as the data-collection service words it.
pub(super) fn json(result: &SyncResult, interrupted: bool) -> Value {
    let series: Vec<Value> = result.series.iter().map(series_json).collect();
    json!({
        "exchange": result.exchange,
        "timeframe": result.timeframe,
        "start": result.start.map(format_utc),
        "end": format_utc(result.end),
        "symbols_synced": result.symbols_synced,
        "rows_synced": result.rows_synced,
        "interrupted": interrupted,
        "series": series,
    })
}

fn series_json(outcome: &SeriesOutcome) -> Value {
    let mut value = output::key_json(&outcome.key);
    value["state"] = json!(outcome.state.as_str());
    value["rows_synced"] = json!(outcome.rows_synced);
    value["version"] = json!(outcome.version);
    value["candles_absent"] = json!(outcome.candles_absent);
    let absent = outcome.absent.iter();
    value["absent"] =
        absent.map(|span| json!({"start": format_utc(span.start), "end": format_utc(span.end)})).collect();
    value["error"] = json!(
        outcome
            .error
            .as_ref()
            .map(|error| { json!({"kind": error.kind.as_str(), "message": error.message}) })
    );
    value
}
