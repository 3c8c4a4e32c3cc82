//! Which columns come back, and that files are plain Parquet.

use std::sync::Arc;

use arrow_array::ArrowNativeTypeOp;
use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Float16Type, Float64Type, Int32Type, Int64Type,
    UInt8Type,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    Decimal256Array, DictionaryArray, DurationMicrosecondArray, FixedSizeBinaryArray, FixedSizeListArray,
    Float16Array, Float32Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalMonthDayNanoArray,
    IntervalYearMonthArray, LargeBinaryArray, LargeListArray, LargeStringArray, ListArray, NullArray,
    PrimitiveArray, RecordBatch, RunArray, StringArray, StringViewArray, StructArray, Time32MillisecondArray,
    Time32SecondArray, Time64MicrosecondArray, Time64NanosecondArray, TimestampMicrosecondArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use proptest::prelude::*;
use tradai_domain::{TimeRange, Timeframe};
use tradai_timeseries::{AsOf, Error, TableProblem, read_parquet_candles};

use super::{LIBRARY, batch, both, options, read, times};
use crate::support::{HOUR, JUNE, candles, key, local, memory};

const ROWS: usize = 4;

fn primitive<T: ArrowPrimitiveType>(values: [T::Native; ROWS]) -> PrimitiveArray<T>
where
    PrimitiveArray<T>: From<Vec<Option<T::Native>>>,
{
    let mut values: Vec<Option<T::Native>> = values.into_iter().map(Some).collect();
    values[2] = None;
    PrimitiveArray::from(values)
}

fn struct_of(columns: Vec<(&str, ArrayRef)>, nulls: &[bool; ROWS]) -> StructArray {
    let fields: Fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    StructArray::new(fields, columns, Some(nulls.to_vec().into()))
}

fn map() -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for row in 0..ROWS {
        for at in 0..row {
            maps.keys().append_value(format!("k{at}"));
            maps.values().append_option((at != 1).then_some(7));
        }
        maps.append(row != 1).unwrap();
    }
    Arc::new(maps.finish())
}

