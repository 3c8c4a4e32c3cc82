//! Candles as Arrow IPC files ("feather"), as Freqtrade keeps them.

use std::io::Cursor;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, TimestampMillisecondArray};
use arrow_ipc::reader::FileReader;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_ipc::{CompressionType, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit as ArrowUnit};
use tradai_domain::CandleSeries;

use super::parquet_read::SYNTHETIC_KEY;
use super::time::TimeUnit;
use super::{MAX_ROWS, RawCandles, TIME_COLUMNS, VALUE_COLUMNS, guarded};
use crate::error::{Error, FileProblem, Source};

const TIMES_ALLOWED: &str = "a timestamp, a date, or an integer of seconds to nanoseconds";
const NUMBERS_ALLOWED: &str = "doubles, floats and signed integers";

const MAGIC: &[u8] = b"ARROW1";

/// Reads a file's bytes; `file` is its name in errors. An absent price or volume reads as NaN.
pub(crate) fn decode(bytes: Vec<u8>, file: &str) -> Result<RawCandles, Error> {
    guarded(file, "feather", || read(bytes, file))
}

fn read(bytes: Vec<u8>, file: &str) -> Result<RawCandles, Error> {
    let failed = |source: Source| Error::Format { file: file.to_owned(), format: "feather", source };
    let problem = |problem| Error::File { file: file.to_owned(), problem };
    check_sizes(&bytes).map_err(|e| failed(e.into()))?;
    let reader = FileReader::try_new(Cursor::new(bytes), None).map_err(|e| failed(e.into()))?;
    let schema = reader.schema();
    let columns = find_columns(&schema).map_err(problem)?;
    let synthetic = schema.metadata().get(SYNTHETIC_KEY).is_some_and(|value| value == "true");
    let mut raw = RawCandles { synthetic, ..RawCandles::default() };
    for batch in reader {
        let batch = batch.map_err(|e| failed(e.into()))?;
        if raw.len() + batch.num_rows() > MAX_ROWS {
            let limit = u64::try_from(MAX_ROWS).unwrap_or(u64::MAX);
            return Err(problem(FileProblem::TooLarge { what: "more rows than that".to_owned(), limit }));
        }
        append(&batch, columns, &mut raw).map_err(problem)?;
    }
    Ok(raw)
}

/// Refuses a file whose blocks lie outside of it, or whose compressed buffers claim to unpack to more than any
/// candle column of ours: the decoder reserves what is claimed, and a reservation beyond memory ends the
/// process.
fn check_sizes(bytes: &[u8]) -> Result<(), String> {
    let max = i64::try_from(MAX_ROWS).unwrap_or(i64::MAX).saturating_mul(16);
    let cut = || "it is cut short".to_owned();
    let body = bytes.strip_suffix(MAGIC).ok_or("it does not end like an Arrow file")?;
    let (body, length) = body.split_last_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(i32::from_le_bytes(*length)).map_err(|e| e.to_string())?;
    let footer = body.get(body.len().checked_sub(length).ok_or_else(cut)?..).ok_or_else(cut)?;
    let footer = root_as_footer(footer).map_err(|e| e.to_string())?;
    if footer.dictionaries().is_some_and(|dictionaries| !dictionaries.is_empty()) {
        return Err("it has dictionary columns, which candles do not need".to_owned());
    }
    for block in footer.recordBatches().into_iter().flatten() {
        let offset = usize::try_from(block.offset()).map_err(|e| e.to_string())?;
        let head = usize::try_from(block.metaDataLength()).map_err(|e| e.to_string())?;
        let body = usize::try_from(block.bodyLength()).map_err(|e| e.to_string())?;
        let length = head.checked_add(body).ok_or_else(cut)?;
        let block = bytes.get(offset..).and_then(|rest| rest.get(..length)).ok_or_else(cut)?;
        let message = block.get(..head).ok_or_else(cut)?;
        // A length of four bytes, after a marker of four in newer files, stands before the message.
        let skip = if message.starts_with(&[0xff; 4]) { 8 } else { 4 };
        let message = root_as_message(message.get(skip..).ok_or_else(cut)?).map_err(|e| e.to_string())?;
        let Some(batch) = message.header_as_record_batch() else { continue };
        for buffer in batch.buffers().into_iter().flatten() {
            let start = usize::try_from(buffer.offset()).map_err(|e| e.to_string())?;
            let length = usize::try_from(buffer.length()).map_err(|e| e.to_string())?;
            let buffer = block[head..].get(start..).and_then(|rest| rest.get(..length)).ok_or_else(cut)?;
            if batch.compression().is_none() || buffer.is_empty() {
                continue;
            }
            // Compressed buffers start with their unpacked size.
            let claimed = i64::from_le_bytes(*buffer.first_chunk::<8>().ok_or_else(cut)?);
            if claimed > max {
                return Err(format!("a column claims {claimed} bytes; at most {max} are read"));
            }
        }
    }
    Ok(())
}

/// Positions of the time column and of the values.
type Columns = (usize, [usize; 5]);

