//! Candles as Parquet: what the store keeps and what `export` writes.

use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};
use tradai_domain::CandleSeries;

use super::VALUE_COLUMNS;
use super::parquet_read::SYNTHETIC_KEY;

/// Name of the time column in files that we write.
pub(crate) const TIME_COLUMN: &str = "timestamp";

/// Rows of a row group: more than a period of candles has, so that files of the store have one group.
const GROUP_ROWS: usize = 131_072;

/// Rows of a page, which is what a read of a day unpacks at least.
const PAGE_ROWS: usize = 8_192;

/// Encodes some rows: times as UTC milliseconds, delta-packed; values as plain doubles, which every reader
/// decodes by copying. The same rows give the same bytes.
pub(crate) fn encode(
    series: &CandleSeries,
    rows: Range<usize>,
    compression: Compression,
    synthetic: bool,
) -> Result<Vec<u8>, ParquetError> {
    let notes = synthetic.then(|| vec![KeyValue::new(SYNTHETIC_KEY.to_owned(), "true".to_owned())]);
    let properties = WriterProperties::builder()
        .set_created_by("tradai".to_owned())
        .set_compression(compression)
        .set_dictionary_enabled(false)
        .set_encoding(Encoding::PLAIN)
        .set_column_encoding(ColumnPath::from(TIME_COLUMN), Encoding::DELTA_BINARY_PACKED)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS)
        .set_key_value_metadata(notes)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema()?, Arc::new(properties))?;
    let mut start = rows.start;
    while start < rows.end {
        let group = start..rows.end.min(start + GROUP_ROWS);
        start = group.end;
        let mut output = writer.next_row_group()?;
        write_times(&mut output, &series.open_time()[group.clone()])?;
        for values in [series.open(), series.high(), series.low(), series.close(), series.volume()] {
            write_values(&mut output, &values[group.clone()])?;
        }
        output.close()?;
    }
    writer.into_inner()
}

fn schema() -> Result<TypePtr, ParquetError> {
    let time = Type::primitive_type_builder(TIME_COLUMN, PhysicalType::INT64)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
        .build()?;
    let mut fields = vec![Arc::new(time)];
    for name in VALUE_COLUMNS {
        let value = Type::primitive_type_builder(name, PhysicalType::DOUBLE)
            .with_repetition(Repetition::REQUIRED)
            .build()?;
        fields.push(Arc::new(value));
    }
    Ok(Arc::new(Type::group_type_builder("candles").with_fields(fields).build()?))
}

type Group<'a> = SerializedRowGroupWriter<'a, Vec<u8>>;

fn write_times(group: &mut Group<'_>, times: &[i64]) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<Int64Type>().write_batch(times, None, None)?;
    column.close()
}

fn write_values(group: &mut Group<'_>, values: &[f64]) -> Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else { return Ok(()) };
    column.typed::<DoubleType>().write_batch(values, None, None)?;
    column.close()
}
