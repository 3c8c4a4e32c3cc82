//! `tradai data export`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tradai_domain::TimeRange;
use tradai_timeseries::CandleStore;
use tradai_timeseries::files::{FileFormat, write_candles};

use super::output::{self, SYNTHETIC};
use super::{DataError, SeriesArgs};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    series: SeriesArgs,
    /// File to write; its ending says the format: .parquet, .feather, .csv, .json, .csv.gz or .json.gz.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Only candles that open in START-END, such as 20240101-20240201; the end is left out.
    #[arg(long, value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
}

pub(super) fn run(args: &ExportArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let read = store
        .read(&key, args.range.unwrap_or_default(), args.series.as_of())?
        .ok_or_else(|| DataError::NoSeries(key.clone()))?;
    write_candles(&args.to, &read.series, read.synthetic)?;
    let rows = read.series.len();
    let keeps_label = matches!(FileFormat::of(&args.to), Some(FileFormat::Parquet | FileFormat::Feather));
    if read.synthetic && !keeps_label {
        eprintln!("warning: these candles are {SYNTHETIC}, which {} has no place to say", args.to.display());
    }
    if as_json {
        let mut value = output::key_json(&key);
        value["version"] = read.version.into();
        value["data_hash"] = read.data_hash.into();
        value["synthetic"] = read.synthetic.into();
        value["rows"] = rows.into();
        value["file"] = args.to.display().to_string().into();
        output::print_json(&value)?;
    } else {
        let label = if read.synthetic { format!(" {SYNTHETIC}") } else { String::new() };
        output::print(&format!("{rows}{label} candles of {key} written to {}\n", args.to.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