fn find_columns(schema: &Schema) -> Result<Columns, FileProblem> {
    let find = |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
    let missing = |column| {
        let found: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).take(20).collect();
        FileProblem::NoColumn { column, found: found.join(", ") }
    };
    let time = TIME_COLUMNS.iter().find_map(|name| find(name)).ok_or_else(|| missing("date"))?;
    let mut values = [0; 5];
    for (slot, name) in values.iter_mut().zip(VALUE_COLUMNS) {
        *slot = find(name).ok_or_else(|| missing(name))?;
    }
    Ok((time, values))
}

fn append(batch: &RecordBatch, (time, values): Columns, raw: &mut RawCandles) -> Result<(), FileProblem> {
    let before = raw.len();
    let name = |column: usize| batch.schema_ref().field(column).name().clone();
    let times = batch.column(time);
    if let Some(row) = (0..times.len()).find(|&row| times.is_null(row)) {
        return Err(FileProblem::Cell {
            row: before + row,
            column: name(time),
            value: "empty".to_owned(),
            allowed: "a time in every row",
        });
    }
    append_times(times, &mut raw.open_time).ok_or_else(|| FileProblem::ColumnType {
        column: name(time),
        found: times.data_type().to_string(),
        allowed: TIMES_ALLOWED,
    })?;
    let outputs = [&mut raw.open, &mut raw.high, &mut raw.low, &mut raw.close, &mut raw.volume];
    for (column, output) in values.into_iter().zip(outputs) {
        let array = batch.column(column);
        append_numbers(array, output).ok_or_else(|| FileProblem::ColumnType {
            column: name(column),
            found: array.data_type().to_string(),
            allowed: NUMBERS_ALLOWED,
        })?;
    }
    Ok(())
}

fn append_times(array: &ArrayRef, output: &mut Vec<i64>) -> Option<()> {
    let before = output.len();
    let unit = match array.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => {
            output.extend_from_slice(array.as_primitive::<TimestampSecondType>().values());
            TimeUnit::Seconds
        }
        DataType::Timestamp(ArrowUnit::Millisecond, _) => {
            output.extend_from_slice(array.as_primitive::<TimestampMillisecondType>().values());
            TimeUnit::Millis
        }
        DataType::Timestamp(ArrowUnit::Microsecond, _) => {
            output.extend_from_slice(array.as_primitive::<TimestampMicrosecondType>().values());
            TimeUnit::Micros
        }
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => {
            output.extend_from_slice(array.as_primitive::<TimestampNanosecondType>().values());
            TimeUnit::Nanos
        }
        DataType::Int64 => {
            output.extend_from_slice(array.as_primitive::<Int64Type>().values());
            TimeUnit::Unknown
        }
        DataType::Date32 => {
            output.extend(array.as_primitive::<Date32Type>().values().iter().map(|&day| i64::from(day)));
            TimeUnit::Days
        }
        _ => return None,
    };
    unit.convert(&mut output[before..]);
    Some(())
}

#[expect(clippy::cast_precision_loss, reason = "a price or volume is the nearest double")]
fn append_numbers(array: &ArrayRef, output: &mut Vec<f64>) -> Option<()> {
    let before = output.len();
    match array.data_type() {
        DataType::Float64 => output.extend_from_slice(array.as_primitive::<Float64Type>().values()),
        DataType::Float32 => {
            output.extend(array.as_primitive::<Float32Type>().values().iter().map(|&value| f64::from(value)));
        }
        DataType::Int64 => {
            output.extend(array.as_primitive::<Int64Type>().values().iter().map(|&value| value as f64));
        }
        DataType::Int32 => {
            output.extend(array.as_primitive::<Int32Type>().values().iter().map(|&value| f64::from(value)));
        }
        _ => return None,
    }
    if array.null_count() > 0 {
        for row in (0..array.len()).filter(|&row| array.is_null(row)) {
            output[before + row] = f64::NAN;
        }
    }
    Some(())
}

/// Writes the columns that Freqtrade reads (`date` in UTC, then doubles), LZ4-compressed.
pub(crate) fn encode(candles: &CandleSeries, synthetic: bool) -> Result<Vec<u8>, ArrowError> {
    let time_type = DataType::Timestamp(ArrowUnit::Millisecond, Some("UTC".into()));
    let mut fields = vec![Field::new("date", time_type, false)];
    fields.extend(VALUE_COLUMNS.map(|name| Field::new(name, DataType::Float64, false)));
    let mut schema = Schema::new(fields);
    if synthetic {
        schema.metadata.insert(SYNTHETIC_KEY.to_owned(), "true".to_owned());
    }
    let schema = Arc::new(schema);
    let times = TimestampMillisecondArray::from(candles.open_time().to_vec()).with_timezone("UTC");
    let mut columns: Vec<ArrayRef> = vec![Arc::new(times)];
    for values in [candles.open(), candles.high(), candles.low(), candles.close(), candles.volume()] {
        columns.push(Arc::new(Float64Array::from(values.to_vec())));
    }
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &schema, options)?;
    writer.write(&batch)?;
    writer.into_inner()
}
