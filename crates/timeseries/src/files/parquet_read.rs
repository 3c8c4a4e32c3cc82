//! Candles from Parquet: the column chunks are decoded straight into the series' own vectors.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit as ParquetUnit, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::statistics::Statistics;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use tradai_domain::{CandleSeries, Millis, TimeRange};

use super::decimal::{power_of_ten, to_double};
use super::parquet_plain::PlainChunk;
use super::time::TimeUnit;
use super::{MAX_ROWS, RawCandles, TIME_COLUMNS, VALUE_COLUMNS, guarded};
use crate::error::{Error, FileProblem};

/// Key of the note that our own exports of made-up candles carry.
pub(crate) const SYNTHETIC_KEY: &str = "tradai.synthetic";

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8_192;

const TIMES_ALLOWED: &str = "a timestamp, a date, or an integer of seconds to nanoseconds";
const NUMBERS_ALLOWED: &str = "doubles, floats, integers and decimals of at most 18 digits";

/// Reads a Parquet file of candles whose rows must be in order: the short way to a backtest's input.
///
/// Only rows that open in `range` are returned, and row groups outside of it are not decoded. Order is
/// checked, values are not ([`CandleSeries::faults`] does).
///
/// # Errors
/// [`Error::Io`], [`Error::Format`], [`Error::File`]; [`Error::Row`] when rows are unsorted or doubled.
pub fn read_parquet_candles(path: &Path, range: TimeRange) -> Result<CandleSeries, Error> {
    let raw = read_parquet(path, range)?;
    raw.into_series().map_err(|fault| Error::Row { file: path.display().to_string(), fault })
}

/// Reads the rows of a Parquet file that open in `range`, as the file has them.
///
/// Columns are found by name in any case: `timestamp` (or `date`, `open_time`, `datetime`, `time`), `open`,
/// `high`, `low`, `close`, `volume`; others are ignored. An absent value reads as NaN.
///
/// # Errors
/// [`Error::Io`], [`Error::Format`], [`Error::File`].
pub fn read_parquet(path: &Path, range: TimeRange) -> Result<RawCandles, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    decode(&Bytes::from(bytes), &path.display().to_string(), range)
}

/// Decodes a whole Parquet file from memory; `file` is its name in errors.
pub(crate) fn decode(bytes: &Bytes, file: &str, range: TimeRange) -> Result<RawCandles, Error> {
    guarded(file, "Parquet", || {
        let mut raw = RawCandles::default();
        decode_into(bytes, file, range, &mut raw)?;
        raw.retain(range);
        Ok(raw)
    })
}

/// Adds a file's rows to `raw`: those of `range` where a row group is sorted, all of a row group otherwise.
pub(crate) fn decode_into(
    bytes: &Bytes,
    file: &str,
    range: TimeRange,
    raw: &mut RawCandles,
) -> Result<(), Error> {
    let reader = SerializedFileReader::new(bytes.clone()).map_err(|e| format_error(file, e))?;
    let columns = Columns::find(reader.metadata().file_metadata().schema_descr())
        .map_err(|problem| file_error(file, problem))?;
    check_offsets(reader.metadata()).map_err(|e| format_error(file, e))?;
    let groups = selected_groups(reader.metadata(), columns.time, columns.time_unit, range);
    let rows = total_rows(reader.metadata(), &groups).map_err(|problem| file_error(file, problem))?;
    if range == TimeRange::ALL {
        raw.reserve(rows);
    }
    raw.synthetic |= is_synthetic(reader.metadata());
    for number in groups {
        let group = reader.get_row_group(number).map_err(|e| format_error(file, e))?;
        let first_row = rows_before(reader.metadata(), number);
        let read = GroupReader { bytes, group: group.as_ref(), columns: &columns, file, first_row };
        read.append_to(raw, range)?;
    }
    Ok(())
}

/// Where the six columns are.
struct Columns {
    time: usize,
    time_unit: TimeUnit,
    values: [usize; 5],
}

