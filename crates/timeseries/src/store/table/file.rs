//! Data files of tables: Parquet, written and read through Arrow.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Field, SchemaRef};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::{Compression, Encoding};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnPath;
use tradai_domain::{Millis, TimeRange};

use super::decimals;
use super::rows::TableFormat;
use super::schema::{difference, has_dictionary};
use crate::error::Damage;
use crate::files::{MAX_ROWS, caught, check_offsets};
use crate::store::data;
use crate::store::library::TableOptions;
use crate::store::manifest::FileEntry;

/// Rows of a row group: a range read decodes whole groups.
const GROUP_ROWS: usize = 32_768;

/// Rows decoded at a time. A file of the recommended size comes out in one piece, and what a hostile file says
/// of itself cannot make us reserve more.
const BATCH_ROWS: usize = 131_072;

/// Encodes rows. The same rows give the same bytes.
pub(crate) fn encode(batch: &RecordBatch, options: &TableOptions) -> Result<Vec<u8>, ParquetError> {
    let mut properties = WriterProperties::builder()
        .set_created_by("tradai".to_owned())
        .set_compression(Compression::LZ4_RAW)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(GROUP_ROWS);
    for field in batch.schema_ref().fields().iter().filter(|field| !has_dictionary(field.data_type())) {
        let column = ColumnPath::from(field.name().as_str());
        let is_key = *field.name() == options.time || options.tie.as_ref() == Some(field.name());
        let encoding = if is_key { Encoding::DELTA_BINARY_PACKED } else { Encoding::PLAIN };
        properties = properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, encoding);
    }
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties.build()))?;
    writer.write(batch)?;
    writer.into_inner()
}

/// Checks a file and returns its rows of `range`: the wanted columns, the time first when only some are wanted.
pub(crate) fn decode(
    file: &FileEntry,
    bytes: Bytes,
    format: &TableFormat,
    range: TimeRange,
) -> Result<Vec<RecordBatch>, Damage> {
    data::check(file, &bytes)?;
    let decode = || Decoder::open(file, bytes, format)?.rows_in(range);
    caught(decode).unwrap_or_else(|| Err(foreign("its structure contradicts itself")))
}

/// A file on its way to rows.
struct Decoder<'a> {
    file: &'a FileEntry,
    bytes: Bytes,
    metadata: ArrowReaderMetadata,
    /// Columns of the rows to return.
    schema: SchemaRef,
    time: &'a str,
}

