//! Frames of Polars: the numbers are those of the store, and what Polars makes of them is what a loop makes.
//!
//! A target of its own, since linking Polars costs more than all other tests together:
//! `cargo test -p tradai-timeseries --features polars --test frames`.

#![expect(clippy::unwrap_used, reason = "a test that cannot get its value has failed")]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int8Array, Int64Array,
    RecordBatch, StringArray, Time32SecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    UInt16Array,
};
use polars::prelude::*;
use tradai_domain::{CandleSeries, ManualClock, RandomIds, SeriesKey, TimeRange, Timeframe};
use tradai_timeseries::{AsOf, CandleStore, Error, TableOptions, into_data_frame, resample};

const HOUR: i64 = 3_600_000;
/// 2024-06-01T00:00:00Z, a Saturday.
const JUNE: i64 = 1_717_200_000_000;

fn store() -> CandleStore {
    CandleStore::in_memory(Arc::new(ManualClock::at(JUNE)), Arc::new(RandomIds))
}

fn key() -> SeriesKey {
    SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1)
}

/// Prices that go up and down.
fn candles(hours: i64) -> CandleSeries {
    let mut candles = CandleSeries::default();
    for at in 0..hours {
        let price = 60_000.0 + f64::from(i32::try_from(at * 7_919 % 1_000).unwrap()) * 0.5;
        let volume = f64::from(i32::try_from(at % 24).unwrap());
        candles.push(JUNE + at * HOUR, [price, price + 3.5, price - 2.25, price + 1.0, volume]);
    }
    candles
}

fn datetime() -> DataType {
    DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC))
}

fn floats(frame: &DataFrame, column: &str) -> Vec<Option<f64>> {
    frame.column(column).unwrap().f64().unwrap().iter().collect()
}

fn moments(frame: &DataFrame) -> Vec<i64> {
    frame.column("timestamp").unwrap().datetime().unwrap().phys.iter().flatten().collect()
}

#[test]
fn a_frame_has_the_candles_columns_and_bits() {
    let candles = candles(100);
    let close = candles.close().as_ptr();
    let frame = into_data_frame(candles.clone());
    assert_eq!(frame.get_column_names(), ["timestamp", "open", "high", "low", "close", "volume"]);
    assert_eq!(frame.dtypes()[0], datetime());
    assert!(frame.dtypes()[1..].iter().all(|dtype| *dtype == DataType::Float64));
    assert_eq!(moments(&frame), candles.open_time());
    assert_eq!(floats(&frame, "low"), candles.low().iter().map(|&low| Some(low)).collect::<Vec<_>>());
    let moved = into_data_frame(candles);
    assert_eq!(
        moved.column("close").unwrap().f64().unwrap().cont_slice().unwrap().as_ptr(),
        close,
        "no copy"
    );
}

#[test]
fn filters_and_groups() {
    let store = store();
    let all = candles(20_000);
    store.write(&key(), &all, None).unwrap();
    let range = TimeRange::new(JUNE + 100 * HOUR, JUNE + 12_000 * HOUR);
    let frame = store.scan(&key(), range, AsOf::Latest).unwrap().unwrap();
    let grouped = frame
        .filter(col("close").gt(lit(60_250.0)))
        .group_by_stable([col("volume")])
        .agg([col("close").mean().alias("mean"), col("high").max().alias("top"), len().alias("rows")])
        .sort(["volume"], SortMultipleOptions::default())
        .collect()
        .unwrap();
    for hour in 0..24_u32 {
        let wanted = |row: &usize| all.close()[*row] > 60_250.0 && all.volume()[*row] == f64::from(hour);
        let rows: Vec<usize> = (100..12_000).filter(wanted).collect();
        let sum: f64 = rows.iter().map(|&row| all.close()[row]).sum();
        let top = rows.iter().map(|&row| all.high()[row]).fold(f64::MIN, f64::max);
        let at = usize::try_from(hour).unwrap();
        let mean = floats(&grouped, "mean")[at].unwrap();
        assert!((mean - sum / f64::from(u32::try_from(rows.len()).unwrap())).abs() < 1e-6, "{hour}: {mean}");
        assert_eq!(floats(&grouped, "top")[at], Some(top));
        assert_eq!(
            grouped.column("rows").unwrap().u32().unwrap().get(at),
            Some(u32::try_from(rows.len()).unwrap())
        );
    }
    let absent = SeriesKey::traded(&"ETH/USDT".parse().unwrap(), Timeframe::H1);
    assert!(store.scan(&absent, range, AsOf::Latest).unwrap().is_none());
}