impl Columns {
    fn find(schema: &SchemaDescriptor) -> Result<Self, FileProblem> {
        let flat =
            |column: &ColumnDescriptor| column.max_rep_level() == 0 && column.path().parts().len() == 1;
        let find =
            |name: &str| schema.columns().iter().position(|c| flat(c) && c.name().eq_ignore_ascii_case(name));
        let missing = |column| {
            let found: Vec<&str> = schema.columns().iter().map(|c| c.name()).take(20).collect();
            FileProblem::NoColumn { column, found: found.join(", ") }
        };
        let time = TIME_COLUMNS.iter().find_map(|name| find(name)).ok_or_else(|| missing("timestamp"))?;
        let mut values = [0; 5];
        for (slot, name) in values.iter_mut().zip(VALUE_COLUMNS) {
            *slot = find(name).ok_or_else(|| missing(name))?;
        }
        Ok(Self { time, time_unit: time_unit(&schema.column(time))?, values })
    }
}

fn time_unit(column: &ColumnDescriptor) -> Result<TimeUnit, FileProblem> {
    let unit = match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
        (PhysicalType::INT96, ..) => TimeUnit::Millis,
        (PhysicalType::INT32, Some(LogicalType::Date), _) | (PhysicalType::INT32, _, ConvertedType::DATE) => {
            TimeUnit::Days
        }
        (PhysicalType::INT32, None, ConvertedType::NONE) => TimeUnit::Unknown,
        (PhysicalType::INT64, Some(LogicalType::Timestamp(stamp)), _) => match stamp.unit {
            ParquetUnit::MILLIS => TimeUnit::Millis,
            ParquetUnit::MICROS => TimeUnit::Micros,
            ParquetUnit::NANOS => TimeUnit::Nanos,
        },
        (PhysicalType::INT64, _, ConvertedType::TIMESTAMP_MILLIS) => TimeUnit::Millis,
        (PhysicalType::INT64, _, ConvertedType::TIMESTAMP_MICROS) => TimeUnit::Micros,
        (PhysicalType::INT64, None | Some(LogicalType::Integer(_)), _) => TimeUnit::Unknown,
        _ => return Err(type_problem(column, TIMES_ALLOWED)),
    };
    Ok(unit)
}

/// Returns the row groups that may hold rows of `range`, going by the statistics of the time column.
fn selected_groups(
    metadata: &ParquetMetaData,
    column: usize,
    unit: TimeUnit,
    range: TimeRange,
) -> Vec<usize> {
    let may_match = |group: &RowGroupMetaData| match group.column(column).statistics() {
        Some(Statistics::Int64(stamps)) => match (stamps.min_opt(), stamps.max_opt()) {
            (Some(&first), Some(&last)) => range.overlaps(unit.to_millis(first), unit.to_millis(last)),
            _ => true,
        },
        _ => true,
    };
    let groups = metadata.row_groups().iter().enumerate();
    groups.filter(|(_, group)| may_match(group)).map(|(number, _)| number).collect()
}

/// Refuses negative offsets and sizes, which the decoder takes for granted.
pub(crate) fn check_offsets(metadata: &ParquetMetaData) -> Result<(), ParquetError> {
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let start = column.dictionary_page_offset().unwrap_or(0).min(column.data_page_offset());
        if start < 0 || column.compressed_size() < 0 || column.num_values() < 0 {
            return Err(ParquetError::General("a column chunk lies before the start of the file".to_owned()));
        }
    }
    Ok(())
}

/// Refuses more rows than any candle file has, because room is made for as many as are claimed.
fn total_rows(metadata: &ParquetMetaData, groups: &[usize]) -> Result<usize, FileProblem> {
    let claimed: i128 = groups.iter().map(|&group| i128::from(metadata.row_group(group).num_rows())).sum();
    match usize::try_from(claimed) {
        Ok(rows) if rows <= MAX_ROWS => Ok(rows),
        _ => Err(FileProblem::TooLarge {
            what: format!("{claimed} rows"),
            limit: u64::try_from(MAX_ROWS).unwrap_or(u64::MAX),
        }),
    }
}

fn rows_before(metadata: &ParquetMetaData, group: usize) -> usize {
    let earlier = metadata.row_groups().iter().take(group);
    earlier.map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).fold(0, usize::saturating_add)
}

