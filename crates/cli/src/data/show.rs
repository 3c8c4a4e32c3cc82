//! `tradai data show`.

use std::process::ExitCode;

use clap::Args;
use tradai_domain::{CandleSeries, SeriesKey, TimeRange, Timeframe, format_utc};
use tradai_timeseries::{AsOf, CandleStore, SeriesInfo};

use super::output::{self, SYNTHETIC};
use super::resample::{self, Answer, Resampling};
use super::series::{self, AsOfArgs, SeriesArgs};

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

/// What a command found.
struct Shown {
    info: SeriesInfo,
    /// Candles that there are.
    rows: usize,
    /// Those that are shown: so many from the start, then those from the end.
    candles: CandleSeries,
    head: usize,
    resampling: Option<Resampling>,
}

pub(super) fn run(args: &ShowArgs, store: &CandleStore, as_json: bool) -> anyhow::Result<ExitCode> {
    let key = args.series.key();
    let Shown { info, rows, candles, head, resampling } = find(args, &key, store)?;
    if as_json {
        let mut value = output::info_json(&info);
        value["rows_in_range"] = rows.into();
        if let Some(resampling) = &resampling {
            value["resample"] = resampling.json();
        }
        value["candles"] = output::candles_json(&candles);
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
    text.push_str(&candle_table(&candles, head, rows - candles.len()));
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// Reads what is shown: without a range no more than that.
fn find(args: &ShowArgs, key: &SeriesKey, store: &CandleStore) -> anyhow::Result<Shown> {
    let as_of = args.version.as_of();
    if args.range.is_none() && args.resample.is_none() {
        let info = series::info(store, key, &as_of)?;
        let rows = usize::try_from(info.rows)?;
        let (head, tail) = ends(args, rows);
        let version = || AsOf::Version(info.version);
        let absent = || series::absent(key, &as_of);
        let first = store.first_rows(key, head, version())?.ok_or_else(absent)?.series;
        let last = store.last_rows(key, tail, version())?.ok_or_else(absent)?.series;
        return Ok(Shown { rows, candles: joined(first, &last), head, resampling: None, info });
    }
    let answer = resample::read(store, key, args.range.unwrap_or_default(), &as_of, args.resample)?;
    let Answer { info, read, resampling } = answer;
    let rows = read.series.len();
    let (head, tail) = ends(args, rows);
    let candles = joined(read.series.slice(0..head), &read.series.slice(rows - tail..rows));
    Ok(Shown { info, rows, candles, head, resampling })
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

/// Puts candles behind others.
fn joined(mut first: CandleSeries, last: &CandleSeries) -> CandleSeries {
    for row in 0..last.len() {
        first.push(last.open_time()[row], ohlcv(last, row));
    }
    first
}

fn ohlcv(series: &CandleSeries, row: usize) -> [f64; 5] {
    [series.open()[row], series.high()[row], series.low()[row], series.close()[row], series.volume()[row]]
}

/// Lists candles, of which so many were left out after the first `head`.
fn candle_table(candles: &CandleSeries, head: usize, skipped: usize) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let more = || vec![format!("… {skipped} more")];
    for row in 0..candles.len() {
        if row == head && skipped > 0 && head > 0 {
            rows.push(more());
        }
        let mut cells = vec![format_utc(candles.open_time()[row])];
        cells.extend(ohlcv(candles, row).map(|number| number.to_string()));
        rows.push(cells);
    }
    if skipped > 0 && head == candles.len() {
        rows.push(more());
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
        let both_ends = |head: usize, tail: usize| {
            let shown = joined(series.slice(0..head), &series.slice(10 - tail..10));
            (candle_table(&shown, head, 10 - head - tail), shown)
        };
        let (text, shown) = both_ends(2, 1);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[3], "… 7 more");
        assert!(lines[4].starts_with("1970-01-01 00:09:00"));
        assert_eq!(shown.open_time(), &[0, 60_000, 540_000]);
        assert_eq!(both_ends(10, 0).0.lines().count(), 11);
        assert!(both_ends(3, 0).0.ends_with("… 7 more\n"));
        assert_eq!(both_ends(0, 3).0.lines().count(), 4);
    }
}
