//! Resampled candles against the exchange's own, and what must hold for any candles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::prelude::*;
use tradai_domain::{CandleKind, CandleSeries, ErrorKind, SeriesKey, TimeRange, Timeframe, format_utc};
use tradai_timeseries::{
    ResampleError, parse_file_name, read_parquet_candles, resample, resample_until, sample,
};

use crate::support::{HOUR, JUNE, key};

const MINUTE: i64 = 60_000;

/// Returns the folder of real candles, or nothing, said once per test in one line.
fn market() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let shared = PathBuf::from(std::env::var("TRADAI_SHARED").unwrap_or_else(|_| default.to_owned()));
    let path = shared.join("data/market");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no real candles at {} (set TRADAI_SHARED)", path.display());
    None
}

fn ohlcv(series: &CandleSeries, row: usize) -> [f64; 5] {
    [series.open()[row], series.high()[row], series.low()[row], series.close()[row], series.volume()[row]]
}

/// What a comparison found.
#[derive(Debug, PartialEq, Default)]
struct Comparison {
    /// Candles that both have.
    compared: usize,
    /// Those of them made of fewer source candles than their period has.
    incomplete: usize,
    /// Open times of those where a bit of a price or a volume differs.
    different: Vec<String>,
}

/// Resamples one file and compares it with another one where they overlap.
fn compare(dir: &std::path::Path, short: &str, long: &str) -> Comparison {
    let read = |name: &str| {
        let path = dir.join(format!("{name}.parquet"));
        (read_parquet_candles(&path, TimeRange::ALL).unwrap(), parse_file_name(name).unwrap().1)
    };
    let ((source, from), (theirs, to)) = (read(short), read(long));
    let ours = resample(&source, &from, to.timeframe).unwrap();
    let mut comparison = Comparison::default();
    for (row, at) in ours.series.open_time().iter().enumerate() {
        let Ok(other) = theirs.open_time().binary_search(at) else { continue };
        comparison.compared += 1;
        comparison.incomplete += usize::from(ours.incomplete.iter().any(|hole| hole.open_time == *at));
        if ohlcv(&ours.series, row) != ohlcv(&theirs, other) {
            comparison.different.push(format_utc(*at)[..13].to_owned());
        }
    }
    let span = ours.series.open_time().first().zip(ours.series.open_time().last()).unwrap();
    let theirs_only = theirs.open_time().iter().filter(|at| (span.0..=span.1).contains(at)).count();
    assert_eq!(theirs_only, comparison.compared, "{short}: the exchange has candles that are not made");
    comparison
}

