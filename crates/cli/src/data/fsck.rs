//! `tradai data fsck`.

use std::process::ExitCode;

use serde_json::{Value, json};
use tradai_domain::ErrorKind;
use tradai_engine::Progress;
use tradai_timeseries::{CandleStore, Checkup, Finding, Severity};

use super::output;
use crate::context::Bar;

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
            "{files} ({size}) that no version names; `tradai data prune` deletes what is old enough\n"
        ));
    }
    text
}

/// Writes the series in front of an object, if the object belongs to one.
fn name(finding: &Finding) -> String {
    finding.symbol.as_ref().map_or_else(String::new, |symbol| format!("{}: ", output::series_name(symbol)))
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
        let mut value = finding.symbol.as_deref().map_or_else(|| json!({}), output::store_symbol_json);
        value["severity"] = json!(finding.severity);
        value["object"] = json!(finding.object);
        value["problem"] = json!(finding.problem);
        value["advice"] = json!(finding.advice);
        value
    });
    value["findings"] = findings.collect();
    Ok(value)
}