fn is_synthetic(metadata: &ParquetMetaData) -> bool {
    let notes = metadata.file_metadata().key_value_metadata();
    notes.is_some_and(|notes| {
        notes.iter().any(|note| note.key == SYNTHETIC_KEY && note.value.as_deref() == Some("true"))
    })
}

/// Decodes one row group.
struct GroupReader<'a> {
    bytes: &'a Bytes,
    group: &'a dyn RowGroupReader,
    columns: &'a Columns,
    file: &'a str,
    /// The number in the file of the group's first row.
    first_row: usize,
}

impl GroupReader<'_> {
    fn append_to(&self, raw: &mut RawCandles, range: TimeRange) -> Result<(), Error> {
        let times = self.read_times()?;
        let wanted = rows_in(&times, range);
        raw.reserve(wanted.len());
        raw.open_time.extend_from_slice(&times[wanted.clone()]);
        let outputs = [&mut raw.open, &mut raw.high, &mut raw.low, &mut raw.close, &mut raw.volume];
        for (&column, values) in self.columns.values.iter().zip(outputs) {
            self.read_numbers(column, wanted.clone(), values)?;
        }
        Ok(())
    }

    fn rows(&self) -> usize {
        usize::try_from(self.group.metadata().num_rows()).unwrap_or(0)
    }

    fn read_times(&self) -> Result<Vec<Millis>, Error> {
        let (column, rows) = (self.columns.time, 0..self.rows());
        let mut times = Vec::with_capacity(rows.len());
        let levels = match self.reader(column)? {
            ColumnReader::Int64ColumnReader(reader) => {
                self.read(column, reader, rows, |stamps| times.extend_from_slice(stamps))?
            }
            ColumnReader::Int32ColumnReader(reader) => {
                self.read(column, reader, rows, |days| times.extend(days.iter().copied().map(i64::from)))?
            }
            ColumnReader::Int96ColumnReader(reader) => {
                self.read(column, reader, rows, |stamps| times.extend(stamps.iter().map(Int96::to_millis)))?
            }
            _ => return Err(self.type_error(column, TIMES_ALLOWED)),
        };
        if let Some(row) = levels.and_then(|levels| levels.iter().position(|&level| level == 0)) {
            let problem = FileProblem::Cell {
                row: self.first_row + row,
                column: self.group.metadata().column(column).column_descr().name().to_owned(),
                value: "empty".to_owned(),
                allowed: "a time in every row",
            };
            return Err(file_error(self.file, problem));
        }
        self.columns.time_unit.convert(&mut times);
        Ok(times)
    }

    fn read_numbers(&self, column: usize, rows: Range<usize>, values: &mut Vec<f64>) -> Result<(), Error> {
        let metadata = self.group.metadata().column(column);
        if let Some(plain) = PlainChunk::find(self.bytes, metadata, self.rows())
            && plain.append_to(rows.clone(), values).map_err(|e| format_error(self.file, e))?
        {
            return Ok(());
        }
        let power = decimal_power(metadata.column_descr());
        let power = || power.ok_or_else(|| self.type_error(column, NUMBERS_ALLOWED));
        let before = values.len();
        let levels = match self.reader(column)? {
            ColumnReader::DoubleColumnReader(reader) => {
                self.read(column, reader, rows, |doubles| values.extend_from_slice(doubles))?
            }
            ColumnReader::FloatColumnReader(reader) => self
                .read(column, reader, rows, |floats| values.extend(floats.iter().copied().map(f64::from)))?,
            ColumnReader::Int32ColumnReader(reader) => {
                let power = power()?;
                let number = |integer: &i32| f64::from(*integer) / power;
                self.read(column, reader, rows, |integers| values.extend(integers.iter().map(number)))?
            }
            ColumnReader::Int64ColumnReader(reader) => {
                let power = power()?;
                let number = |integer: &i64| to_double(*integer, power);
                self.read(column, reader, rows, |integers| values.extend(integers.iter().map(number)))?
            }
            _ => return Err(self.type_error(column, NUMBERS_ALLOWED)),
        };
        if let Some(levels) = levels {
            spread(values, before, &levels);
        }
        Ok(())
    }

    /// Reads some rows of a column and hands out their values, a page or so at a time while the caches hold it.
    /// Returns the definition levels (1 = there is a value, 0 = empty) when a row is empty; there are then fewer
    /// values than rows.
    fn read<T: DataType>(
        &self,
        column: usize,
        mut reader: ColumnReaderImpl<T>,
        rows: Range<usize>,
        mut take: impl FnMut(&[T::T]),
    ) -> Result<Option<Vec<i16>>, Error> {
        let failed = |e| format_error(self.file, e);
        let descriptor = self.group.metadata().column(column).column_descr();
        let is_nullable = descriptor.max_def_level() > 0;
        let (mut values, mut levels) = (Vec::new(), Vec::new());
        let mut done = if rows.start > 0 { reader.skip_records(rows.start).map_err(failed)? } else { 0 };
        let mut found = 0;
        while (rows.start..rows.end).contains(&done) {
            values.clear();
            let wanted = (rows.end - done).min(BATCH_ROWS);
            let levels = is_nullable.then_some(&mut levels);
            let (records, ..) = reader.read_records(wanted, levels, None, &mut values).map_err(failed)?;
            if records == 0 {
                break;
            }
            take(&values);
            done += records;
            found += values.len();
        }
        if done < rows.end {
            let column = descriptor.name().to_owned();
            let problem = FileProblem::Rows { column, found: done, expected: rows.end };
            return Err(file_error(self.file, problem));
        }
        Ok((found < rows.len()).then_some(levels))
    }

    fn reader(&self, column: usize) -> Result<ColumnReader, Error> {
        self.group.get_column_reader(column).map_err(|e| format_error(self.file, e))
    }

    fn type_error(&self, column: usize, allowed: &'static str) -> Error {
        let metadata = self.group.metadata().column(column);
        file_error(self.file, type_problem(metadata.column_descr(), allowed))
    }
}