/// Every bit of every price and volume, save in the hours in which the exchange's own candles disagree.
#[test]
fn the_exchanges_own_candles() {
    // Candles of spot5m_2021 in these hours hold up to 8 % less volume than the hourly ones of the same
    // download, for all six markets alike; the prices agree.
    let spot_2021: &[&str] = &["2021-04-22 02", "2021-04-23 01", "2021-04-23 02"];
    // Futures: in 2024-03 the hours hold less volume than their quarters, in 2025-01 more. On 2024-10-28 the
    // quarters of one hour are flat with volume 0 and the next hour's begin where the hour itself ends; on
    // 2025-01-14 15:00 the quarters miss a low. Nothing made of those quarters can be those hours.
    let futures: &[&str] = &[
        "2024-03-27 12",
        "2024-03-28 10",
        "2024-03-28 11",
        "2024-03-28 12",
        "2024-10-28 20",
        "2024-10-28 21",
        "2025-01-14 13",
        "2025-01-14 15",
        "2025-01-29 01",
        "2025-01-29 02",
    ];
    let without = |hour: &str| futures.iter().copied().filter(|&at| at != hour).collect::<Vec<_>>();
    let eth = without("2024-03-28 10");
    let sol = without("2024-03-28 12");
    let Some(dir) = market() else { return };
    let cases: &[(&str, &str, usize, usize, &[&str])] = &[
        ("spot1m_2025__BTC_USDT-1m", "spot1m_2025__BTC_USDT-5m", 26_141, 0, &[]),
        ("spot1m_2025__ETH_USDT-1m", "spot1m_2025__ETH_USDT-5m", 26_141, 0, &[]),
        ("spot1m_2025__BTC_USDT-1m", "spot5m_2024_25__BTC_USDT-5m", 12_454, 0, &[]),
        ("spot5m_2021__ADA_USDT-5m", "spot5m_2021__ADA_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2021__BTC_USDT-5m", "spot5m_2021__BTC_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2021__ETH_USDT-5m", "spot5m_2021__ETH_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2021__LINK_USDT-5m", "spot5m_2021__LINK_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2021__LTC_USDT-5m", "spot5m_2021__LTC_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2021__XRP_USDT-5m", "spot5m_2021__XRP_USDT-1h", 5_482, 6, spot_2021),
        ("spot5m_2022_23__BTC_USDT-5m", "spot1h_2017_24__BTC_USDT-1h", 9_503, 1, &[]),
        ("spot5m_2024_25__BTC_USDT-5m", "spot1h_2017_24__BTC_USDT-1h", 1_239, 0, &[]),
        (
            "fut15m_2024_26__BTC_USDT_USDT-15m-futures",
            "fut15m_2024_26__BTC_USDT_USDT-1h-futures",
            20_339,
            0,
            futures,
        ),
        (
            "fut15m_2024_26__ETH_USDT_USDT-15m-futures",
            "fut15m_2024_26__ETH_USDT_USDT-1h-futures",
            20_339,
            0,
            &eth,
        ),
        (
            "fut15m_2024_26__SOL_USDT_USDT-15m-futures",
            "fut15m_2024_26__SOL_USDT_USDT-1h-futures",
            20_339,
            0,
            &sol,
        ),
    ];
    for &(short, long, compared, incomplete, different) in cases {
        let different = different.iter().map(|&at| at.to_owned()).collect();
        let expected = Comparison { compared, incomplete, different };
        assert_eq!(compare(&dir, short, long), expected, "{short}");
    }
}

/// The same with made-up candles, whose timeframes are all built from the same minutes.
#[test]
fn sample_candles_of_other_timeframes() {
    let perpetual = |timeframe, kind| SeriesKey { symbol: "ETH/USDT:USDT".parse().unwrap(), timeframe, kind };
    for kind in [CandleKind::Futures, CandleKind::Mark] {
        for (from, to, end) in [
            (Timeframe::M1, Timeframe::M5, JUNE + 24 * HOUR),
            (Timeframe::M1, Timeframe::M15, JUNE + 24 * HOUR),
            (Timeframe::M5, Timeframe::H1, JUNE + 5 * 24 * HOUR),
            (Timeframe::H4, Timeframe::D1, JUNE + 60 * 24 * HOUR),
            // 2024-06-01 was a Saturday; the sample's first week has two days.
            (Timeframe::D1, Timeframe::W1, JUNE + 60 * 24 * HOUR),
        ] {
            let source = sample::candles(1, &perpetual(from, kind), JUNE, end);
            let ours = resample(&source, &perpetual(from, kind), to).unwrap();
            let theirs = sample::candles(1, &perpetual(to, kind), ours.series.open_time()[0], end);
            let first = ours.incomplete.len();
            let same = ours.series.slice(first..ours.series.len());
            assert_eq!(first, usize::from(to == Timeframe::W1), "{from} {to}");
            assert_eq!(same, theirs.slice(first..first + same.len()), "{from} {to} {kind}");
            assert_eq!(ours.unfinished.is_some(), to == Timeframe::W1 && theirs.len() > ours.series.len());
        }
    }
}

