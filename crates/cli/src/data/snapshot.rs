//! `tradai data snapshot …`.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tradai_domain::{CandleKind, SeriesKey, Symbol, Timeframe, format_utc};
use tradai_timeseries::{CandleStore, Error, Metadata, SnapshotInfo, Snapshots};

use super::{DataError, output};

/// Metadata key of a snapshot's note.
const NOTE: &str = "note";

#[derive(Debug, Args)]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Subcommand)]
enum SnapshotCommand {
    /// Give the newest versions of some series, or of all, a name that keeps them from being pruned.
    Create(CreateArgs),
    /// List the snapshots.
    List,
    /// Say which version of which series a snapshot holds.
    Show(NameArgs),
    /// Delete a snapshot; what it held may then be pruned.
    Delete(NameArgs),
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// Name, read later with --as-of @NAME.
    name: String,
    /// Markets; all when left out.
    symbols: Vec<Symbol>,
    /// Only these candle lengths.
    #[arg(long, value_delimiter = ',')]
    timeframe: Vec<Timeframe>,
    /// Only this kind: spot, futures, mark or funding_rate.
    #[arg(long)]
    kind: Option<CandleKind>,
    /// What to remember about it.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// Name of the snapshot.
    name: String,
}

pub(super) fn run(args: &SnapshotArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    match &args.command {
        SnapshotCommand::Create(args) => create(args, store, as_json)?,
        SnapshotCommand::List => list(store, as_json)?,
        SnapshotCommand::Show(args) => show(args, store, as_json)?,
        SnapshotCommand::Delete(args) => delete(args, store, as_json)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn create(args: &CreateArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<()> {
    let takes_all = args.symbols.is_empty() && args.timeframe.is_empty() && args.kind.is_none();
    let keys = if takes_all { None } else { Some(chosen(args, store)?) };
    let metadata = args.note.as_ref().map(|note| Metadata::from_iter([(NOTE.to_owned(), json!(note))]));
    let snapshot = store.snapshot(&args.name, keys.as_deref(), metadata)?;
    if as_json {
        return output::print_json(&snapshot_json(&snapshot));
    }
    let (name, count) = (&snapshot.name, snapshot.symbols.len());
    output::print(&format!("snapshot {name} holds {count} series; read them with --as-of @{name}"))
}

/// Returns the stored series that the arguments name; each symbol must have one.
fn chosen(args: &CreateArgs, store: &CandleStore) -> anyhow::Result<Vec<SeriesKey>> {
    let mut keys: Vec<SeriesKey> = store.list()?.series.into_iter().map(|info| info.key).collect();
    keys.retain(|key| args.timeframe.is_empty() || args.timeframe.contains(&key.timeframe));
    keys.retain(|key| args.kind.is_none_or(|kind| key.kind == kind));
    let absent = args.symbols.iter().find(|symbol| !keys.iter().any(|key| key.symbol == **symbol));
    keys.retain(|key| args.symbols.is_empty() || args.symbols.contains(&key.symbol));
    if absent.is_some() || keys.is_empty() {
        let what = absent.map_or_else(|| "such candles".to_owned(), |symbol| format!("candles of {symbol}"));
        return Err(DataError::NothingChosen(what).into());
    }
    Ok(keys)
}

fn list(store: &CandleStore, as_json: bool) -> anyhow::Result<()> {
    let Snapshots { snapshots, damaged } = store.snapshots()?;
    for error in &damaged {
        eprintln!("damaged: {error}");
    }
    if as_json {
        let snapshots: Vec<Value> = snapshots.iter().map(snapshot_json).collect();
        let damaged: Vec<String> = damaged.iter().map(ToString::to_string).collect();
        return output::print_json(&json!({ "snapshots": snapshots, "damaged": damaged }));
    }
    if snapshots.is_empty() && damaged.is_empty() {
        return output::print("No snapshots yet; `tradai data snapshot create NAME` takes one.");
    }
    let rows: Vec<Vec<String>> = snapshots
        .iter()
        .map(|snapshot| {
            let series = snapshot.symbols.len().to_string();
            vec![snapshot.name.clone(), format_utc(snapshot.created), series, note(snapshot)]
        })
        .collect();
    output::print(&output::table(&["NAME", "CREATED", "SERIES", "NOTE"], &["SERIES"], &rows))
}

fn show(args: &NameArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<()> {
    let snapshots = store.snapshots()?.snapshots;
    let Some(snapshot) = snapshots.iter().find(|snapshot| snapshot.name == args.name) else {
        return Err(no_snapshot(&args.name, &snapshots).into());
    };
    if as_json {
        return output::print_json(&snapshot_json(snapshot));
    }
    let mut text = format!("snapshot {} of {}\n", snapshot.name, format_utc(snapshot.created));
    if !note(snapshot).is_empty() {
        text.push_str(&format!("{}\n", note(snapshot)));
    }
    let series = snapshot.symbols.iter();
    let rows: Vec<Vec<String>> =
        series.map(|(symbol, version)| vec![output::series_name(symbol), version.to_string()]).collect();
    text.push_str(&output::table(&["SERIES", "VERSION"], &["VERSION"], &rows));
    output::print(&text)
}

fn delete(args: &NameArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<()> {
    if !store.delete_snapshot(&args.name)? {
        return Err(no_snapshot(&args.name, &store.snapshots()?.snapshots).into());
    }
    if as_json {
        return output::print_json(&json!({ "name": args.name, "deleted": true }));
    }
    output::print(&format!("snapshot {} deleted; what it held may be pruned now", args.name))
}

fn no_snapshot(name: &str, snapshots: &[SnapshotInfo]) -> Error {
    let names = snapshots.iter().map(|snapshot| snapshot.name.clone()).collect();
    Error::NoSnapshot { name: name.to_owned(), names }
}

fn note(snapshot: &SnapshotInfo) -> String {
    snapshot.metadata.get(NOTE).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn snapshot_json(snapshot: &SnapshotInfo) -> Value {
    let series: Vec<Value> = snapshot
        .symbols
        .iter()
        .map(|(symbol, version)| {
            let mut value = output::store_symbol_json(symbol);
            value["version"] = json!(version);
            value
        })
        .collect();
    json!({
        "name": snapshot.name,
        "created": format_utc(snapshot.created),
        "series": series,
        "metadata": snapshot.metadata,
    })
}
