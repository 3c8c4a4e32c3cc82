//! `tradai data gaps`.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_control_plane::data::spans;
use tradai_domain::ports::Span;
use tradai_domain::{CandleKind, TimeRange, format_utc};
use tradai_timeseries::CandleStore;
use tradai_timeseries::port::notes_of;

use super::grid::Coverage;
use super::series::{AsOfArgs, SeriesArgs, info};
use super::{DataError, output};

/// List the stretches of time without candles
///
/// Between the first candle and the last, or in --range with what it has before and after them. START is the
/// open time of the first missing candle, END that of the next one that is there. Of collected candles it is told
/// where the exchange itself has none.
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

/// A stretch of time without candles.
struct Gap {
    span: Span,
    missing: u64,
    /// Whether the exchange was asked and has none in all of it.
    is_absent: bool,
}

fn gaps(coverage: &Coverage) -> Vec<Gap> {
    let Some(grid) = coverage.grid else { return Vec::new() };
    let notes = notes_of(&coverage.info.metadata);
    let absent = spans::set_of(notes.absent.iter().map(|absence| absence.span).collect());
    let ends = coverage.missing.iter().filter_map(|part| part.start.zip(part.end));
    ends.map(|(start, end)| {
        let span = Span::new(start, end);
        let is_absent = spans::subtract(&[span], &absent).is_empty();
        Gap { span, missing: grid.count_in(TimeRange::new(start, end)), is_absent }
    })
    .collect()
}

fn text(coverage: &Coverage) -> String {
    let key = &coverage.info.key;
    let Some((found, expected)) = coverage.share() else {
        return format!("{key}: there is nothing to cover in the range");
    };
    let gaps = gaps(coverage);
    let row = |gap: &Gap| {
        let reason = if gap.is_absent { "the exchange has none" } else { "" };
        let Span { start, end } = gap.span;
        vec![format_utc(start), format_utc(end), gap.missing.to_string(), reason.to_owned()]
    };
    let rows: Vec<Vec<String>> = gaps.iter().map(row).collect();
    let summary = format!("{key}: gaps: {}; {found} of {expected} candles are there\n", rows.len());
    let table = output::table(&["START", "END", "MISSING", "BECAUSE"], &["MISSING"], &rows);
    if rows.is_empty() { summary } else { table + &summary }
}

fn json(coverage: &Coverage) -> Value {
    let mut value = output::key_json(&coverage.info.key);
    value["version"] = json!(coverage.info.version);
    value["missing"] = json!(coverage.missing_candles());
    value["gaps"] = gaps(coverage)
        .iter()
        .map(|gap| {
            json!({
                "start": format_utc(gap.span.start),
                "end": format_utc(gap.span.end),
                "missing": gap.missing,
                "absent_at_exchange": gap.is_absent,
            })
        })
        .collect();
    value
}
