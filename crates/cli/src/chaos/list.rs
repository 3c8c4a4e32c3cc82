//! `tradai chaos list`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::output::{print, print_json};

/// The table, which a test compares with the source tree.
const FAULTS: &str = include_str!("faults.yaml");

/// List faults, what the platform does about each, and the tests that show it
///
/// Tests are named by file and function in the source tree: `cargo nextest run -E 'test(fault_x01)'` runs those of a
/// row there. A row that waits for a part of the platform says for which.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Rows to show, such as X01; all when left out.
    #[arg(value_name = "ROW")]
    rows: Vec<String>,
}

/// One row.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    id: String,
    fault: String,
    shown: String,
    /// Functions by file.
    #[serde(default)]
    tests: BTreeMap<String, Vec<String>>,
    waits: Option<String>,
}

pub(super) fn run(args: &ListArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let mut faults: Vec<Fault> = serde_saphyr::from_str(FAULTS)?;
    for row in &args.rows {
        if !faults.iter().any(|fault| fault.id.eq_ignore_ascii_case(row)) {
            bail!("{row}: there is no such row; `tradai chaos list` shows all");
        }
    }
    faults.retain(|fault| {
        args.rows.is_empty() || args.rows.iter().any(|row| fault.id.eq_ignore_ascii_case(row))
    });
    if ctx.json {
        print_json(&faults.iter().map(Fault::json).collect::<Vec<_>>())?;
    } else {
        let blocks: Vec<String> = faults.iter().map(Fault::text).collect();
        print(&format!("{}\n\n{}", blocks.join("\n\n"), summary(&faults)))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Fault {
    /// `tested`, `partly` tested, or `waits`.
    fn status(&self) -> &'static str {
        match (self.tests.is_empty(), &self.waits) {
            (true, _) => "waits",
            (false, Some(_)) => "partly",
            (false, None) => "tested",
        }
    }

    fn json(&self) -> Value {
        let tests = self.tests.iter().flat_map(|(file, names)| names.iter().map(move |name| (file, name)));
        let tests: Vec<Value> = tests.map(|(file, name)| json!({"name": name, "file": file})).collect();
        json!({
            "id": self.id,
            "status": self.status(),
            "fault": self.fault,
            "shown": self.shown,
            "tests": tests,
            "waits_for": self.waits,
        })
    }

    fn text(&self) -> String {
        let verb = if self.tests.is_empty() { "to do" } else { "shown" };
        let mut lines = vec![
            format!("{}  {:<6}  {}", self.id, self.status(), self.fault),
            format!("     {verb}: {}", self.shown),
        ];
        lines.extend(self.waits.iter().map(|waits| format!("     waits for: {waits}")));
        for (file, names) in &self.tests {
            lines.extend(names.iter().map(|name| format!("     {file}  {name}")));
        }
        lines.join("\n")
    }
}

fn summary(faults: &[Fault]) -> String {
    let count = |status| faults.iter().filter(|fault| fault.status() == status).count();
    format!("{} tested, {} partly, {} wait", count("tested"), count("partly"), count("waits"))
}