#[test]
fn rolling_means() {
    let store = store();
    let all = candles(500);
    store.write(&key(), &all, None).unwrap();
    let options = RollingGroupOptions {
        index_column: "timestamp".into(),
        period: Duration::parse("3h"),
        offset: Duration::parse("-3h"),
        closed_window: ClosedWindow::Right,
    };
    let frame = store.scan(&key(), TimeRange::ALL, AsOf::Version(1)).unwrap().unwrap();
    let rolled = frame.rolling(col("timestamp"), [], options).agg([col("close").mean()]).collect().unwrap();
    assert_eq!(rolled.dtypes()[0], datetime());
    assert_eq!(moments(&rolled), all.open_time());
    for (row, mean) in floats(&rolled, "close").into_iter().enumerate() {
        let window = &all.close()[row.saturating_sub(2)..=row];
        let by_hand = window.iter().sum::<f64>() / f64::from(u32::try_from(window.len()).unwrap());
        assert!((mean.unwrap() - by_hand).abs() < 1e-9, "row {row}");
    }
}

#[test]
fn days_are_those_of_our_own_resampling() {
    let store = store();
    let all = candles(24 * 30);
    store.write(&key(), &all, None).unwrap();
    let options = DynamicGroupOptions {
        index_column: "timestamp".into(),
        every: Duration::parse("1d"),
        period: Duration::parse("1d"),
        offset: Duration::parse("0s"),
        ..DynamicGroupOptions::default()
    };
    let frame = store.scan(&key(), TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    let days = frame
        .group_by_dynamic(col("timestamp"), [], options)
        .agg([
            col("open").first(),
            col("high").max(),
            col("low").min(),
            col("close").last(),
            col("volume").sum(),
        ])
        .collect()
        .unwrap();
    let ours = resample(&all, &key(), Timeframe::D1).unwrap().series;
    assert!(days.equals(&into_data_frame(ours)));
}

#[test]
fn tables_with_their_types() {
    let store = store();
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "timestamp",
            Arc::new(TimestampMillisecondArray::from(vec![JUNE, JUNE + 1, JUNE + 2]).with_timezone("UTC")),
        ),
        ("id", Arc::new(Int64Array::from(vec![1, i64::MAX, 3]))),
        ("buy", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("label", Arc::new(Int8Array::from(vec![Some(-1), Some(0), None]))),
        ("count", Arc::new(UInt16Array::from(vec![1, 2, 3]))),
        ("score", Arc::new(Float64Array::from(vec![Some(0.5), None, Some(f64::NAN)]))),
        ("small", Arc::new(Float32Array::from(vec![0.5, -0.0, 3.0]))),
        ("day", Arc::new(Date32Array::from(vec![Some(0), Some(19_875), None]))),
        ("seen", Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3]).with_timezone("Europe/Berlin"))),
        ("note", Arc::new(StringArray::from(vec![Some("a"), None, Some("ä")]))),
        ("blob", Arc::new(BinaryArray::from(vec![Some(&b"x"[..]), None, Some(b"")]))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let tables = store.tables("trades", TableOptions::default()).unwrap();
    tables.write("x", &batch, None).unwrap();
    let frame = tables.scan("x", TimeRange::ALL, AsOf::Latest, None).unwrap().unwrap().collect().unwrap();
    let berlin = TimeZone::opt_try_new(Some("Europe/Berlin")).unwrap();
    assert_eq!(
        frame.dtypes(),
        [
            datetime(),
            DataType::Int64,
            DataType::Boolean,
            DataType::Int8,
            DataType::UInt16,
            DataType::Float64,
            DataType::Float32,
            DataType::Date,
            DataType::Datetime(TimeUnit::Nanoseconds, berlin),
            DataType::String,
            DataType::Binary,
        ]
    );
    assert_eq!(frame.column("id").unwrap().i64().unwrap().get(1), Some(i64::MAX));
    assert_eq!(
        frame.column("buy").unwrap().bool().unwrap().iter().collect::<Vec<_>>(),
        [Some(true), None, Some(false)]
    );
    assert_eq!(frame.column("label").unwrap().i8().unwrap().get(2), None);
    let scores = floats(&frame, "score");
    assert_eq!((scores[0], scores[1], scores[2].unwrap().is_nan()), (Some(0.5), None, true));
    assert_eq!(frame.column("note").unwrap().str().unwrap().get(2), Some("ä"));
    assert_eq!(frame.column("blob").unwrap().binary().unwrap().get(0), Some(&b"x"[..]));

    let some = tables.scan("x", TimeRange::new(JUNE + 1, JUNE + 3), AsOf::Latest, Some(&["score"])).unwrap();
    let some = some.unwrap().filter(col("score").is_not_null()).collect().unwrap();
    assert_eq!(some.get_column_names(), ["timestamp", "score"]);
    assert_eq!(moments(&some), [JUNE + 2]);

    let odd: ArrayRef = Arc::new(Time32SecondArray::from(vec![1, 2, 3]));
    let odd = RecordBatch::try_from_iter([("timestamp", batch.column(0).clone()), ("odd", odd)]).unwrap();
    tables.write("y", &odd, None).unwrap();
    let error = tables.scan("y", TimeRange::ALL, AsOf::Latest, None).err().unwrap();
    assert!(matches!(error, Error::Table { .. }));
    assert!(error.to_string().starts_with("y: column `odd` is Time32(s); allowed is "), "{error}");
}
