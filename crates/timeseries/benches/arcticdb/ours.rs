//! Our store, doing what the peer's script does: same candles, same warm-ups, same repetitions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tradai_domain::{CandleSeries, RandomIds, SeriesKey, SystemClock, TimeRange, Timeframe, parse_date_ms};
use tradai_timeseries::files::Profile;
use tradai_timeseries::{AppendRequest, AsOf, CandleStore, ReadRequest, read_parquet_candles};

use crate::measure::{Cost, Costs, mean, median, once};
use crate::peers::Measured;
use crate::place::{Place, bytes_below};

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

fn open(place: &Place) -> CandleStore {
    CandleStore::open_location(&place.location(), Arc::new(SystemClock), Arc::new(RandomIds)).unwrap()
}

/// Measures a store.
pub(crate) fn measure(candles: &Path, hours: &[PathBuf], place: &Place, profile: Profile) -> Measured {
    let candles = read_parquet_candles(candles, TimeRange::ALL).unwrap();
    let store = open(place).with_profile(profile);
    let mut costs = Costs::new();
    let bytes = whole_symbol(&store, &candles, place, &mut costs);
    appends(&store, &candles, place, &mut costs);
    batches(&store, hours, place, &mut costs);
    Measured { costs, bytes }
}

fn note(costs: &mut Costs, name: &str, cost: Cost) {
    costs.insert(name.to_owned(), cost);
}

/// Five years in one write, and parts of them; returns the bytes at rest.
fn whole_symbol(
    store: &CandleStore,
    candles: &CandleSeries,
    place: &Place,
    costs: &mut Costs,
) -> Option<u64> {
    // A new symbol each time: a write of what is there already would store nothing.
    let mut writes = (0..).map(|at| key(&format!("W{at}"), Timeframe::M1));
    note(costs, "write", median(1, 3, || write(store, &writes.next().unwrap(), candles)));
    let whole = key("W0", Timeframe::M1);
    note(costs, "read", median(1, 5, || read(store, &whole, TimeRange::ALL, AsOf::Latest, candles.len())));
    let mut kept = Vec::new();
    note(
        costs,
        "read_kept",
        median(0, 5, || kept.push(store.read(&whole, TimeRange::ALL, AsOf::Latest).unwrap())),
    );
    drop(kept);
    let (month, day) = (dates("2022-06-01", "2022-07-01"), dates("2022-06-15", "2022-06-16"));
    note(costs, "read_month", median(1, 15, || read(store, &whole, month, AsOf::Latest, 30 * DAY)));
    note(costs, "read_day", median(1, 31, || read(store, &whole, day, AsOf::Latest, DAY)));
    match place {
        Place::Directory(directory) => Some(bytes_below(&directory.join("ohlcv/sym/W0_USDT_1m"))),
        Place::Bucket { .. } => None,
    }
}

/// A year, day by day.
fn appends(store: &CandleStore, candles: &CandleSeries, place: &Place, costs: &mut Costs) {
    let appended = key("A", Timeframe::M1);
    append(store, &appended, &candles.slice(0..DAY));
    let days: Vec<CandleSeries> = (1..365).map(|at| candles.slice(at * DAY..(at + 1) * DAY)).collect();
    let each: Vec<Cost> = days.iter().map(|day| once(|| append(store, &appended, day))).collect();
    note(costs, "append_day_mean_s", mean(&each));
    note(costs, "append_day_first_30", mean(&each[..30]));
    note(costs, "append_day_last_30", mean(&each[each.len() - 30..]));
    let year = 365 * DAY;
    let read_all = |key: &SeriesKey| read(store, key, TimeRange::ALL, AsOf::Latest, year);
    note(costs, "read_after_365_appends", median(1, 5, || read_all(&appended)));
    let in_one = key("B", Timeframe::M1);
    write(store, &in_one, &candles.slice(0..year));
    note(costs, "read_same_rows_one_write", median(1, 5, || read_all(&in_one)));
    let oldest = || read(&open(place), &appended, TimeRange::ALL, AsOf::Version(1), DAY);
    note(costs, "as_of_oldest_new_handle", median(1, 5, oldest));
}

/// A year of hours of 200 markets: on both cores, or with many requests on their way.
fn batches(store: &CandleStore, hours: &[PathBuf], place: &Place, costs: &mut Costs) {
    let batch: Vec<(SeriesKey, CandleSeries)> = hours.iter().enumerate().map(hourly).collect();
    if let Place::Bucket { .. } = place {
        let request = |(key, candles): &(SeriesKey, CandleSeries)| AppendRequest {
            key: key.clone(),
            candles: candles.clone(),
            metadata: None,
        };
        let requests: Vec<AppendRequest> = batch.iter().map(request).collect();
        let write_all =
            || assert!(store.append_batch(&requests).iter().all(|done| done.as_ref().unwrap().changed));
        note(costs, "write_batch_200", median(0, 1, write_all));
        let request = |(key, _): &(SeriesKey, CandleSeries)| ReadRequest {
            key: key.clone(),
            range: TimeRange::ALL,
            as_of: AsOf::Latest,
        };
        let requests: Vec<ReadRequest> = batch.iter().map(request).collect();
        let read_all =
            || assert!(store.read_batch(&requests).iter().all(|read| read.as_ref().unwrap().is_some()));
        note(costs, "read_batch_200", median(1, 3, read_all));
        return;
    }
    let write_batch = || batch.par_iter().for_each(|(key, hours)| write(store, key, hours));
    note(costs, "write_batch_200", median(0, 1, write_batch));
    let read_one = |(key, hours): &(SeriesKey, CandleSeries)| {
        read(store, key, TimeRange::ALL, AsOf::Latest, hours.len())
    };
    note(costs, "read_batch_200", median(1, 3, || batch.par_iter().for_each(read_one)));
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