/// A column of every type that comes back.
fn columns() -> Vec<(&'static str, ArrayRef)> {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    let half = |value: i32| (0..value).fold(Half::ZERO, |sum, _| sum.add_wrapping(Half::ONE));
    let inner = || Some(vec![Some(1.5), None, Some(f64::NAN)]);
    let lists = || vec![inner(), None, Some(vec![]), Some(vec![Some(-0.0)])];
    let texts = || vec![Some("a"), Some(""), None, Some("a")];
    let bytes = || vec![Some(&b"\x00\xff"[..]), Some(&b""[..]), None, Some(&b"x"[..])];
    vec![
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)])) as ArrayRef),
        ("int8", Arc::new(primitive::<arrow_array::types::Int8Type>([i8::MIN, -1, 0, i8::MAX]))),
        ("int16", Arc::new(Int16Array::from(vec![i16::MIN, -1, 0, i16::MAX]))),
        ("int32", Arc::new(primitive::<Int32Type>([i32::MIN, -1, 0, i32::MAX]))),
        ("int64", Arc::new(primitive::<Int64Type>([i64::MIN, -1, 0, i64::MAX]))),
        ("uint8", Arc::new(UInt8Array::from(vec![Some(0), None, Some(1), Some(u8::MAX)]))),
        ("uint16", Arc::new(UInt16Array::from(vec![Some(0), None, Some(1), Some(u16::MAX)]))),
        ("uint32", Arc::new(UInt32Array::from(vec![Some(0), None, Some(1), Some(u32::MAX)]))),
        ("uint64", Arc::new(UInt64Array::from(vec![Some(0), None, Some(1), Some(u64::MAX)]))),
        ("float16", Arc::new(Float16Array::from(vec![Some(half(0)), None, Some(half(3)), Some(half(9))]))),
        ("float32", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(-0.0), Some(f32::NAN)]))),
        ("float64", Arc::new(primitive::<Float64Type>([0.1, -0.0, f64::INFINITY, f64::NAN]))),
        (
            "decimal32",
            Arc::new(
                primitive::<Decimal32Type>([-99_999, 0, 1, 99_999]).with_precision_and_scale(5, 2).unwrap(),
            ),
        ),
        (
            "decimal64",
            Arc::new(primitive::<Decimal64Type>([-1, 0, 1, 999]).with_precision_and_scale(18, 4).unwrap()),
        ),
        (
            "decimal128",
            Arc::new(
                Decimal128Array::from(vec![Some(-7), None, Some(0), Some(10_i128.pow(37))])
                    .with_precision_and_scale(38, 10)
                    .unwrap(),
            ),
        ),
        (
            "decimal256",
            Arc::new(
                Decimal256Array::from_iter(
                    [Some(5), None, Some(-5), Some(1)]
                        .map(|v: Option<i8>| v.map(|v| ArrowNativeTypeOp::mul_wrapping(v.into(), 3.into()))),
                )
                .with_precision_and_scale(70, 3)
                .unwrap(),
            ),
        ),
        ("date32", Arc::new(Date32Array::from(vec![Some(-1), None, Some(0), Some(20_000)]))),
        ("date64", Arc::new(Date64Array::from(vec![Some(-86_400_000), None, Some(1), Some(86_400_000)]))),
        ("time32s", Arc::new(Time32SecondArray::from(vec![Some(0), None, Some(1), Some(86_399)]))),
        ("time32ms", Arc::new(Time32MillisecondArray::from(vec![Some(0), None, Some(1), Some(86_399_999)]))),
        ("time64us", Arc::new(Time64MicrosecondArray::from(vec![Some(0), None, Some(1), Some(5)]))),
        ("time64ns", Arc::new(Time64NanosecondArray::from(vec![Some(0), None, Some(1), Some(5)]))),
        ("s", Arc::new(TimestampSecondArray::from(vec![Some(-5), None, Some(0), Some(5)]))),
        (
            "ms",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(-5), None, Some(0), Some(5)])
                    .with_timezone("Europe/Berlin"),
            ),
        ),
        ("us", Arc::new(TimestampMicrosecondArray::from(vec![Some(-5), None, Some(0), Some(5)]))),
        (
            "ns",
            Arc::new(
                TimestampNanosecondArray::from(vec![Some(-5), None, Some(0), Some(i64::MAX)])
                    .with_timezone("UTC"),
            ),
        ),
        ("duration", Arc::new(DurationMicrosecondArray::from(vec![Some(-5), None, Some(0), Some(5)]))),
        ("utf8", Arc::new(StringArray::from(texts()))),
        ("large_utf8", Arc::new(LargeStringArray::from(texts()))),
        (
            "utf8_view",
            Arc::new(StringViewArray::from(vec![
                Some("longer than twelve bytes"),
                None,
                Some(""),
                Some("b"),
            ])),
        ),
        ("binary", Arc::new(BinaryArray::from(bytes()))),
        ("large_binary", Arc::new(LargeBinaryArray::from(bytes()))),
        (
            "binary_view",
            Arc::new(BinaryViewArray::from(vec![
                Some(&b"longer than twelve bytes"[..]),
                None,
                Some(b""),
                Some(b"b"),
            ])),
        ),
        (
            "fixed",
            Arc::new(
                FixedSizeBinaryArray::try_from_sparse_iter_with_size(
                    [Some([1, 2]), None, Some([0, 0]), Some([255, 1])].into_iter(),
                    2,
                )
                .unwrap(),
            ),
        ),
        ("dictionary", Arc::new(DictionaryArray::<Int32Type>::from_iter(texts()))),
        ("large_dictionary", Arc::new(DictionaryArray::<Int64Type>::from_iter(texts()))),
        ("list", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists()))),
        ("large_list", Arc::new(LargeListArray::from_iter_primitive::<Float64Type, _, _>(lists()))),
        (
            "pairs",
            Arc::new(FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
                vec![Some(vec![Some(1), None]), None, Some(vec![None, None]), Some(vec![Some(3), Some(4)])],
                2,
            )),
        ),
        (
            "struct",
            Arc::new(struct_of(
                vec![
                    ("a", Arc::new(Int8Array::from(vec![Some(1), None, Some(3), Some(4)]))),
                    ("b", Arc::new(StringArray::from(texts()))),
                ],
                &[true, true, false, true],
            )),
        ),
        ("map", map()),
    ]
}

