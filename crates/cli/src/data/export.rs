//! `tradai data export`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tradai_domain::{TimeRange, Timeframe};
use tradai_timeseries::CandleStore;
use tradai_timeseries::files::{FileFormat, write_candles};

use super::output::{self, SYNTHETIC};
use super::resample::{self, Answer, Resampling};
use super::series::{AsOfArgs, SeriesArgs};

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    version: AsOfArgs,
    /// File to write; its ending says the format: .parquet, .feather, .csv, .json, .csv.gz or .json.gz.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Only candles that open in START-END, such as 20240101-20240201; the end is left out.
    #[arg(long, value_name = "START-END", value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
    /// Make candles of this length from the stored ones, such as 1h from 5m.
    #[arg(long, value_name = "TIMEFRAME")]
    resample: Option<Timeframe>,
}

pub(super) fn run(args: &ExportArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let range = args.range.unwrap_or_default();
    let answer = resample::read(store, &key, range, &args.version.as_of(), args.resample)?;
    let Answer { read, resampling, .. } = &answer;
    write_candles(&args.to, &read.series, read.synthetic)?;
    let rows = read.series.len();
    let keeps_label = matches!(FileFormat::of(&args.to), Some(FileFormat::Parquet | FileFormat::Feather));
    if read.synthetic && !keeps_label {
        eprintln!("warning: these candles are {SYNTHETIC}, which {} has no place to say", args.to.display());
    }
    if as_json {
        let mut value = output::key_json(&key);
        value["version"] = read.version.into();
        value["data_hash"] = read.data_hash.clone().into();
        value["synthetic"] = read.synthetic.into();
        value["rows"] = rows.into();
        value["file"] = args.to.display().to_string().into();
        if let Some(resampling) = resampling {
            value["resample"] = resampling.json();
        }
        output::print_json(&value)?;
    } else {
        let label = if read.synthetic { format!(" {SYNTHETIC}") } else { String::new() };
        let notes = resampling.as_ref().map(Resampling::text).unwrap_or_default();
        let (key, file) = (answer.key(), args.to.display());
        output::print(&format!("{notes}{rows}{label} candles of {key} written to {file}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
