//! Tables of any columns: every operation, in memory and on disk.

mod damage;
mod model;
mod operations;
mod options;
mod types;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use tradai_domain::TimeRange;
use tradai_timeseries::{AsOf, CandleStore, TableOptions, TableStore};

use crate::support::{local, memory};

const LIBRARY: &str = "predictions";

/// One row: time, trade id, score, note.
type Row = (i64, i64, f64, Option<&'static str>);

fn options(tie: Option<&str>) -> TableOptions {
    TableOptions { tie: tie.map(str::to_owned), ..TableOptions::default() }
}

fn times(times: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
}

/// A batch of one column of times and others.
fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn rows(rows: &[Row]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([
        ("timestamp", times(rows.iter().map(|row| row.0)), false),
        ("id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))) as ArrayRef, false),
        ("score", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.2))), true),
        ("note", Arc::new(StringArray::from_iter(rows.iter().map(|row| row.3))), true),
    ])
    .unwrap()
}

/// Rows at `start + step * at`, told from `at` and `salt`.
fn series(start: i64, step: i64, at: std::ops::Range<i64>, salt: f64) -> RecordBatch {
    let all: Vec<Row> = at
        .map(|at| (start + step * at, at, at as f64 / 8.0 + salt, (at % 3 == 0).then_some("third")))
        .collect();
    rows(&all)
}

fn read(tables: &TableStore, symbol: &str, as_of: AsOf) -> RecordBatch {
    tables.read(symbol, TimeRange::ALL, as_of, None).unwrap().unwrap().batch
}

fn times_of(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("timestamp").unwrap().as_primitive::<TimestampMillisecondType>().values().to_vec()
}

fn ids_of(batch: &RecordBatch) -> Vec<i64> {
    batch.column_by_name("id").unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn scores_of(batch: &RecordBatch) -> Vec<f64> {
    batch.column_by_name("score").unwrap().as_primitive::<Float64Type>().values().to_vec()
}

/// Runs a check on a library without ties, in memory and on disk.
fn both(check: impl Fn(&TableStore)) {
    each(None, check);
}

fn each(tie: Option<&str>, check: impl Fn(&TableStore)) {
    let open = |store: &CandleStore| store.tables(LIBRARY, options(tie)).unwrap();
    check(&open(&memory()));
    let dir = tempfile::tempdir().unwrap();
    check(&open(&local(dir.path())));
}
