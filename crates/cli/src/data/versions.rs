//! `tradai data versions`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_domain::{SeriesKey, format_utc};
use tradai_timeseries::{CandleStore, Op, VersionInfo};

use super::series::SeriesArgs;
use super::{DataError, output};

#[derive(Debug, Args)]
pub(super) struct VersionsArgs {
    #[command(flatten)]
    series: SeriesArgs,
}

pub(super) fn run(args: &VersionsArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let versions = store.versions(&key)?;
    if versions.is_empty() {
        return Err(DataError::NoSeries(key).into());
    }
    let holders = holders(store, &key)?;
    let held_by = |version: &VersionInfo| holders.get(&version.version).cloned().unwrap_or_default();
    if as_json {
        let versions: Vec<Value> =
            versions.iter().map(|version| version_json(version, &held_by(version))).collect();
        let mut value = output::key_json(&key);
        value["versions"] = versions.into();
        output::print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = versions
        .iter()
        .map(|version| {
            vec![
                version.version.to_string(),
                format_utc(version.committed),
                version.op.map_or("-", op_name).to_owned(),
                version.rows.map_or_else(|| "-".to_owned(), |rows| rows.to_string()),
                held_by(version).join(", "),
            ]
        })
        .collect();
    let header = ["VERSION", "COMMITTED", "OP", "ROWS", "SNAPSHOTS"];
    output::print(&format!("{key}\n{}", output::table(&header, &["VERSION", "ROWS"], &rows)))?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the names of the snapshots that hold each version.
fn holders(store: &CandleStore, key: &SeriesKey) -> anyhow::Result<BTreeMap<u64, Vec<String>>> {
    let symbol = key.store_symbol();
    let mut holders: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for snapshot in store.snapshots()?.snapshots {
        if let Some(&version) = snapshot.symbols.get(&symbol) {
            holders.entry(version).or_default().push(snapshot.name);
        }
    }
    Ok(holders)
}

fn version_json(version: &VersionInfo, snapshots: &[String]) -> Value {
    json!({
        "version": version.version,
        "committed": format_utc(version.committed),
        "op": version.op,
        "rows": version.rows,
        "snapshots": snapshots,
    })
}

fn op_name(op: Op) -> &'static str {
    match op {
        Op::Write => "write",
        Op::Append => "append",
        Op::Upsert => "upsert",
        Op::ReplaceRange => "replace range",
        Op::Delete => "delete",
        Op::Restore => "restore",
    }
}
