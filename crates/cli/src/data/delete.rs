//! `tradai data delete`.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Args;
use tradai_domain::{SeriesKey, TimeRange};
use tradai_timeseries::{AsOf, CandleStore, Commit};

use super::series::{SeriesArgs, info};
use super::{DataError, output};

/// Delete a series, or the candles of a range
///
/// Earlier versions keep what is deleted until they are pruned: `tradai data restore` brings it back.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct DeleteArgs {
    #[command(flatten)]
    series: SeriesArgs,
    /// Only candles that open in START-END, such as 20240101-20240201; the end is left out.
    #[arg(long, value_name = "START-END", value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(args: &DeleteArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let before = info(store, &key, &AsOf::Latest)?;
    if !args.yes && !confirmed(&key, args.range)? {
        output::print("nothing was deleted")?;
        return Ok(ExitCode::SUCCESS);
    }
    let commit = match args.range {
        Some(range) => store.delete_range(&key, range)?,
        None => store.delete(&key)?,
    };
    let deleted = before.rows.saturating_sub(commit.rows);
    if as_json {
        let mut value = output::key_json(&key);
        value["deleted"] = deleted.into();
        value["rows"] = commit.rows.into();
        value["version"] = commit.version.into();
        value["changed"] = commit.changed.into();
        output::print_json(&value)?;
    } else {
        output::print(&text(args, &key, commit, deleted))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(args: &DeleteArgs, key: &SeriesKey, commit: Commit, deleted: u64) -> String {
    if !commit.changed {
        return format!("{key}: no candle opens in the range; nothing was deleted");
    }
    let left = if args.range.is_some() { format!(", {} are left", commit.rows) } else { String::new() };
    let version = commit.version;
    let before = version.saturating_sub(1);
    format!(
        "{key}: {deleted} candles deleted in version {version}{left}\nversion {before} keeps them until it is \
         pruned: `tradai data restore {} --version {before}`",
        series_arguments(key)
    )
}

/// Writes a series as the arguments that name it.
fn series_arguments(key: &SeriesKey) -> String {
    let is_traded = SeriesKey::traded(&key.symbol, key.timeframe) == *key;
    let kind = if is_traded { String::new() } else { format!(" --kind {}", key.kind) };
    format!("{} {}{kind}", key.symbol, key.timeframe)
}

/// Asks on the terminal.
fn confirmed(key: &SeriesKey, range: Option<TimeRange>) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        let what = "deleting asks first, and there is no terminal to ask on; give --yes";
        return Err(DataError::Flags(what.to_owned()).into());
    }
    let what = range.map_or_else(|| "all candles".to_owned(), |range| format!("the candles from {range}"));
    eprint!("Delete {what} of {key}? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
