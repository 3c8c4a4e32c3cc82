//! `tradai data prune`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_domain::Millis;
use tradai_engine::Progress;
use tradai_timeseries::{CandleStore, Pruned, Pruning, Retention};

use super::series::SomeSeriesArgs;
use super::{DataError, output};
use crate::context::Bar;

const HOUR: Millis = 3_600_000;
const MAX_VERSIONS: u64 = 1_000_000;
const MAX_DAYS: u64 = 36_500;
const MAX_GRACE_HOURS: u64 = 8_760;

/// Delete old versions of one series, or of all
///
/// A version is kept when one of the rules keeps it; the newest always is, and those that snapshots hold. What no
/// rule keeps is released at once, no longer to be read, and deleted by the first prune after the grace period,
/// when nobody can be reading it any more.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct PruneArgs {
    #[command(flatten)]
    series: SomeSeriesArgs,
    /// Keep so many of the newest versions of each series.
    #[arg(long, value_name = "N", value_parser = |text: &str| count(text, MAX_VERSIONS))]
    keep_versions: Option<u64>,
    /// Keep every version that was the newest at some time of the last so many days.
    #[arg(long, value_name = "DAYS", value_parser = |text: &str| count(text, MAX_DAYS))]
    keep_days: Option<u64>,
    /// Hours between releasing a version and deleting it.
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = |text: &str| count(text, MAX_GRACE_HOURS))]
    grace_hours: u64,
    /// Only say what would happen.
    #[arg(long)]
    dry_run: bool,
}

/// Parses how many; none would keep nothing, or leave readers no time.
fn count(text: &str, most: u64) -> Result<u64, String> {
    let parsed = text.parse().ok().filter(|count| (1..=most).contains(count));
    parsed.ok_or_else(|| format!("write a whole number from 1 to {most}"))
}

impl PruneArgs {
    fn retention(&self) -> Result<Retention, DataError> {
        if self.keep_versions.is_none() && self.keep_days.is_none() {
            let what = "say what to keep: --keep-versions N, --keep-days DAYS, or both";
            return Err(DataError::Flags(what.to_owned()));
        }
        let hours = |count: u64| Millis::try_from(count).unwrap_or(Millis::MAX).saturating_mul(HOUR);
        Ok(Retention {
            versions: self.keep_versions,
            millis: self.keep_days.map(|days| hours(days.saturating_mul(24))),
            grace: hours(self.grace_hours),
            dry_run: self.dry_run,
        })
    }
}

pub(super) fn run(args: &PruneArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let retention = args.retention()?;
    let key = args.series.key();
    if let Some(key) = &key
        && store.versions(key)?.is_empty()
    {
        return Err(DataError::NoSeries(key.clone()).into());
    }
    let bar = Bar::new("pruning");
    let keys = key.as_ref().map(std::slice::from_ref);
    let pruning = store.prune(keys, retention, &|done, total| bar.advance(done, total));
    bar.finish();
    let pruning = pruning?;
    if as_json {
        output::print_json(&pruning_json(&pruning, args.dry_run)?)?;
    } else {
        output::print(&text(&pruning.series, args))?;
        for (symbol, error) in &pruning.failed {
            eprintln!("not pruned: {}: {error}", output::series_name(symbol));
        }
    }
    let failure = pruning.failed.first();
    Ok(failure.map_or(ExitCode::SUCCESS, |(_, error)| ExitCode::from(error.kind().exit_code())))
}

fn text(series: &[Pruned], args: &PruneArgs) -> String {
    let sum = |of: fn(&Pruned) -> u64| series.iter().map(of).sum::<u64>();
    let mut text = table(series);
    let versions = output::counted(sum(|pruned| pruned.versions_deleted), "version");
    let files = output::counted(sum(|pruned| pruned.files_deleted), "file");
    let size = output::size(sum(|pruned| pruned.bytes_deleted));
    let done = if args.dry_run { "would be deleted" } else { "deleted" };
    text.push_str(&format!("{versions} and {files} ({size}) of {} series {done}\n", series.len()));
    let (versions, waiting_files) =
        (sum(|pruned| pruned.versions_waiting), sum(|pruned| pruned.files_waiting));
    if versions + waiting_files > 0 {
        let (versions, files) =
            (output::counted(versions, "version"), output::counted(waiting_files, "file"));
        let hours = args.grace_hours;
        text.push_str(&format!(
            "{versions} and {files} wait: the first prune in {hours} h or later deletes them\n"
        ));
        if waiting_files > 0 {
            text.push_str("files that interrupted writers left wait for their series' next version, too\n");
        }
    }
    text
}

