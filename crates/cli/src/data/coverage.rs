//! `tradai data coverage`: how much of a stretch of time has candles. No candle is read for it.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};
use tradai_domain::{ErrorKind, Millis, TimeRange, format_utc};
use tradai_timeseries::{AsOf, CandleStore, Error, SeriesInfo};

use super::grid::{Coverage, Grid};
use super::output::{self, SYNTHETIC};
use super::series::{AsOfArgs, SomeSeriesArgs, info};
use crate::context::Context;

/// Cells of the bar that shows where candles are.
const BAR: u64 = 24;

/// Say how much of a series, or of all, is there
///
/// The bar spans the candles from the first to the last, or --range: a full block has every candle, a lower one
/// lacks some, a dot has none. Funding rates keep no grid, so that nothing is known to be missing.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CoverageArgs {
    #[command(flatten)]
    series: SomeSeriesArgs,
    #[command(flatten)]
    version: AsOfArgs,
    /// Of START-END, such as 20240101-20240201, instead of the time from the first candle to the last.
    #[arg(long, value_name = "START-END", value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
}

pub(super) fn run(args: &CoverageArgs, ctx: &Context) -> anyhow::Result<ExitCode> {
    let store = ctx.store()?;
    let (infos, damaged) = match args.series.key() {
        Some(key) => (vec![info(&store, &key, &args.version.as_of())?], Vec::new()),
        None => all(&store, &args.version.as_of())?,
    };
    let coverages: Vec<Coverage> =
        infos.into_iter().map(|info| Coverage::of(info, args.range.unwrap_or_default())).collect();
    if ctx.json {
        let series: Vec<Value> = coverages.iter().map(Coverage::json).collect();
        let damaged: Vec<String> = damaged.iter().map(ToString::to_string).collect();
        output::print_json(&json!({ "series": series, "damaged": damaged }))?;
    } else if coverages.is_empty() && damaged.is_empty() {
        output::print(&ctx.no_candles())?;
    } else {
        let header = ["SERIES", "FIRST", "LAST", "COVERED", "MISSING", "GAPS", "", "LABEL"];
        let rows: Vec<Vec<String>> = coverages.iter().map(Coverage::row).collect();
        output::print(&output::table(&header, &["COVERED", "MISSING", "GAPS"], &rows))?;
        for error in &damaged {
            eprintln!("damaged: {error}");
        }
    }
    let failed = !damaged.is_empty();
    Ok(if failed { ExitCode::from(ErrorKind::Data.exit_code()) } else { ExitCode::SUCCESS })
}

/// Returns a version of every series that has it, and what is damaged.
fn all(store: &CandleStore, as_of: &AsOf) -> anyhow::Result<(Vec<SeriesInfo>, Vec<Error>)> {
    let listing = store.list()?;
    if *as_of == AsOf::Latest {
        return Ok((listing.series, listing.damaged));
    }
    let mut infos = Vec::new();
    for listed in listing.series {
        match store.info(&listed.key, as_of.clone()) {
            // Others have it.
            Err(Error::NoVersion { .. }) => {}
            info => infos.extend(info?),
        }
    }
    Ok((infos, listing.damaged))
}

impl Coverage {
    fn row(&self) -> Vec<String> {
        let at = |at: Option<Millis>| at.map_or_else(|| "-".to_owned(), minute);
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            self.info.key.to_string(),
            at(self.info.span.map(|span| span.0)),
            at(self.info.span.map(|span| span.1)),
            or_dash(self.share().map(|(found, expected)| percent(found, expected))),
            or_dash(self.missing_candles().map(|missing| missing.to_string())),
            or_dash(self.grid.map(|_| self.missing.len().to_string())),
            self.grid.map(|grid| bar(grid, &self.missing)).unwrap_or_default(),
            if self.info.synthetic { SYNTHETIC.to_owned() } else { String::new() },
        ]
    }

    fn json(&self) -> Value {
        let mut value = output::key_json(&self.info.key);
        let range = self.grid.map(Grid::range);
        value["version"] = json!(self.info.version);
        value["synthetic"] = json!(self.info.synthetic);
        value["first"] = json!(self.info.span.map(|span| format_utc(span.0)));
        value["last"] = json!(self.info.span.map(|span| format_utc(span.1)));
        value["start"] = json!(range.and_then(|range| range.start).map(format_utc));
        value["end"] = json!(range.and_then(|range| range.end).map(format_utc));
        value["expected"] = json!(self.grid.map(|grid| grid.count));
        value["missing"] = json!(self.missing_candles());
        value["gaps"] = json!(self.grid.map(|_| self.missing.len()));
        #[expect(clippy::cast_precision_loss, reason = "candles are far fewer than 2^53")]
        let percent = self.share().map(|(found, expected)| found as f64 * 100.0 / expected as f64);
        value["percent"] = json!(percent);
        value
    }
}

/// Draws where candles are: of each cell, how many of its places have one.
fn bar(grid: Grid, missing: &[TimeRange]) -> String {
    let cells = BAR.min(grid.count);
    let mut text = String::new();
    for cell in 0..cells {
        let (first, end) = (cell * grid.count / cells, (cell + 1) * grid.count / cells);
        let (start, stop) = (grid.at(first), grid.at(end));
        let without = missing.iter().map(|part| {
            let (from, to) = part.start.zip(part.end).unwrap_or_default();
            grid.count_in(TimeRange::new(from.max(start), to.min(stop).max(from.max(start))))
        });
        let places = end - first;
        text.push(block(places - without.sum::<u64>().min(places), places));
    }
    text
}

/// Returns a block as high as the share of candles that are there; full only when all are.
fn block(found: u64, places: u64) -> char {
    const PARTS: [char; 7] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇'];
    match found {
        0 => '·',
        found if found == places => '█',
        found => PARTS.get(usize::try_from(found * 7 / places).unwrap_or(0)).copied().unwrap_or('▇'),
    }
}

/// Writes a share, rounded down: 100 % is all.
fn percent(found: u64, expected: u64) -> String {
    let hundredths = u128::from(found) * 10_000 / u128::from(expected);
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// Writes a moment without its seconds, which open times have none of.
fn minute(at: Millis) -> String {
    format_utc(at).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_candle_shows() {
        let grid = Grid::new(0, 10, 48_000);
        assert_eq!(bar(grid, &[]), "█".repeat(24));
        let text = bar(grid, &[TimeRange::new(0, 10), TimeRange::new(20_000, 45_000)]);
        assert_eq!(text, format!("▇·▆{}", "█".repeat(21)));
        let short = Grid::new(0, 10, 3);
        assert_eq!(bar(short, &[TimeRange::new(10, 20)]), "█·█");
    }

    #[test]
    fn only_all_is_all() {
        assert_eq!(percent(10_000, 10_000), "100.00 %");
        assert_eq!(percent(999_999, 1_000_000), "99.99 %");
        assert_eq!((block(1, 1_000_000), block(999_999, 1_000_000)), ('▁', '▇'));
    }
}
