//! Our store, doing what the peer's script does: same candles, same warm-ups, same repetitions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tradai_domain::{CandleSeries, RandomIds, SeriesKey, SystemClock, TimeRange, Timeframe, parse_date_ms};
use tradai_timeseries::{AsOf, CandleStore, read_parquet_candles};

use crate::measure::{Cost, Costs, median, once};
use crate::peers::{Measured, bytes_below};

/// Candles of a day of one-minute candles.
pub(crate) const DAY: usize = 1_440;

/// Returns the key of a made-up market.
pub(crate) fn key(base: &str, timeframe: Timeframe) -> SeriesKey {
    SeriesKey::traded(&format!("{base}/USDT").parse().unwrap(), timeframe)
}

/// Returns `[start, end)`, both dates.
pub(crate) fn dates(start: &str, end: &str) -> TimeRange {
    TimeRange::new(parse_date_ms(start).unwrap(), parse_date_ms(end).unwrap())
}

fn open(dir: &Path) -> CandleStore {
    CandleStore::open(dir, Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}

/// Measures a store in a directory, which syncs every change to the disk.
pub(crate) fn measure(candles: &Path, hours: &[PathBuf], dir: &Path) -> Measured {
    let candles = read_parquet_candles(candles, TimeRange::ALL).unwrap();
    let store = open(dir);
    let mut costs = Costs::new();
    let mut note = |name: &str, cost: Cost| costs.insert(name.to_owned(), cost);

    // A new symbol each time: a write of what is there already would store nothing.
    let mut writes = (0..).map(|at| key(&format!("W{at}"), Timeframe::M1));
    note("write", median(1, 3, || write(&store, &writes.next().unwrap(), &candles)));
    let bytes = bytes_below(&dir.join("ohlcv/sym/W0_USDT_1m"));
    let whole = key("W0", Timeframe::M1);
    note("read", median(1, 5, || read(&store, &whole, TimeRange::ALL, AsOf::Latest, candles.len())));
    let (month, day) = (dates("2022-06-01", "2022-07-01"), dates("2022-06-15", "2022-06-16"));
    note("read_month", median(1, 15, || read(&store, &whole, month, AsOf::Latest, 30 * DAY)));
    note("read_day", median(1, 31, || read(&store, &whole, day, AsOf::Latest, DAY)));

    let appended = key("A", Timeframe::M1);
    append(&store, &appended, &candles.slice(0..DAY));
    let days: Vec<CandleSeries> = (1..365).map(|at| candles.slice(at * DAY..(at + 1) * DAY)).collect();
    let all_days = once(|| days.iter().for_each(|day| append(&store, &appended, day)));
    let each = |seconds: f64| seconds / 364.0;
    note("append_day_mean_s", Cost { wall_s: each(all_days.wall_s), cpu_s: each(all_days.cpu_s) });
    let year = 365 * DAY;
    let read_all = |key: &SeriesKey| read(&store, key, TimeRange::ALL, AsOf::Latest, year);
    note("read_after_365_appends", median(1, 5, || read_all(&appended)));
    let in_one = key("B", Timeframe::M1);
    write(&store, &in_one, &candles.slice(0..year));
    note("read_same_rows_one_write", median(1, 5, || read_all(&in_one)));
    let oldest = || read(&open(dir), &appended, TimeRange::ALL, AsOf::Version(1), DAY);
    note("as_of_oldest_new_handle", median(1, 5, oldest));

    let batch: Vec<(SeriesKey, CandleSeries)> = hours.iter().enumerate().map(hourly).collect();
    let write_batch = || batch.par_iter().for_each(|(key, hours)| write(&store, key, hours));
    note("write_batch_200", median(0, 1, write_batch));
    let read_one = |(key, hours): &(SeriesKey, CandleSeries)| {
        read(&store, key, TimeRange::ALL, AsOf::Latest, hours.len())
    };
    note("read_batch_200", median(1, 3, || batch.par_iter().for_each(read_one)));
    Measured { costs, bytes }
}

fn hourly((at, file): (usize, &PathBuf)) -> (SeriesKey, CandleSeries) {
    (key(&format!("S{at}"), Timeframe::H1), read_parquet_candles(file, TimeRange::ALL).unwrap())
}

fn write(store: &CandleStore, key: &SeriesKey, candles: &CandleSeries) {
    assert!(store.write(key, candles, None).unwrap().changed);
}

fn append(store: &CandleStore, key: &SeriesKey, candles: &CandleSeries) {
    assert!(store.append(key, candles, None).unwrap().changed);
}

fn read(store: &CandleStore, key: &SeriesKey, range: TimeRange, as_of: AsOf, rows: usize) {
    assert_eq!(store.read(key, range, as_of).unwrap().unwrap().series.len(), rows);
}