impl<'a> Decoder<'a> {
    fn open(file: &'a FileEntry, bytes: Bytes, format: &'a TableFormat) -> Result<Self, Damage> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(&bytes, options).map_err(unreadable)?;
        check_offsets(metadata.metadata()).map_err(unreadable)?;
        let stored = format.schema.clone().unwrap_or_else(|| Arc::clone(metadata.schema()));
        if let Some(problem) = difference(&stored, &decimals::undone(metadata.schema(), &stored)) {
            return Err(foreign(format!("its columns are not the manifest's: {problem}")));
        }
        let rows: i128 = metadata.metadata().row_groups().iter().map(|g| i128::from(g.num_rows())).sum();
        if rows != i128::from(file.rows) || usize::try_from(rows).is_ok_and(|rows| rows > MAX_ROWS) {
            return Err(foreign(format!("it has {rows} rows where the manifest says {}", file.rows)));
        }
        let wanted = format.wanted(&stored).map_err(|problem| foreign(problem.to_string()))?;
        Ok(Self { file, bytes, metadata, schema: wanted, time: &format.options.time })
    }

    fn rows_in(self, range: TimeRange) -> Result<Vec<RecordBatch>, Damage> {
        let groups = groups_in(self.metadata.metadata(), self.time, range);
        let expected: i128 = groups
            .iter()
            .map(|&group| i128::from(self.metadata.metadata().row_group(group).num_rows()))
            .sum();
        let mut found = 0;
        let mut previous = None;
        let mut batches = Vec::new();
        for batch in self.reader(groups)? {
            let batch = self.arranged(&batch.map_err(|e| foreign(e.to_string()))?)?;
            let times = times_of(&batch, self.time)?;
            self.check_times(times, previous)?;
            found += i128::try_from(times.len()).unwrap_or(i128::MAX);
            previous = times.last().copied().or(previous);
            let start = range.start.map_or(0, |start| times.partition_point(|&at| at < start));
            let end = range.end.map_or(times.len(), |end| times.partition_point(|&at| at < end));
            if start < end {
                batches.push(batch.slice(start, end - start));
            }
        }
        if found != expected {
            return Err(foreign(format!("it has {found} rows where it says {expected}")));
        }
        Ok(batches)
    }

    fn reader(&self, groups: Vec<usize>) -> Result<ParquetRecordBatchReader, Damage> {
        let of_file = self.metadata.schema().fields();
        let is_wanted = |name: &str| self.schema.fields().iter().any(|field| field.name() == name);
        let roots = (0..of_file.len()).filter(|&at| is_wanted(of_file[at].name()));
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let rows = usize::try_from(self.file.rows).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS);
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.bytes.clone(), self.metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(rows)
            .build()
            .map_err(unreadable)
    }

    /// Puts the columns into the order wanted.
    fn arranged(&self, batch: &RecordBatch) -> Result<RecordBatch, Damage> {
        let column = |field: &Arc<Field>| {
            let column = batch.column_by_name(field.name())?;
            let has_own_type = column.data_type() == field.data_type();
            if has_own_type { Some(Arc::clone(column)) } else { decimals::doubles(column) }
        };
        let columns: Option<Vec<ArrayRef>> = self.schema.fields().iter().map(column).collect();
        let columns = columns.ok_or_else(|| foreign("a column is missing"))?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|e| foreign(e.to_string()))
    }

    fn check_times(&self, times: &[Millis], previous: Option<Millis>) -> Result<(), Damage> {
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Ok(()) };
        let in_order = times.is_sorted() && previous.is_none_or(|previous| previous <= first);
        if in_order && first >= self.file.ts_min && last <= self.file.ts_max {
            return Ok(());
        }
        Err(foreign("its times are not those of the manifest"))
    }
}

/// Returns the times of a batch, which must have one in every row.
pub(crate) fn times_of<'a>(batch: &'a RecordBatch, time: &str) -> Result<&'a [Millis], Damage> {
    let column = batch.column_by_name(time).ok_or_else(|| foreign("it has no times"))?;
    let times = column.as_primitive_opt::<TimestampMillisecondType>().filter(|times| times.null_count() == 0);
    times.map(|times| times.values().as_ref()).ok_or_else(|| foreign("its times are not all there"))
}

/// Returns the row groups that may hold rows of `range`, going by the statistics of the time column.
fn groups_in(metadata: &ParquetMetaData, time: &str, range: TimeRange) -> Vec<usize> {
    let column = metadata
        .file_metadata()
        .schema_descr()
        .columns()
        .iter()
        .position(|column| column.path().parts() == [time]);
    let may_match =
        |group: &RowGroupMetaData| match column.and_then(|column| group.column(column).statistics()) {
            Some(Statistics::Int64(stamps)) => match (stamps.min_opt(), stamps.max_opt()) {
                (Some(&first), Some(&last)) => range.overlaps(first, last),
                _ => true,
            },
            _ => true,
        };
    let groups = metadata.row_groups().iter().enumerate();
    groups.filter(|(_, group)| may_match(group)).map(|(number, _)| number).collect()
}

/// Returns whether a column comes back from encoded rows as it was.
pub(crate) fn comes_back(bytes: &Bytes, batch: &RecordBatch, column: usize) -> bool {
    let read = || -> Result<bool, ParquetError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
        let mut row = 0;
        for read in builder.with_projection(mask).with_batch_size(BATCH_ROWS).build()? {
            let read = read?;
            let rows = read.num_rows().min(batch.num_rows() - row);
            if read.columns() != [batch.column(column).slice(row, rows)] {
                return Ok(false);
            }
            row += rows;
        }
        Ok(row == batch.num_rows())
    };
    caught(read).is_some_and(|outcome| outcome.unwrap_or(false))
}

fn foreign(what: impl Into<String>) -> Damage {
    Damage::Foreign(what.into())
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn unreadable(source: ParquetError) -> Damage {
    Damage::Foreign(source.to_string())
}