#[test]
fn an_unfinished_period_has_no_candle() {
    let minutes = |rows: std::ops::Range<i64>| crate::support::candles(JUNE, MINUTE, rows, 0.0);
    let hours = |rows| resample(&minutes(rows), &key(Timeframe::M1), Timeframe::H1).unwrap();
    let whole = hours(0..120);
    assert_eq!((whole.series.len(), whole.unfinished), (2, None));
    let short = hours(0..119);
    assert_eq!((short.series.len(), short.unfinished), (1, Some(JUNE + HOUR)));
    assert_eq!(short.series, whole.series.slice(0..1));
    // A first hour that begins late is there, and told of.
    let late = hours(50..120);
    let hole = late.incomplete[0];
    assert_eq!((hole.open_time, hole.found, hole.expected), (JUNE, 10, 60));
    assert_eq!(late.series.open_time(), whole.series.open_time());
    // Nothing was traded in the last minutes of an hour that is known to be over.
    let over = resample_until(&minutes(0..110), &key(Timeframe::M1), Timeframe::H1, JUNE + 2 * HOUR).unwrap();
    assert_eq!((over.series.len(), over.unfinished, over.incomplete.len()), (2, None, 1));
    assert_eq!(hours(0..0), tradai_timeseries::Resampled::default());
    assert_eq!(hours(0..59).series.len(), 0);
}