fn table(column: (&str, ArrayRef)) -> RecordBatch {
    let at = times((0..).map(|at| JUNE + at * 20 * 24 * HOUR).take(ROWS));
    batch(vec![("timestamp", at), column])
}

#[test]
fn every_type_comes_back() {
    let tables = memory().tables(LIBRARY, options(None)).unwrap();
    for (name, column) in columns() {
        // The rows lie in three files; what a merge makes of them is the same again.
        let all = table((name, column));
        for written in [all.clone(), all.slice(1, 2), all.slice(2, 0)] {
            tables.write(name, &written, None).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(read(&tables, name, AsOf::Latest), written, "{name}");
        }
        tables.append(name, &all.slice(3, 1), None).unwrap();
        tables.append(name, &all.slice(0, 2), None).unwrap();
        tables.append(name, &all, None).unwrap();
        assert!(!tables.append(name, &all.slice(1, 3), None).unwrap().changed, "{name}");
        assert_eq!(read(&tables, name, AsOf::Latest), all, "{name}");
        let single = tables.read(name, TimeRange::ALL, AsOf::Latest, Some(&[name])).unwrap().unwrap();
        assert_eq!(single.batch, all, "{name}");
        assert_eq!(tables.info(name, AsOf::Latest).unwrap().unwrap().schema, all.schema(), "{name}");
    }
}

#[test]
fn all_types_in_one_table() {
    both(|tables| {
        let mut all = vec![("timestamp", times((0..).map(|at| JUNE + at * HOUR).take(ROWS)))];
        all.extend(columns());
        let all = batch(all);
        tables.append("x", &all.slice(0, 1), None).unwrap();
        tables.append("x", &all, None).unwrap();
        assert_eq!(read(tables, "x", AsOf::Latest), all);
        let some = ["list", "utf8", "struct"];
        let some = tables.read("x", TimeRange::new(JUNE + HOUR, JUNE + 3 * HOUR), AsOf::Latest, Some(&some));
        let place = |name| all.schema().index_of(name).unwrap();
        let places = [0, place("list"), place("utf8"), place("struct")];
        assert_eq!(some.unwrap().unwrap().batch, all.slice(1, 2).project(&places).unwrap());
    });
}

#[test]
fn other_types_are_refused_by_name() {
    let tables = memory().tables(LIBRARY, options(Some("id"))).unwrap();
    let refused = |columns: Vec<(&str, ArrayRef)>| {
        let Err(Error::Table { problem, .. }) = tables.write("x", &batch(columns), None) else {
            panic!("stored")
        };
        *problem
    };
    let id = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2])) };
    let at = || times([JUNE, JUNE + 1]);
    let run = RunArray::<Int32Type>::from_iter(["a", "a"]);
    let small = DictionaryArray::<UInt8Type>::from_iter(["a", "b"]);
    let others: [ArrayRef; 6] = [
        Arc::new(small),
        Arc::new(NullArray::new(2)),
        Arc::new(run),
        Arc::new(IntervalYearMonthArray::from(vec![1, 2])),
        Arc::new(IntervalMonthDayNanoArray::from(vec![None, None])),
        Arc::new(ListArray::new_null(Arc::new(Field::new("item", DataType::Null, true)), 2)),
    ];
    for other in others {
        let problem = refused(vec![("timestamp", at()), ("id", id()), ("odd", other)]);
        assert!(matches!(&problem, TableProblem::ColumnType { column, .. } if column == "odd"), "{problem}");
    }
    let wrong_times: [ArrayRef; 4] = [
        id(),
        Arc::new(TimestampMillisecondArray::from(vec![JUNE, JUNE + 1])),
        Arc::new(TimestampMillisecondArray::from(vec![JUNE, JUNE + 1]).with_timezone("+01:00")),
        Arc::new(TimestampMicrosecondArray::from(vec![JUNE, JUNE + 1]).with_timezone("UTC")),
    ];
    for wrong in wrong_times {
        let problem = refused(vec![("timestamp", wrong), ("id", id())]).to_string();
        assert!(problem.starts_with("column `timestamp` is "), "{problem}");
        assert!(problem.ends_with("allowed is a timestamp of milliseconds in UTC: timestamp[ms, UTC]"));
    }
    let small: ArrayRef = Arc::new(Int32Array::from(vec![1, 2]));
    let problem = refused(vec![("timestamp", at()), ("id", small)]).to_string();
    assert_eq!(problem, "column `id` is Int32; allowed is a 64-bit integer: Int64");
    let problem = refused(vec![("timestamp", at()), ("score", id())]).to_string();
    assert_eq!(problem, "no column `id`; there are timestamp, score");
    let empty: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let problem = refused(vec![("timestamp", at()), ("id", empty)]).to_string();
    assert_eq!(problem, "row 1: column `id` is empty; rows are in order by it");
    let problem = refused(vec![("timestamp", at()), ("id", id()), ("id", id())]).to_string();
    assert_eq!(problem, "column 2 is called `id`; allowed is a name that no other column has");
}

