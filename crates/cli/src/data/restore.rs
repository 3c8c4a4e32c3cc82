//! `tradai data restore`.

use std::process::ExitCode;

use clap::Args;
use tradai_domain::SeriesKey;
use tradai_timeseries::{CandleStore, Commit, Error};

use super::series::SeriesArgs;
use super::{DataError, output};

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    series: SeriesArgs,
    /// The version to make the newest again; `tradai data versions` lists them.
    #[arg(long, value_name = "N")]
    version: u64,
}

pub(super) fn run(args: &RestoreArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let commit = restore(store, &key, args.version)?;
    if as_json {
        let mut value = output::key_json(&key);
        value["restored"] = args.version.into();
        value["version"] = commit.version.into();
        value["changed"] = commit.changed.into();
        value["rows"] = commit.rows.into();
        output::print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (old, new, rows) = (args.version, commit.version, commit.rows);
    output::print(&if commit.changed {
        format!("{key}: version {new} is version {old} again, {rows} candles")
    } else {
        format!("{key}: version {new}, the newest, holds just what version {old} holds; nothing was changed")
    })?;
    Ok(ExitCode::SUCCESS)
}

fn restore(store: &CandleStore, key: &SeriesKey, version: u64) -> anyhow::Result<Commit> {
    match store.restore(key, version) {
        Err(Error::NoSeries { .. }) if store.versions(key)?.is_empty() => {
            Err(DataError::NoSeries(key.clone()).into())
        }
        Err(Error::NoSeries { .. }) => {
            let what = format!("version {version} of {key} is its deletion; restore one before it");
            Err(DataError::Flags(what).into())
        }
        outcome => Ok(outcome?),
    }
}
