//! Rows of a table, as the commit protocol sees them.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{
    Array, ArrowPrimitiveType, Int64Array, PrimitiveArray, RecordBatch, TimestampMillisecondArray,
};
use arrow_schema::{ArrowError, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use object_store::path::Path;
use tradai_domain::{Millis, SeriesKey, TimeRange};

use super::problem::TableProblem;
use super::{file, merge, schema, stats};
use crate::error::{Damage, Error};
use crate::files::{MAX_ROWS, caught};
use crate::store::data::{NewFile, len_u64};
use crate::store::gaps::Gaps;
use crate::store::head::damaged;
use crate::store::layout::{SymbolLayout, data_key};
use crate::store::library::TableOptions;
use crate::store::manifest::{self, FileEntry, Manifest};
use crate::store::merge::Equal;
use crate::store::period::Periods;
use crate::store::rows::{Rows, check_labels};
use crate::store::types::Metadata;

/// How the rows of a table are kept, and which columns of them are meant.
#[derive(Debug, Clone)]
pub(crate) struct TableFormat {
    pub(crate) options: Arc<TableOptions>,
    /// How a new table is cut into files.
    pub(crate) periods: Periods,
    /// All columns; `None` where the stored version says which they are.
    pub(crate) schema: Option<SchemaRef>,
    /// The columns to read next to the time, in this order; all when `None`.
    pub(crate) columns: Option<Arc<[String]>>,
}

impl TableFormat {
    /// Returns the columns to read out of all: the time first when only some are asked for.
    pub(crate) fn wanted(&self, all: &SchemaRef) -> Result<SchemaRef, TableProblem> {
        let Some(columns) = &self.columns else { return Ok(Arc::clone(all)) };
        let mut fields = vec![schema::find(all, &self.options.time)?.clone()];
        for name in columns.iter() {
            let field = schema::find(all, name)?;
            if !fields.iter().any(|known| known.name() == name) {
                fields.push(field.clone());
            }
        }
        Ok(Arc::new(Schema::new_with_metadata(fields, all.metadata().clone())))
    }
}

/// Rows in order of time and tie, without two of the same.
#[derive(Debug, Clone)]
pub(crate) struct TableRows {
    batch: RecordBatch,
    times: TimestampMillisecondArray,
    /// `None` when times are unique, or when the column was not read.
    ties: Option<Int64Array>,
    options: Arc<TableOptions>,
}

impl TableRows {
    /// Takes rows of any columns that a table may have, if they are in order.
    pub(crate) fn new(batch: RecordBatch, options: &Arc<TableOptions>) -> Result<Self, TableProblem> {
        schema::check(batch.schema_ref(), options)?;
        let rows = Self::of(batch, options)?;
        rows.check_order()?;
        Ok(rows)
    }

    /// Returns no rows of no columns: what takes the place of deleted rows.
    pub(crate) fn none(options: &Arc<TableOptions>) -> Self {
        let times = TimestampMillisecondArray::from(Vec::<Millis>::new());
        let batch = RecordBatch::new_empty(Arc::new(Schema::empty()));
        Self { batch, times, ties: None, options: Arc::clone(options) }
    }

    /// Takes rows that are in order.
    fn of(batch: RecordBatch, options: &Arc<TableOptions>) -> Result<Self, TableProblem> {
        let times = column_of::<TimestampMillisecondType>(&batch, &options.time)?;
        let ties = match &options.tie {
            Some(tie) if batch.column_by_name(tie).is_some() => Some(column_of::<Int64Type>(&batch, tie)?),
            _ => None,
        };
        Ok(Self { batch, times, ties, options: Arc::clone(options) })
    }

    /// Returns other rows of the same table, made by a kernel of Arrow's; `symbol` is for errors.
    pub(crate) fn remade(
        &self,
        symbol: &str,
        make: impl FnOnce() -> Result<RecordBatch, ArrowError>,
    ) -> Result<Self, Error> {
        let unfit = |why: String| TableProblem::Unfit { why };
        let made = match caught(make) {
            Some(made) => made.map_err(|e| unfit(e.to_string())),
            None => Err(unfit("an index overflows".to_owned())),
        };
        made.and_then(|batch| Self::of(batch, &self.options))
            .map_err(|problem| Error::of_table(symbol, problem))
    }

    pub(crate) fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    pub(crate) fn into_batch(self) -> RecordBatch {
        self.batch
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns what rows are in order by.
    pub(crate) fn key(&self, row: usize) -> (Millis, Option<i64>) {
        (self.times.value(row), self.tie(row))
    }

    pub(crate) fn tie(&self, row: usize) -> Option<i64> {
        self.ties.as_ref().map(|ties| ties.value(row))
    }

    fn check_order(&self) -> Result<(), TableProblem> {
        if self.times().is_sorted_by(|before, here| before < here) {
            return Ok(());
        }
        // Rows of one time may follow one another when the column that tells them apart was not read.
        let may_repeat = self.options.tie.is_some() && self.ties.is_none();
        for row in 1..self.len() {
            let (before, here) = (self.key(row - 1), self.key(row));
            let (time, tie) = here;
            if here < before {
                return Err(TableProblem::Unsorted { row, time, tie });
            }
            if here == before && !may_repeat {
                return Err(TableProblem::Duplicate { row, time, tie });
            }
        }
        Ok(())
    }

    /// Returns the rows under the columns of a table, which differ at most in what is noted of them.
    fn under(&self, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
        RecordBatch::try_new(Arc::clone(schema), self.batch.columns().to_vec())
    }

    /// Names a column that Parquet would not give back as it is.
    fn find_lossy(&self, bytes: &Bytes) -> Option<TableProblem> {
        let fields = self.batch.schema_ref().fields();
        let doubtful = (0..fields.len()).filter(|&at| !schema::is_plain(fields[at].data_type()));
        let lossy = |at: &usize| !file::comes_back(bytes, &self.batch, *at);
        doubtful.into_iter().find(lossy).map(|at| TableProblem::Lossy {
            column: fields[at].name().clone(),
            found: fields[at].data_type().to_string(),
        })
    }
}

/// Returns a column by which rows are in order.
fn column_of<T: ArrowPrimitiveType>(
    batch: &RecordBatch,
    name: &str,
) -> Result<PrimitiveArray<T>, TableProblem> {
    let field = schema::find(batch.schema_ref(), name)?;
    let column = batch.column_by_name(name).and_then(|column| column.as_primitive_opt::<T>());
    let Some(column) = column else {
        let (column, found) = (name.to_owned(), field.data_type().to_string());
        return Err(TableProblem::ColumnType { column, found, allowed: "what the library's options say" });
    };
    match (0..column.len()).find(|&row| column.is_null(row)) {
        Some(row) => Err(TableProblem::Empty { row, column: name.to_owned() }),
        None => Ok(column.clone()),
    }
}

/// Joins batches of the same columns, of which there is at least one.
fn joined(batches: &[RecordBatch]) -> Result<RecordBatch, TableProblem> {
    let unfit = |why: String| TableProblem::Unfit { why };
    match caught(|| concat_batches(&batches[0].schema(), batches)) {
        Some(joined) => joined.map_err(|e| unfit(e.to_string())),
        None => Err(unfit("an index overflows".to_owned())),
    }
}

/// Rows of a table being read, file by file.
pub(crate) struct TableBuilder {
    format: TableFormat,
    batches: Vec<RecordBatch>,
}

impl Rows for TableRows {
    type Format = TableFormat;
    type Builder = TableBuilder;

    fn times(&self) -> &[Millis] {
        self.times.values()
    }

    fn slice(&self, rows: Range<usize>) -> Self {
        let (start, len) = (rows.start, rows.len());
        Self {
            batch: self.batch.slice(start, len),
            times: self.times.slice(start, len),
            ties: self.ties.as_ref().map(|ties| ties.slice(start, len)),
            options: Arc::clone(&self.options),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.batch.columns() == other.batch.columns()
    }

    fn merge(symbol: &str, stored: &Self, new: &Self, equal: Equal) -> Result<Self, Error> {
        merge::merge(symbol, stored, new, equal)
    }

    fn splice(symbol: &str, stored: &Self, range: TimeRange, new: &Self) -> Result<Self, Error> {
        merge::splice(symbol, stored, range, new)
    }

    fn encode(
        &self,
        format: &TableFormat,
        symbol: &str,
        period: &str,
        nonce: &str,
    ) -> Result<NewFile, Error> {
        let refused = |problem| Error::of_table(symbol, problem);
        let failed = |source| Error::Encode { what: format!("rows of {symbol}"), source };
        let times = self.times();
        let (Some(&ts_min), Some(&ts_max)) = (times.first(), times.last()) else {
            return Err(failed("no rows".into()));
        };
        if self.len() > MAX_ROWS {
            return Err(refused(TableProblem::TooManyRows { rows: self.len(), limit: MAX_ROWS }));
        }
        let batch = match &format.schema {
            Some(schema) => self.under(schema).map_err(|e| failed(e.into()))?,
            None => self.batch.clone(),
        };
        let bytes = file::encode(&batch, &format.options).map_err(|e| failed(e.into()))?;
        let bytes = Bytes::from(bytes);
        if let Some(problem) = self.find_lossy(&bytes) {
            return Err(refused(problem));
        }
        let hash = blake3::hash(&bytes);
        let values = batch.schema_ref().fields().iter().zip(batch.columns());
        let values = values.filter(|(field, _)| *field.name() != format.options.time);
        let entry = FileEntry {
            key: data_key(period, &hash, nonce),
            period: period.to_owned(),
            ts_min,
            ts_max,
            rows: len_u64(self.len()),
            bytes: len_u64(bytes.len()),
            blake3: hash.to_hex().to_string(),
            columns: values.map(|(_, column)| stats::stats(column)).collect(),
            gaps: Gaps::default(),
            rows_hash: None,
        };
        Ok(NewFile { entry, bytes })
    }

    fn builder(format: &TableFormat, _: usize) -> TableBuilder {
        TableBuilder { format: format.clone(), batches: Vec::new() }
    }

    fn add(
        builder: &mut TableBuilder,
        file: &FileEntry,
        bytes: Bytes,
        range: TimeRange,
    ) -> Result<(), Damage> {
        builder.batches.extend(file::decode(file, bytes, &builder.format, range)?);
        Ok(())
    }

    fn finish(builder: TableBuilder, layout: &SymbolLayout, first: &Path) -> Result<Self, Error> {
        let foreign = |problem: TableProblem| damaged(first, Damage::Foreign(problem.to_string()));
        let TableBuilder { format, mut batches } = builder;
        let batch = match (batches.len(), &format.schema) {
            (0, None) => return Ok(Self::none(&format.options)),
            (0, Some(all)) => RecordBatch::new_empty(format.wanted(all).map_err(foreign)?),
            (1, _) => batches.remove(0),
            _ => joined(&batches).map_err(|problem| Error::of_table(layout.symbol(), problem))?,
        };
        let rows = Self::of(batch, &format.options).map_err(foreign)?;
        rows.check_order().map_err(foreign)?;
        Ok(rows)
    }

    fn schema(format: &TableFormat) -> manifest::Schema {
        let none = || Arc::new(Schema::empty());
        schema::describe(&format.schema.clone().unwrap_or_else(none), &format.options)
    }

    fn periods(format: &TableFormat) -> Periods {
        format.periods
    }

    fn series(_: &TableFormat) -> Option<SeriesKey> {
        None
    }

    fn stored(format: &TableFormat, layout: &SymbolLayout, of: &Manifest) -> Result<TableFormat, Error> {
        let path = layout.manifest(of.version);
        let all = match (&of.series, &of.schema.arrow) {
            (None, Some(message)) => schema::decode(message).map_err(|damage| damaged(&path, damage))?,
            (Some(_), None) => schema::of_candles(),
            _ => return Err(damaged(&path, Damage::Foreign("it does not say its columns".to_owned()))),
        };
        schema::check(&all, &format.options)
            .map_err(|problem| damaged(&path, Damage::Foreign(problem.to_string())))?;
        format.wanted(&all).map_err(|problem| Error::of_table(layout.symbol(), problem))?;
        Ok(TableFormat { schema: Some(all), ..format.clone() })
    }

    fn join(
        format: &TableFormat,
        layout: &SymbolLayout,
        head: &Manifest,
        metadata: &Metadata,
    ) -> Result<TableFormat, Error> {
        check_labels(head, metadata)?;
        let stored = Self::stored(format, layout, head)?;
        let given = format.schema.as_ref().zip(stored.schema.as_ref());
        match given.and_then(|(given, stored)| schema::difference(stored, given)) {
            Some(problem) => Err(Error::of_table(layout.symbol(), problem)),
            None => Ok(stored),
        }
    }
}