/// Returns the rows of a row group to decode: those of `range` when the group is sorted, else all.
fn rows_in(times: &[Millis], range: TimeRange) -> Range<usize> {
    if range == TimeRange::ALL || !times.is_sorted() {
        return 0..times.len();
    }
    let start = range.start.map_or(0, |start| times.partition_point(|&at| at < start));
    let end = range.end.map_or(times.len(), |end| times.partition_point(|&at| at < end));
    start..end.max(start)
}

/// Puts NaN where a row has no value.
fn spread(values: &mut Vec<f64>, before: usize, levels: &[i16]) {
    let dense = values.split_off(before);
    let mut dense = dense.into_iter();
    values.extend(levels.iter().map(
        |&level| {
            if level > 0 { dense.next().unwrap_or(f64::NAN) } else { f64::NAN }
        },
    ));
}

/// Returns 10^scale of an integer column of numbers (scale 0 when it is no decimal), or `None` when the
/// integers mean something else, such as a time.
fn decimal_power(column: &ColumnDescriptor) -> Option<f64> {
    let is_decimal = matches!(column.logical_type_ref(), Some(LogicalType::Decimal(_)))
        || column.converted_type() == ConvertedType::DECIMAL;
    let is_signed = match column.logical_type_ref() {
        None => matches!(
            column.converted_type(),
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
        ),
        Some(LogicalType::Integer(integer)) => integer.is_signed,
        Some(_) => false,
    };
    if is_decimal {
        return u32::try_from(column.type_scale()).ok().and_then(power_of_ten);
    }
    is_signed.then_some(1.0)
}

fn type_problem(column: &ColumnDescriptor, allowed: &'static str) -> FileProblem {
    let found = match (column.logical_type_ref(), column.converted_type()) {
        (Some(logical), _) => format!("{} ({logical:?})", column.physical_type()),
        (None, ConvertedType::NONE) => column.physical_type().to_string(),
        (None, converted) => format!("{} ({converted})", column.physical_type()),
    };
    FileProblem::ColumnType { column: column.name().to_owned(), found, allowed }
}

fn file_error(file: &str, problem: FileProblem) -> Error {
    Error::File { file: file.to_owned(), problem }
}

fn format_error(file: &str, source: ParquetError) -> Error {
    Error::Format { file: file.to_owned(), format: "Parquet", source: Box::new(source) }
}
