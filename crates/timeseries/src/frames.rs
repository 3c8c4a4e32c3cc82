//! Candles and tables as Polars frames (feature `polars`).
//!
//! A scan fetches the files of its range as any read does, and hands the columns over as they are: Polars
//! filters, groups and resamples from there. Columns without nulls are not copied where they came out of one
//! file; strings and columns with nulls are.

use arrow_array::cast::AsArray;
use arrow_array::types as arrow;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};
use polars::prelude::{
    BinaryChunked, BooleanChunked, ChunkedArray, Column, DataFrame, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntoLazy, IntoSeries, LazyFrame, NewChunkedArray, PlSmallStr,
    PolarsNumericType, Series, StringChunked, TimeUnit as FrameUnit, TimeZone, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use tradai_domain::{CandleSeries, SeriesKey, TimeRange};

use crate::arrow::into_record_batch;
use crate::candle_store::CandleStore;
use crate::error::Error;
use crate::store::{AsOf, Read, Store, TableProblem, TableRead, Tables};
use crate::table_store::TableStore;

const TYPES_ALLOWED: &str = "booleans, integers, floats, dates, timestamps of milliseconds or finer in a known time \
                             zone, strings and bytes; read other columns as record batches";

impl Store {
    /// Returns the candles of a version that open in `range` as a lazy frame, or `None` when there is no such
    /// series. Columns are those of [`into_data_frame`].
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn scan(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        as_of: AsOf,
    ) -> Result<Option<LazyFrame>, Error> {
        let read = self.read(key, range, as_of).await?;
        Ok(read.map(|read| read.into_data_frame().lazy()))
    }
}

impl CandleStore {
    /// See [`Store::scan`].
    ///
    /// # Errors
    /// Those of [`Store::scan`].
    pub fn scan(&self, key: &SeriesKey, range: TimeRange, as_of: AsOf) -> Result<Option<LazyFrame>, Error> {
        let read = self.read(key, range, as_of)?;
        Ok(read.map(|read| read.into_data_frame().lazy()))
    }
}

impl Tables {
    /// Returns the rows of a version whose time lies in `range` as a lazy frame, or `None` when there is no such
    /// table. `columns` are as for [`Tables::read`].
    ///
    /// # Errors
    /// [`Error::Table`] naming a column that frames cannot hold, and those of [`Tables::read`].
    pub async fn scan(
        &self,
        symbol: &str,
        range: TimeRange,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<LazyFrame>, Error> {
        lazy(symbol, self.read(symbol, range, as_of, columns).await?)
    }
}

impl TableStore {
    /// See [`Tables::scan`].
    ///
    /// # Errors
    /// Those of [`Tables::scan`].
    pub fn scan(
        &self,
        symbol: &str,
        range: TimeRange,
        as_of: AsOf,
        columns: Option<&[&str]>,
    ) -> Result<Option<LazyFrame>, Error> {
        lazy(symbol, self.read(symbol, range, as_of, columns)?)
    }
}

fn lazy(symbol: &str, read: Option<TableRead>) -> Result<Option<LazyFrame>, Error> {
    let frame = read.map(TableRead::into_data_frame).transpose();
    let frame = frame.map_err(|problem| Error::of_table(symbol, problem))?;
    Ok(frame.map(IntoLazy::lazy))
}

impl Read {
    /// Returns the candles as a frame; see [`into_data_frame`].
    #[must_use]
    pub fn into_data_frame(self) -> DataFrame {
        into_data_frame(self.series)
    }
}

impl TableRead {
    /// Returns the rows as a frame.
    ///
    /// # Errors
    /// [`TableProblem::ColumnType`] naming a column that frames cannot hold.
    pub fn into_data_frame(self) -> Result<DataFrame, TableProblem> {
        let (schema, columns, rows) = self.batch.into_parts();
        let fields = schema.fields().iter().zip(columns);
        let columns = fields.map(|(field, column)| {
            let refused = TableProblem::ColumnType {
                column: field.name().clone(),
                found: field.data_type().to_string(),
                allowed: TYPES_ALLOWED,
            };
            frame_column(field.name(), column).ok_or(refused)
        });
        Ok(frame(rows, columns.collect::<Result<_, _>>()?))
    }
}

/// Turns candles into a frame: `timestamp` (milliseconds, UTC) and `open`, `high`, `low`, `close`, `volume`. The
/// columns become the frame's as they are.
#[must_use]
pub fn into_data_frame(candles: CandleSeries) -> DataFrame {
    let (schema, columns, rows) = into_record_batch(candles).into_parts();
    let fields = schema.fields().iter().zip(columns);
    frame(rows, fields.filter_map(|(field, column)| frame_column(field.name(), column)).collect())
}

fn frame(rows: usize, columns: Vec<Column>) -> DataFrame {
    DataFrame::new(rows, columns).expect("columns of a batch are of one length and differ in name")
}

/// Returns an Arrow column as Polars has it, or `None` when it has no such type.
fn frame_column(name: &str, column: ArrayRef) -> Option<Column> {
    let name = PlSmallStr::from_str(name);
    let series = match column.data_type().clone() {
        DataType::Boolean => {
            BooleanChunked::from_iter_options(name, column.as_boolean().iter()).into_series()
        }
        DataType::Int8 => numbers::<arrow::Int8Type, Int8Type>(name, column),
        DataType::Int16 => numbers::<arrow::Int16Type, Int16Type>(name, column),
        DataType::Int32 => numbers::<arrow::Int32Type, Int32Type>(name, column),
        DataType::Int64 => numbers::<arrow::Int64Type, Int64Type>(name, column),
        DataType::UInt8 => numbers::<arrow::UInt8Type, UInt8Type>(name, column),
        DataType::UInt16 => numbers::<arrow::UInt16Type, UInt16Type>(name, column),
        DataType::UInt32 => numbers::<arrow::UInt32Type, UInt32Type>(name, column),
        DataType::UInt64 => numbers::<arrow::UInt64Type, UInt64Type>(name, column),
        DataType::Float32 => numbers::<arrow::Float32Type, Float32Type>(name, column),
        DataType::Float64 => numbers::<arrow::Float64Type, Float64Type>(name, column),
        DataType::Date32 => numbers::<arrow::Date32Type, Int32Type>(name, column).into_date(),
        DataType::Timestamp(unit, zone) => moments(name, column, unit, zone.as_deref())?,
        DataType::Utf8 => {
            StringChunked::from_iter_options(name, column.as_string::<i32>().iter()).into_series()
        }
        DataType::LargeUtf8 => {
            StringChunked::from_iter_options(name, column.as_string::<i64>().iter()).into_series()
        }
        DataType::Binary => {
            BinaryChunked::from_iter_options(name, column.as_binary::<i32>().iter()).into_series()
        }
        DataType::LargeBinary => {
            BinaryChunked::from_iter_options(name, column.as_binary::<i64>().iter()).into_series()
        }
        _ => return None,
    };
    Some(series.into())
}

/// Hands numbers over without copying them, when nobody else holds them and none is missing.
fn numbers<A, P>(name: PlSmallStr, column: ArrayRef) -> Series
where
    A: ArrowPrimitiveType,
    P: PolarsNumericType<Native = A::Native>,
    ChunkedArray<P>: NewChunkedArray<P, A::Native> + IntoSeries,
{
    let array = column.as_primitive::<A>().clone();
    drop(column);
    if array.null_count() > 0 {
        return ChunkedArray::<P>::from_iter_options(name, array.iter()).into_series();
    }
    let (_, values, _) = array.into_parts();
    ChunkedArray::<P>::from_vec(name, Vec::from(values)).into_series()
}

fn moments(name: PlSmallStr, column: ArrayRef, unit: TimeUnit, zone: Option<&str>) -> Option<Series> {
    let (series, unit) = match unit {
        TimeUnit::Second => return None,
        TimeUnit::Millisecond => {
            (numbers::<arrow::TimestampMillisecondType, Int64Type>(name, column), FrameUnit::Milliseconds)
        }
        TimeUnit::Microsecond => {
            (numbers::<arrow::TimestampMicrosecondType, Int64Type>(name, column), FrameUnit::Microseconds)
        }
        TimeUnit::Nanosecond => {
            (numbers::<arrow::TimestampNanosecondType, Int64Type>(name, column), FrameUnit::Nanoseconds)
        }
    };
    let zone = TimeZone::opt_try_new(zone).ok()?;
    Some(series.into_datetime(unit, zone))
}
