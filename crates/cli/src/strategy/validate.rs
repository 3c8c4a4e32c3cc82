//! `tradai strategy validate`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_strategy::declarative::Fault;
use tradai_strategy::{DeclarativeStrategy, Strategy, StrategyFile};

use crate::context::Context;

/// Exit code when a file has faults.
const FAULTS: u8 = 2;

/// Arguments of `tradai strategy validate`.
#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// Strategy files.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What became of one file.
struct Checked {
    file: PathBuf,
    /// Name of the strategy, when the file is good.
    name: Option<String>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    /// Why the file could not be read.
    unreadable: Option<String>,
    note: Option<String>,
}

pub(super) fn run(args: &ValidateArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let checked: Vec<Checked> = args.files.iter().map(|file| check(file)).collect();
    if ctx.json {
        let files: Vec<Value> = checked.iter().map(to_json).collect();
        super::print(&format!("{:#}", json!({"valid": checked.iter().all(is_good), "files": files})))?;
    } else {
        let lines: Vec<String> = checked.iter().flat_map(lines).collect();
        super::print(&lines.join("\n"))?;
    }
    Ok(ExitCode::from(if checked.iter().all(is_good) { 0 } else { FAULTS }))
}

/// Settings that a run needs and the file leaves to a configuration.
fn missing_settings(strategy: &DeclarativeStrategy) -> Option<String> {
    let settings = strategy.settings();
    let missing: Vec<&str> =
        ["timeframe", "stoploss"].into_iter().filter(|key| !settings.contains_key(*key)).collect();
    (!missing.is_empty())
        .then(|| format!("a run also needs {}, from `settings` or --config", missing.join(", ")))
}

fn is_good(checked: &Checked) -> bool {
    checked.name.is_some()
}

fn check(file: &Path) -> Checked {
    let empty = Checked {
        file: file.to_owned(),
        name: None,
        faults: Vec::new(),
        warnings: Vec::new(),
        unreadable: None,
        note: None,
    };
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return Checked { unreadable: Some(error.to_string()), ..empty },
    };
    // A file without `signals` describes a strategy that lives elsewhere; there are no rules to check.
    if let Ok(parsed) = StrategyFile::parse(&text, file)
        && !parsed.is_declarative()
        && parsed.strategy.entry_point != "declarative"
    {
        let note = format!("its rules live in {}", parsed.strategy.entry_point);
        return Checked { name: Some(parsed.strategy.name), note: Some(note), ..empty };
    }
    match DeclarativeStrategy::from_yaml(&text, file) {
        Ok(strategy) => Checked {
            name: Some(strategy.name().to_owned()),
            warnings: strategy.warnings().to_vec(),
            note: missing_settings(&strategy),
            ..empty
        },
        Err(error) => Checked { faults: error.faults, ..empty },
    }
}

fn to_json(checked: &Checked) -> Value {
    json!({
        "file": checked.file,
        "valid": is_good(checked),
        "name": checked.name,
        "faults": checked.faults,
        "warnings": checked.warnings,
        "unreadable": checked.unreadable,
        "note": checked.note,
    })
}

fn lines(checked: &Checked) -> Vec<String> {
    let file = checked.file.display();
    let mut lines = Vec::new();
    lines.extend(checked.unreadable.iter().map(|why| format!("{file}: cannot be read: {why}")));
    lines.extend(checked.faults.iter().map(|fault| fault.render(&checked.file)));
    lines.extend(checked.warnings.iter().map(|w| format!("warning: {}", w.render(&checked.file))));
    if let Some(name) = &checked.name {
        let note = checked.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        lines.push(format!("{file}: {name} is valid{note}"));
    }
    lines
}
