//! Result files of a job, read from their bytes: for hosts that have objects and no folder.
//!
//! The files are `trades.parquet` and `equity.parquet`, as [`crate::backtest`] writes them. Invariant: any bytes are
//! survived; what is no table of ours is an error that says so.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row, RowAccessor};
use serde_json::{Map, Value};
use tradai_domain::Millis;

use crate::report::kept;

/// A file is not what a job writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the file is no table of a result: {0}")]
pub struct TableError(String);

impl From<ParquetError> for TableError {
    fn from(error: ParquetError) -> Self {
        Self(error.to_string())
    }
}

/// A table of a result.
pub struct Table {
    reader: SerializedFileReader<Bytes>,
}

impl Table {
    /// Opens a Parquet file.
    ///
    /// # Errors
    /// [`TableError`] when it is none.
    pub fn open(parquet: Vec<u8>) -> Result<Self, TableError> {
        guarded(|| Ok(Self { reader: SerializedFileReader::new(Bytes::from(parquet))? }))
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }

    /// Returns whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of the columns, in their order.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        schema.columns().iter().map(|column| column.name()).collect()
    }

    /// Returns rows as objects: moments as RFC 3339, numbers that are none as null.
    ///
    /// # Errors
    /// [`TableError`] when a row cannot be read.
    pub fn rows(&self, first: usize, most: usize) -> Result<Vec<Map<String, Value>>, TableError> {
        guarded(|| {
            let rows = self.reader.get_row_iter(None)?.skip(first).take(most);
            rows.map(|row| Ok(object(&row?))).collect()
        })
    }

    /// Returns the table as CSV: a line of names, then one per row, moments as RFC 3339.
    ///
    /// # Errors
    /// [`TableError`] when a row cannot be read.
    pub fn csv(&self) -> Result<Vec<u8>, TableError> {
        let failed = |error: csv::Error| TableError(error.to_string());
        guarded(|| {
            let mut out = csv::Writer::from_writer(Vec::new());
            out.write_record(self.columns()).map_err(failed)?;
            for row in self.reader.get_row_iter(None)? {
                let row = row?;
                out.write_record(row.get_column_iter().map(|(_, field)| text(field))).map_err(failed)?;
            }
            out.into_inner().map_err(|error| TableError(error.to_string()))
        })
    }

    /// Returns the points of `equity.parquet`: moment and wallet, at most `most` of them (at least 4). Where there are
    /// more, the lowest and the highest of each stretch are kept.
    ///
    /// # Errors
    /// [`TableError`] when it is another table.
    pub fn equity(&self, most: usize) -> Result<Vec<(Millis, f64)>, TableError> {
        guarded(|| {
            let (mut times, mut values) = (Vec::new(), Vec::new());
            for row in self.reader.get_row_iter(None)? {
                let row = row?;
                times.push(row.get_timestamp_millis(0)?);
                values.push(row.get_double(1)?);
            }
            Ok(kept(&values, most.max(4)).into_iter().map(|at| (times[at], values[at])).collect())
        })
    }
}

/// Runs a decoder of another library, which returns an error for most damage and panics for the rest.
fn guarded<T>(decode: impl FnOnce() -> Result<T, TableError>) -> Result<T, TableError> {
    let contradicts = |_| Err(TableError("its structure contradicts itself".to_owned()));
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(contradicts)
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rows", &self.len()).finish_non_exhaustive()
    }
}

fn object(row: &Row) -> Map<String, Value> {
    row.get_column_iter().map(|(name, field)| (name.clone(), json(field))).collect()
}

fn json(field: &Field) -> Value {
    match field {
        Field::Bool(flag) => Value::Bool(*flag),
        Field::Long(number) => Value::from(*number),
        Field::Double(number) => Value::from(*number),
        Field::Str(text) => Value::String(text.clone()),
        Field::TimestampMillis(at) => Value::String(date(*at)),
        _ => Value::Null,
    }
}

fn text(field: &Field) -> String {
    match field {
        Field::Bool(flag) => flag.to_string(),
        Field::Long(number) => number.to_string(),
        Field::Double(number) if number.is_finite() => number.to_string(),
        Field::Str(text) => text.clone(),
        Field::TimestampMillis(at) => date(*at),
        _ => String::new(),
    }
}

fn date(at: Millis) -> String {
    let date = DateTime::from_timestamp_millis(at);
    date.map(|date| date.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tradai_engine::EquityCurve;

    use super::*;
    use crate::backtest::equity_table;

    fn curve(values: Vec<f64>) -> Table {
        let bytes = equity_table(&EquityCurve { start: 1_704_067_200_000, step_ms: 60_000, values });
        Table::open(bytes.unwrap()).unwrap()
    }

    #[test]
    fn rows_have_the_columns_names_and_moments_of_rfc_3339() {
        let table = curve(vec![100.0, 101.5, f64::NAN]);
        assert_eq!((table.len(), table.columns()), (3, vec!["time", "equity"]));
        let rows = table.rows(1, 10).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["time"], "2024-01-01T00:01:00.000Z");
        assert_eq!((&rows[0]["equity"], &rows[1]["equity"]), (&Value::from(101.5), &Value::Null));
        assert!(table.rows(3, 1).unwrap().is_empty());
        let csv = String::from_utf8(table.csv().unwrap()).unwrap();
        assert_eq!(csv.lines().nth(1), Some("2024-01-01T00:00:00.000Z,100"));
        assert_eq!(csv.lines().count(), 4);
    }

    #[test]
    fn long_curves_are_thinned_and_keep_their_spikes() {
        let mut values = vec![100.0; 10_000];
        values[7_777] = 250.0;
        let points = curve(values).equity(100).unwrap();
        assert!(points.len() <= 100 && points.iter().any(|(_, value)| *value == 250.0), "{points:?}");
        assert!(points.is_sorted_by(|one, next| one.0 < next.0));
        assert_eq!(curve(Vec::new()).equity(100).unwrap(), []);
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        let whole = equity_table(&EquityCurve { start: 0, step_ms: 1, values: vec![1.0; 50] }).unwrap();
        for bytes in [Vec::new(), b"PAR1".to_vec(), whole[..whole.len() / 2].to_vec()] {
            assert!(Table::open(bytes).is_err());
        }
        // Damaged in the middle, it opens or not, and never panics.
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0xff;
            if let Ok(table) = Table::open(damaged) {
                drop((table.rows(0, 100), table.csv(), table.equity(100)));
            }
        }
    }
}
