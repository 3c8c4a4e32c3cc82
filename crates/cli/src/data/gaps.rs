//! `tradai data gaps`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_domain::{CandleKind, Millis, TimeRange, format_utc};
use tradai_timeseries::CandleStore;

use super::grid::Coverage;
use super::series::{AsOfArgs, SeriesArgs, info};
use super::{DataError, output};

/// List the stretches of time without candles
///
/// Between the first candle and the last, or in --range with what it has before and after them. START is the
/// open time of the first missing candle, END that of the next one that is there.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct GapsArgs {
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    version: AsOfArgs,
    /// In START-END, such as 20240101-20240201; the end is left out.
    #[arg(long, value_name = "START-END", value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
}

pub(super) fn run(args: &GapsArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    if key.kind == CandleKind::FundingRate {
        let what = format!("{key}: funding rates keep no grid, so that nothing is known to be missing");
        return Err(DataError::Flags(what).into());
    }
    let info = info(store, &key, &args.version.as_of())?;
    let coverage = Coverage::of(info, args.range.unwrap_or_default());
    if as_json {
        output::print_json(&json(&coverage))?;
    } else {
        output::print(&text(&coverage))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns start, end and missing candles of each gap.
fn gaps(coverage: &Coverage) -> impl Iterator<Item = (Millis, Millis, u64)> {
    let ends = coverage.missing.iter().filter_map(|part| part.start.zip(part.end));
    coverage.grid.into_iter().flat_map(move |grid| {
        ends.clone().map(move |(start, end)| (start, end, grid.count_in(TimeRange::new(start, end))))
    })
}

fn text(coverage: &Coverage) -> String {
    let key = &coverage.info.key;
    let Some((found, expected)) = coverage.share() else {
        return format!("{key}: there is nothing to cover in the range");
    };
    let rows: Vec<Vec<String>> = gaps(coverage)
        .map(|(start, end, missing)| vec![format_utc(start), format_utc(end), missing.to_string()])
        .collect();
    let summary = format!("{key}: gaps: {}; {found} of {expected} candles are there\n", rows.len());
    let table = output::table(&["START", "END", "MISSING"], &["MISSING"], &rows);
    if rows.is_empty() { summary } else { table + &summary }
}

fn json(coverage: &Coverage) -> Value {
    let mut value = output::key_json(&coverage.info.key);
    value["version"] = json!(coverage.info.version);
    value["missing"] = json!(coverage.missing_candles());
    value["gaps"] = gaps(coverage)
        .map(|(start, end, missing)| {
            json!({ "start": format_utc(start), "end": format_utc(end), "missing": missing })
        })
        .collect();
    value
}
