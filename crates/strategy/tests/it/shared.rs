//! Recorded candles and settings, where they are at hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};
use tradai_strategy::CandleSource;

/// Returns the folder of recorded data, or says once why a test is skipped.
pub(crate) fn folder(part: &str) -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let root = std::env::var("TRADAI_SHARED").unwrap_or_else(|_| default.to_owned());
    let folder = Path::new(&root).join(part);
    if !folder.is_dir() {
        println!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Reads a strategy of `tests/golden_strategies`.
pub(crate) fn golden_strategy(case: &str) -> tradai_strategy::DeclarativeStrategy {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden_strategies/{case}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap();
    tradai_strategy::DeclarativeStrategy::from_yaml(&text, &path).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn batches(path: &Path) -> Vec<RecordBatch> {
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap().map(Result::unwrap).collect()
}

pub(crate) fn int_column(batch: &RecordBatch, name: &str) -> Vec<i64> {
    let column = batch.column_by_name(name).unwrap();
    let values = arrow_cast_to_i64(column);
    values.unwrap_or_else(|| panic!("column {name} is {}", column.data_type()))
}

fn arrow_cast_to_i64(column: &arrow_array::ArrayRef) -> Option<Vec<i64>> {
    use arrow_array::types::{Int8Type, Int32Type};
    if let Some(values) = column.as_primitive_opt::<Int64Type>() {
        return Some(values.values().to_vec());
    }
    if let Some(values) = column.as_primitive_opt::<Int32Type>() {
        return Some(values.values().iter().map(|&value| i64::from(value)).collect());
    }
    if let Some(values) = column.as_primitive_opt::<Int8Type>() {
        return Some(values.values().iter().map(|&value| i64::from(value)).collect());
    }
    if let Some(values) = column.as_primitive_opt::<Float64Type>() {
        return Some(values.values().iter().map(|&value| value as i64).collect());
    }
    column.as_boolean_opt().map(|values| values.iter().map(|flag| i64::from(flag == Some(true))).collect())
}

pub(crate) fn text_column(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap();
    if let Some(values) = column.as_string_opt::<i32>() {
        return values.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
    }
    if let Some(values) = column.as_string_opt::<i64>() {
        return values.iter().map(|text| text.unwrap_or_default().to_owned()).collect();
    }
    // A column without a single tag has no type.
    vec![String::new(); batch.num_rows()]
}

/// Reads candles that open in `range`, holes filled.
pub(crate) fn candles(path: &Path, key: &SeriesKey, range: TimeRange) -> CandleSeries {
    let mut series = CandleSeries::with_capacity(1 << 17);
    for batch in batches(path) {
        let times = int_column(&batch, "timestamp");
        let columns = ["open", "high", "low", "close", "volume"]
            .map(|name| batch.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec());
        for (row, &time) in times.iter().enumerate().filter(|(_, time)| range.contains(**time)) {
            series.push(time, [0, 1, 2, 3, 4].map(|column: usize| columns[column][row]));
        }
    }
    series.filled(key.timeframe).0
}

/// Candles of one data set over a backtest's window.
pub(crate) struct Market {
    pub(crate) folder: PathBuf,
    pub(crate) dataset: String,
    pub(crate) timerange: TimeRange,
    pub(crate) startup: usize,
    cache: std::sync::Mutex<BTreeMap<SeriesKey, Arc<CandleSeries>>>,
}

impl Market {
    pub(crate) fn new(folder: PathBuf, dataset: &str, timerange: TimeRange, startup: usize) -> Self {
        Self { folder, dataset: dataset.to_owned(), timerange, startup, cache: std::sync::Mutex::default() }
    }

    fn path(&self, key: &SeriesKey) -> PathBuf {
        let stem = key.symbol.file_stem();
        let kind = if key.symbol.is_futures() { "-futures" } else { "" };
        self.folder.join(format!("{}__{stem}-{}{kind}.parquet", self.dataset, key.timeframe))
    }
}

impl CandleSource for Market {
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        let mut cache = self.cache.lock().unwrap();
        if let Some(series) = cache.get(key) {
            return Some(series.clone());
        }
        let path = self.path(key);
        if !path.is_file() {
            return None;
        }
        let startup = i64::try_from(self.startup).unwrap() * key.timeframe.millis();
        // The candle that opens at the end is part of the window.
        let range = TimeRange {
            start: self.timerange.start.map(|start| start - startup),
            end: self.timerange.end.map(|end| end + 1),
        };
        let series = Arc::new(candles(&path, key, range));
        cache.insert(key.clone(), series.clone());
        Some(series)
    }
}