/// Lists the series of which something is, or will be, deleted or held.
fn table(series: &[Pruned]) -> String {
    let header = ["SERIES", "RELEASED", "DELETED", "WAITING", "HELD", "FILES DELETED", "FILES WAITING"];
    let rows: Vec<Vec<String>> = series.iter().filter(|pruned| has_news(pruned)).map(row).collect();
    if rows.is_empty() { String::new() } else { output::table(&header, &header[1..], &rows) }
}

fn has_news(pruned: &Pruned) -> bool {
    let versions = pruned.versions_deleted + pruned.versions_waiting + pruned.versions_held;
    versions + pruned.files_deleted + pruned.files_waiting > 0
}

fn row(pruned: &Pruned) -> Vec<String> {
    let files = |count: u64, bytes: u64| match count {
        0 => "0".to_owned(),
        count => format!("{count} ({})", output::size(bytes)),
    };
    vec![
        output::series_name(&pruned.symbol),
        if pruned.released == 0 { "-".to_owned() } else { format!("up to {}", pruned.released) },
        pruned.versions_deleted.to_string(),
        pruned.versions_waiting.to_string(),
        pruned.versions_held.to_string(),
        files(pruned.files_deleted, pruned.bytes_deleted),
        files(pruned.files_waiting, pruned.bytes_waiting),
    ]
}

fn pruning_json(pruning: &Pruning, is_dry_run: bool) -> anyhow::Result<Value> {
    let mut series = Vec::new();
    for pruned in &pruning.series {
        let mut value = output::store_symbol_json(&pruned.symbol);
        if let (Value::Object(value), Value::Object(numbers)) = (&mut value, serde_json::to_value(pruned)?) {
            value.extend(numbers.into_iter().filter(|(name, _)| name != "symbol"));
        }
        series.push(value);
    }
    let failed: Vec<Value> = pruning
        .failed
        .iter()
        .map(|(symbol, error)| {
            let mut value = output::store_symbol_json(symbol);
            value["error"] = json!(error.to_string());
            value
        })
        .collect();
    Ok(json!({ "dry_run": is_dry_run, "series": series, "failed": failed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: PruneArgs,
    }

    fn pruned(symbol: &str) -> Pruned {
        Pruned { symbol: symbol.to_owned(), ..Pruned::default() }
    }

    #[test]
    fn what_was_deleted_and_what_waits() {
        let args = Cli::parse_from(["prune", "--keep-versions", "1", "--grace-hours", "2"]).args;
        let old = Pruned {
            released: 7,
            versions_deleted: 6,
            versions_waiting: 1,
            files_deleted: 3,
            bytes_deleted: 2_500,
            ..pruned("BTC_USDT_5m")
        };
        let text = text(&[old, pruned("ETH_USDT_5m")], &args);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        let cells: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(cells.join(" "), "BTC/USDT 5m spot up to 7 6 1 0 3 (2.5 kB) 0");
        assert_eq!(lines[2], "6 versions and 3 files (2.5 kB) of 2 series deleted");
        assert_eq!(lines[3], "1 version and 0 files wait: the first prune in 2 h or later deletes them");
    }

    #[test]
    fn days_and_hours_are_milliseconds() {
        let args = Cli::parse_from(["prune", "--keep-days", "2"]).args;
        let retention = args.retention().unwrap();
        assert_eq!((retention.versions, retention.millis), (None, Some(172_800_000)));
        assert_eq!(retention.grace, 86_400_000);
    }
}