#[test]
fn what_cannot_be_resampled() {
    let hours = |values: [f64; 5], at: i64| {
        let mut series = CandleSeries::default();
        series.push(JUNE, [1.0, 2.0, 1.0, 1.5, 3.0]);
        series.push(at, values);
        series
    };
    let good = hours([1.0, 2.0, 1.0, 1.5, 3.0], JUNE + HOUR);
    let refused = |series: &CandleSeries, key: &SeriesKey, to| -> ResampleError {
        resample(series, key, to).unwrap_err()
    };
    let hourly = key(Timeframe::H1);

    let error = refused(&good, &hourly, Timeframe::M5);
    assert_eq!(
        error.to_string(),
        "1h candles cannot become 5m candles; allowed is 2h, 4h, 6h, 8h, 12h, 1d, 3d, 1w"
    );
    let perpetual = "BTC/USDT:USDT".parse().unwrap();
    let funding = SeriesKey { symbol: perpetual, timeframe: Timeframe::H1, kind: CandleKind::FundingRate };
    let error = refused(&good, &funding, Timeframe::D1);
    assert!(error.to_string().contains("BTC/USDT:USDT 1h funding_rate as it is stored"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Invalid);

    for value in [f64::NAN, f64::INFINITY] {
        for column in 0..5 {
            let mut values = [1.0, 2.0, 1.0, 1.5, 3.0];
            values[column] = value;
            let error = refused(&hours(values, JUNE + HOUR), &hourly, Timeframe::H2);
            assert!(error.to_string().contains("row 1 (2024-06-01 01:00:00) has"), "{error}");
            assert_eq!(error.kind(), ErrorKind::Data);
        }
    }
    let off = hours([1.0, 2.0, 1.0, 1.5, 3.0], JUNE + HOUR + MINUTE);
    assert!(refused(&off, &hourly, Timeframe::H2).to_string().contains("does not open on the 1h grid"));
    // One time a timeframe is that timeframe.
    assert_eq!(resample(&good, &hourly, Timeframe::H1).unwrap().series, good);
}

/// Minutes of some days with holes, prices in ticks, volumes in thousandths.
fn minutes() -> impl Strategy<Value = CandleSeries> {
    let minute = (1..1_000_i32, 0..50_i32, 0..50_i32, 0..50_i32, 0..10_000_000_i32);
    proptest::collection::btree_map(0..3_000_i64, minute, 0..400).prop_map(|rows| {
        let mut series = CandleSeries::default();
        for (at, (low, open, close, above, volume)) in rows {
            let price = |ticks: i32| f64::from(ticks) / 100.0;
            let (open, close) = (low + open, low + close);
            let ohlcv = [price(open), price(open.max(close) + above), price(low), price(close)];
            let [open, high, low, close] = ohlcv;
            series.push(JUNE + at * MINUTE, [open, high, low, close, f64::from(volume) / 1_000.0]);
        }
        series
    })
}

/// The plainest way to say it: rows by period.
fn by_period(series: &CandleSeries, to: Timeframe) -> BTreeMap<i64, Vec<[f64; 5]>> {
    let mut periods: BTreeMap<i64, Vec<[f64; 5]>> = BTreeMap::new();
    for row in 0..series.len() {
        periods.entry(to.floor(series.open_time()[row])).or_default().push(ohlcv(series, row));
    }
    periods
}

proptest! {
    #[test]
    fn each_period_by_itself(series in minutes(), to in prop::sample::select(&Timeframe::ALL[1..])) {
        let ours = resample(&series, &key(Timeframe::M1), to).unwrap();
        let mut periods = by_period(&series, to);
        if let Some(unfinished) = ours.unfinished {
            prop_assert_eq!(periods.pop_last().unwrap().0, unfinished);
        }
        prop_assert_eq!(ours.series.open_time(), periods.keys().copied().collect::<Vec<_>>());
        let incomplete = periods.values().filter(|rows| rows.len() < to.minutes() as usize).count();
        prop_assert_eq!(ours.incomplete.len(), incomplete);
        for (row, rows) in periods.values().enumerate() {
            let [open, high, low, close, volume] = ohlcv(&ours.series, row);
            let thousandths: i64 = rows.iter().map(|row| (row[4] * 1_000.0).round() as i64).sum();
            prop_assert_eq!((open, close), (rows[0][0], rows[rows.len() - 1][3]));
            prop_assert!(rows.iter().all(|row| row[1] <= high) && rows.iter().any(|row| row[1] == high));
            prop_assert!(rows.iter().all(|row| row[2] >= low) && rows.iter().any(|row| row[2] == low));
            prop_assert_eq!(volume, thousandths as f64 / 1_000.0);
        }
    }

    /// By way of another timeframe comes the same, volumes included. When the second step is not told how far
    /// the first one saw, the last candle may wait for longer.
    #[test]
    fn two_steps_are_one(series in minutes(), steps in prop::sample::select(&STEPS[..]), later in 0..90_i64) {
        let (between, to) = steps;
        let at_once = resample(&series, &key(Timeframe::M1), to).unwrap().series;
        let half_way = resample(&series, &key(Timeframe::M1), between).unwrap().series;
        let in_two = resample(&half_way, &key(between), to).unwrap().series;
        prop_assert!(at_once.len() - in_two.len() <= 1);
        prop_assert_eq!(&in_two, &at_once.slice(0..in_two.len()));

        let seen_until = series.open_time().last().map_or(0, |last| last + (1 + later) * MINUTE);
        let until = |series, from, to| resample_until(series, &key(from), to, seen_until).unwrap();
        let half_way = until(&series, Timeframe::M1, between).series;
        let in_two = until(&half_way, between, to);
        let at_once = until(&series, Timeframe::M1, to);
        prop_assert_eq!(in_two.series, at_once.series);
    }

    /// What comes later changes no candle.
    #[test]
    fn candles_do_not_look_ahead(series in minutes(), cut in 0..400_usize) {
        let part = series.slice(0..cut.min(series.len()));
        let whole = resample(&series, &key(Timeframe::M1), Timeframe::M30).unwrap().series;
        let known = resample(&part, &key(Timeframe::M1), Timeframe::M30).unwrap().series;
        prop_assert!(known.len() <= whole.len());
        prop_assert_eq!(&known, &whole.slice(0..known.len()));
    }
}

const STEPS: [(Timeframe, Timeframe); 6] = [
    (Timeframe::M3, Timeframe::M15),
    (Timeframe::M5, Timeframe::H1),
    (Timeframe::M15, Timeframe::H4),
    (Timeframe::M30, Timeframe::H6),
    (Timeframe::H1, Timeframe::D1),
    (Timeframe::M5, Timeframe::M5),
];