#[test]
fn what_parquet_would_cut_off_is_refused() {
    let tables = memory().tables(LIBRARY, options(None)).unwrap();
    // Arrow lets a decimal of five digits hold more of them; Parquet has four bytes for it.
    let wide = Decimal128Array::from(vec![1, 10_i128.pow(12)]).with_precision_and_scale(5, 2).unwrap();
    let wide = batch(vec![("timestamp", times([JUNE, JUNE + 1])), ("price", Arc::new(wide))]);
    let error = tables.write("x", &wide, None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x: column `price` (Decimal128(5, 2)) does not come back from Parquet as it was"
    );
    assert!(tables.versions("x").unwrap().is_empty());
    tables.write("x", &wide.slice(0, 1), None).unwrap();
}

#[test]
fn files_are_plain_parquet_and_repeat_to_the_byte() {
    let mut all = vec![("timestamp", times((0..).map(|at| JUNE + at * HOUR).take(ROWS)))];
    all.extend(columns());
    let all = batch(all);
    let written = |parts: &[std::ops::Range<usize>]| {
        let dir = tempfile::tempdir().unwrap();
        let tables = local(dir.path()).tables(LIBRARY, options(None)).unwrap();
        for part in parts {
            tables.append("x", &all.slice(part.start, part.len()), None).unwrap();
        }
        file_of(dir.path(), 4)
    };
    let bytes = written(&[0..4, 1..3]);
    assert!(bytes == written(&[2..4, 0..3]), "in one append or several");
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    assert_eq!(reader.metadata().file_metadata().created_by(), Some("tradai"));
    let read: Vec<RecordBatch> = reader.build().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(read, std::slice::from_ref(&all));

    // Other readers of ours take a table of candles for candles.
    let dir = tempfile::tempdir().unwrap();
    let hours = candles(JUNE, HOUR, 0..100, 0.0);
    let tables = local(dir.path()).tables(LIBRARY, options(None)).unwrap();
    tables.write("x", &tradai_timeseries::into_record_batch(hours.clone()), None).unwrap();
    let copy = dir.path().join("copy.parquet");
    std::fs::write(&copy, file_of(dir.path(), 100)).unwrap();
    assert_eq!(read_parquet_candles(&copy, TimeRange::ALL).unwrap(), hours);
}

/// Returns the data file that has so many rows.
fn file_of(dir: &std::path::Path, rows: i64) -> Bytes {
    let files = std::fs::read_dir(dir.join(LIBRARY).join("sym/x/d")).unwrap();
    let mut files = files.map(|entry| Bytes::from(std::fs::read(entry.unwrap().path()).unwrap()));
    let rows_of = |bytes: &Bytes| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).unwrap();
        reader.metadata().file_metadata().num_rows()
    };
    files.find(|bytes| rows_of(bytes) == rows).unwrap()
}

