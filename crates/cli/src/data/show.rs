//! `tradai data show`.

use std::process::ExitCode;

use clap::Args;
use tradai_domain::{CandleSeries, TimeRange, Timeframe, format_utc};
use tradai_timeseries::CandleStore;

use super::output::{self, SYNTHETIC};
use super::resample::{self, Answer};
use super::series::{AsOfArgs, SeriesArgs};

/// Candles shown at each end when nothing else is asked for.
const DEFAULT_ROWS: usize = 5;

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    series: SeriesArgs,
    #[command(flatten)]
    version: AsOfArgs,
    /// Only candles that open in START-END, such as 20240101-20240201; the end is left out.
    #[arg(long, value_name = "START-END", value_parser = TimeRange::parse)]
    range: Option<TimeRange>,
    /// Make candles of this length from the stored ones, such as 1h from 5m.
    #[arg(long, value_name = "TIMEFRAME")]
    resample: Option<Timeframe>,
    /// The first N candles.
    #[arg(long, value_name = "N")]
    head: Option<usize>,
    /// The last N candles.
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
}

pub(super) fn run(args: &ShowArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let range = args.range.unwrap_or_default();
    let answer = resample::read(store, &key, range, &args.version.as_of(), args.resample)?;
    let Answer { info, read, resampling } = answer;
    let rows = read.series.len();
    let (head, tail) = ends(args, rows);
    if as_json {
        let mut value = output::info_json(&info);
        value["rows_in_range"] = rows.into();
        if let Some(resampling) = &resampling {
            value["resample"] = resampling.json();
        }
        let shown = if head + tail >= rows { read.series } else { both_ends(&read.series, head, tail) };
        value["candles"] = output::candles_json(&shown);
        output::print_json(&value)?;
        return Ok(ExitCode::SUCCESS);
    }
    let label = if info.synthetic { format!("  {SYNTHETIC}") } else { String::new() };
    let mut text = format!("{key}  version {}{label}\n", info.version);
    if let Some((first, last)) = info.span {
        let (first, last) = (format_utc(first), format_utc(last));
        text.push_str(&format!("{} candles, {first} to {last}, gaps: {}\n", info.rows, output::gaps(&info)));
    }
    if let Some(resampling) = &resampling {
        text.push_str(&resampling.text());
    } else if args.range.is_some() {
        text.push_str(&format!("{rows} of them in the range\n"));
    }
    text.push_str(&candle_table(&read.series, head, tail));
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns how many candles to show from the start and from the end.
fn ends(args: &ShowArgs, rows: usize) -> (usize, usize) {
    let (head, tail) = match (args.head, args.tail) {
        (None, None) => (DEFAULT_ROWS, DEFAULT_ROWS),
        (head, tail) => (head.unwrap_or(0), tail.unwrap_or(0)),
    };
    let head = head.min(rows);
    (head, tail.min(rows - head))
}

fn both_ends(series: &CandleSeries, head: usize, tail: usize) -> CandleSeries {
    let mut shown = series.slice(0..head);
    for row in series.len() - tail..series.len() {
        let ohlcv = [
            series.open()[row],
            series.high()[row],
            series.low()[row],
            series.close()[row],
            series.volume()[row],
        ];
        shown.push(series.open_time()[row], ohlcv);
    }
    shown
}

fn candle_table(series: &CandleSeries, head: usize, tail: usize) -> String {
    let skipped = series.len() - head - tail;
    let mut rows = Vec::new();
    for row in (0..head).chain(series.len() - tail..series.len()) {
        if row == head + skipped && skipped > 0 && head > 0 {
            rows.push(vec![format!("… {skipped} more")]);
        }
        let numbers = [
            series.open()[row],
            series.high()[row],
            series.low()[row],
            series.close()[row],
            series.volume()[row],
        ];
        let mut cells = vec![format_utc(series.open_time()[row])];
        cells.extend(numbers.map(|number| number.to_string()));
        rows.push(cells);
    }
    if skipped > 0 && tail == 0 {
        rows.push(vec![format!("… {skipped} more")]);
    }
    let header = ["OPEN TIME", "OPEN", "HIGH", "LOW", "CLOSE", "VOLUME"];
    output::table(&header, &header[1..], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_counted() {
        let mut series = CandleSeries::default();
        for at in 0..10 {
            series.push(at * 60_000, [1.0, 1.5, 0.5, 1.0, 2.0]);
        }
        let text = candle_table(&series, 2, 1);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[3], "… 7 more");
        assert!(lines[4].starts_with("1970-01-01 00:09:00"));
        assert_eq!(candle_table(&series, 10, 0).lines().count(), 11);
        assert!(candle_table(&series, 3, 0).ends_with("… 7 more\n"));
        assert_eq!(both_ends(&series, 2, 1).open_time(), &[0, 60_000, 540_000]);
    }
}
