//! How much memory a read takes, counted by the allocator: at any moment, and added up.
//!
//! A target of its own: the counts are of everything that the process does meanwhile.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

use std::sync::Arc;

use tradai_domain::{CandleSeries, RandomIds, SeriesKey, SystemClock, TimeRange, Timeframe, parse_date_ms};
use tradai_timeseries::{AsOf, CandleStore, sample};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Bytes of a candle in memory: a time and five numbers.
const CANDLE: usize = 48;

fn dates(start: &str, end: &str) -> TimeRange {
    TimeRange::new(parse_date_ms(start).unwrap(), parse_date_ms(end).unwrap())
}

/// Bytes that were allocated at the same time at most, and altogether.
fn measure(read: impl FnOnce() -> CandleSeries) -> (CandleSeries, usize, usize) {
    let profiler = dhat::Profiler::builder().testing().build();
    let series = read();
    let stats = dhat::HeapStats::get();
    drop(profiler);
    (series, stats.max_bytes, usize::try_from(stats.total_bytes).unwrap())
}

#[test]
fn a_read_allocates_no_more_than_twice_its_result() {
    let dir = tempfile::tempdir().unwrap();
    let key = SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::M1);
    let open = || CandleStore::open(dir.path(), Arc::new(SystemClock), Arc::new(RandomIds)).unwrap();
    let (start, end) = (parse_date_ms("2019-01-01").unwrap(), parse_date_ms("2024-01-01").unwrap());
    open().write(&key, &sample::candles(7, &key, start, end), None).unwrap();

    let store = open();
    for (range, most) in [
        (dates("2021-01-01", "2022-01-01"), 2 * 525_600 * CANDLE),
        // Cut out of the middle of two files.
        (dates("2021-03-17", "2022-03-17"), 2 * 525_600 * CANDLE),
        (TimeRange::ALL, 2 * 2_629_440 * CANDLE),
    ] {
        let expected = sample::candles(7, &key, range.start.unwrap_or(start), range.end.unwrap_or(end));
        let (series, peak, total) =
            measure(|| store.read(&key, range, AsOf::Latest).unwrap().unwrap().series);
        assert_eq!(series, expected);
        let size = series.len() * CANDLE;
        let shown = format!("{size} bytes of candles: {peak} at a time at most, {total} in all");
        println!("{shown}");
        assert!(peak <= most && total <= most, "{shown}");
    }
}