#[test]
fn columns_of_candles() {
    let store = memory();
    let key = key(Timeframe::H1);
    let all = candles(JUNE, HOUR, 0..70_000, 0.0);
    store.write(&key, &all, None).unwrap();
    let whole = tradai_timeseries::into_record_batch(all.clone());
    let read = store.read_columns(&key, TimeRange::ALL, AsOf::Latest, &["volume", "close"]).unwrap().unwrap();
    assert_eq!(read.batch, whole.project(&[0, 5, 4]).unwrap());
    let known = store.read(&key, TimeRange::ALL, AsOf::Latest).unwrap().unwrap();
    assert_eq!((&read.data_hash, read.version), (&known.data_hash, 1));
    assert_eq!(known.into_record_batch(), whole);
    let range = TimeRange::new(JUNE + 40_000 * HOUR, JUNE + 40_010 * HOUR);
    let part = store.read_columns(&key, range, AsOf::Version(1), &["open"]).unwrap().unwrap();
    assert_eq!(part.batch, whole.slice(40_000, 10).project(&[0, 1]).unwrap());
    let error = store.read_columns(&key, range, AsOf::Latest, &["price"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "BTC_USDT_1h: no column `price`; there are timestamp, open, high, low, close, volume"
    );
    store.delete_range(&key, TimeRange::ALL).unwrap();
    let empty = store.read_columns(&key, TimeRange::ALL, AsOf::Latest, &["open"]).unwrap().unwrap();
    assert_eq!((empty.batch.num_rows(), empty.batch.num_columns()), (0, 2));
    store.delete(&key).unwrap();
    assert!(store.read_columns(&key, range, AsOf::Latest, &["price"]).unwrap().is_none());
}

type Nested = Vec<(Option<Vec<Option<f64>>>, Option<(Option<i32>, Option<String>)>)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nested_rows_come_back_however_they_are_cut(
        rows in proptest::collection::vec(
            (
                proptest::option::of(proptest::collection::vec(proptest::option::of(any::<f64>()), 0..4)),
                proptest::option::of((any::<Option<i32>>(), proptest::option::of(".{0,9}"))),
            ),
            1..40,
        ),
        cut in 0_usize..40,
    ) {
        let rows: Nested = rows;
        let mut lists = ListBuilder::new(arrow_array::builder::Float64Builder::new());
        for (list, _) in &rows {
            for value in list.iter().flatten() {
                lists.values().append_option(*value);
            }
            lists.append(list.is_some());
        }
        let of = |row: &Nested, at: usize| row[at].1.clone();
        let numbers: Int32Array = (0..rows.len()).map(|at| of(&rows, at).and_then(|pair| pair.0)).collect();
        let texts: StringArray = (0..rows.len()).map(|at| of(&rows, at).and_then(|pair| pair.1)).collect();
        let fields = Fields::from(vec![
            Field::new("number", DataType::Int32, true),
            Field::new("text", DataType::Utf8, true),
        ]);
        let valid: Vec<bool> = rows.iter().map(|row| row.1.is_some()).collect();
        let pairs = StructArray::new(fields, vec![Arc::new(numbers), Arc::new(texts)], Some(valid.into()));
        let all = batch(vec![
            ("timestamp", times((0..).map(|at| JUNE + at * 36 * HOUR).take(rows.len()))),
            ("list", Arc::new(lists.finish())),
            ("pair", Arc::new(pairs)),
        ]);
        let tables = memory().tables(LIBRARY, options(None)).unwrap();
        let cut = cut.min(rows.len());
        tables.append("x", &all.slice(cut, rows.len() - cut), None).unwrap();
        tables.append("x", &all.slice(0, cut), None).unwrap();
        prop_assert_eq!(&read(&tables, "x", AsOf::Latest), &all);
        let again = tables.append("x", &all, None).unwrap();
        prop_assert!(!again.changed);
    }
}
