//! `tradai data fsck`.

use std::process::ExitCode;

use serde_json::{Value, json};
use tradai_domain::ErrorKind;
use tradai_engine::Progress;
use tradai_timeseries::{CandleStore, Checkup, Finding, Severity};

use super::output;
use crate::context::Bar;

/// The library of candles; every other one keeps tables.
const CANDLES: &str = "ohlcv";

pub(super) fn run(store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let bar = Bar::new("checking");
    let checkup = store.fsck(&|done, total| bar.advance(done, total));
    bar.finish();
    let checkup = checkup?;
    if as_json {
        output::print_json(&checkup_json(&checkup)?)?;
    } else {
        output::print(&text(&checkup))?;
    }
    let is_damaged = checkup.worst() == Some(Severity::Damage);
    Ok(if is_damaged { ExitCode::from(ErrorKind::Data.exit_code()) } else { ExitCode::SUCCESS })
}

/// Writes the findings, the worst first, and what was looked at.
fn text(checkup: &Checkup) -> String {
    let mut findings: Vec<&Finding> = checkup.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut text = String::new();
    for finding in findings {
        let (what, severity) = (name(finding), severity_name(finding.severity));
        text.push_str(&format!("{severity:<8}{what}{} {}\n", finding.object, finding.problem));
        text.push_str(&format!("{:<8}{}\n", "", finding.advice));
    }
    let size = output::size(checkup.bytes);
    let Checkup { symbols, versions, files, .. } = checkup;
    text.push_str(&format!(
        "checked {symbols} series, {versions} versions and {files} data files ({size}): "
    ));
    text.push_str(&verdict(checkup));
    if checkup.unreferenced_files > 0 {
        let files = output::counted(checkup.unreferenced_files, "file");
        let size = output::size(checkup.unreferenced_bytes);
        text.push_str(&format!(
            "{files} ({size}) that no version names; `tradai data prune` deletes what is old enough{}\n",
            in_tables(checkup.unreferenced_in_tables)
        ));
    }
    text
}

/// Says how many of the files this program does not prune.
fn in_tables(files: u64) -> String {
    if files == 0 { String::new() } else { format!(", but for {files} of tables") }
}

/// Writes the series in front of an object, if the object belongs to one; of tables, what the library calls it.
fn name(finding: &Finding) -> String {
    let of = |symbol: &String| match finding.library.as_str() {
        CANDLES => format!("{}: ", output::series_name(symbol)),
        library => format!("{library} {symbol}: "),
    };
    finding.symbol.as_ref().map_or_else(String::new, of)
}

fn verdict(checkup: &Checkup) -> String {
    let of = |severity| checkup.findings.iter().filter(move |finding| finding.severity == severity);
    let count = |severity| u64::try_from(of(severity).count()).unwrap_or(u64::MAX);
    match (count(Severity::Damage), count(Severity::Warning), count(Severity::Note)) {
        (0, 0, 0) => "all intact\n".to_owned(),
        (damage, warnings, notes) => {
            let (warnings, notes) = (output::counted(warnings, "warning"), output::counted(notes, "note"));
            format!("{damage} damaged, {warnings}, {notes}\n")
        }
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Damage => "damage",
    }
}

fn checkup_json(checkup: &Checkup) -> anyhow::Result<Value> {
    let mut value = serde_json::to_value(checkup)?;
    value["worst"] = json!(checkup.worst());
    let findings = checkup.findings.iter().map(|finding| {
        let mut value = match (finding.symbol.as_deref(), finding.library.as_str()) {
            (None, _) => json!({}),
            (Some(symbol), CANDLES) => output::store_symbol_json(symbol),
            (Some(symbol), _) => json!({ "table": symbol }),
        };
        value["library"] = json!(finding.library);
        value["severity"] = json!(finding.severity);
        value["object"] = json!(finding.object);
        value["problem"] = json!(finding.problem);
        value["advice"] = json!(finding.advice);
        value
    });
    value["findings"] = findings.collect();
    Ok(value)
}
