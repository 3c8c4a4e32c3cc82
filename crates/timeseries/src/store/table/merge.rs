//! How new rows of a table and stored ones become one.

use std::cmp::Ordering;
use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use arrow_select::concat::concat_batches;
use arrow_select::interleave::interleave;
use tradai_domain::TimeRange;

use super::cell::cell_text;
use super::problem::TableProblem;
use super::rows::TableRows;
use crate::error::Error;
use crate::store::merge::Equal;
use crate::store::rows::Rows;

const STORED: usize = 0;
const NEW: usize = 1;

/// Merges rows by time and tie; `symbol` is for errors.
pub(crate) fn merge(
    symbol: &str,
    stored: &TableRows,
    new: &TableRows,
    equal: Equal,
) -> Result<TableRows, Error> {
    if stored.is_empty() {
        return Ok(new.clone());
    }
    if new.is_empty() {
        return Ok(stored.clone());
    }
    let mut picked = Vec::with_capacity(stored.len() + new.len());
    let mut both = Runs::default();
    let (mut old_row, mut new_row) = (0, 0);
    while old_row < stored.len() && new_row < new.len() {
        match stored.key(old_row).cmp(&new.key(new_row)) {
            Ordering::Less => {
                picked.push((STORED, old_row));
                old_row += 1;
            }
            Ordering::Greater => {
                picked.push((NEW, new_row));
                new_row += 1;
            }
            Ordering::Equal => {
                both.add(old_row, new_row);
                picked.push(if equal == Equal::NewWins { (NEW, new_row) } else { (STORED, old_row) });
                old_row += 1;
                new_row += 1;
            }
        }
    }
    picked.extend((old_row..stored.len()).map(|row| (STORED, row)));
    picked.extend((new_row..new.len()).map(|row| (NEW, row)));
    let refused = |problem| Error::of_table(symbol, problem);
    if equal == Equal::MustMatch {
        for (old_rows, new_start) in both.0 {
            check_same(stored, old_rows, new, new_start).map_err(refused)?;
        }
    }
    stored.remade(symbol, || {
        let pick = |(old, new): (&ArrayRef, &ArrayRef)| interleave(&[old.as_ref(), new.as_ref()], &picked);
        let columns = stored.batch().columns().iter().zip(new.batch().columns()).map(pick);
        RecordBatch::try_new(stored.batch().schema(), columns.collect::<Result<_, _>>()?)
    })
}

/// Puts new rows in the place of the stored ones whose time lies in `range`.
pub(crate) fn splice(
    symbol: &str,
    stored: &TableRows,
    range: TimeRange,
    new: &TableRows,
) -> Result<TableRows, Error> {
    if stored.is_empty() {
        return Ok(new.clone());
    }
    let times = stored.times();
    let start = range.start.map_or(0, |start| times.partition_point(|&at| at < start));
    let end = range.end.map_or(times.len(), |end| times.partition_point(|&at| at < end)).max(start);
    let (before, after) = (stored.batch().slice(0, start), stored.batch().slice(end, times.len() - end));
    let parts = [&before, new.batch(), &after];
    let kept = parts.into_iter().filter(|part| part.num_rows() > 0);
    stored.remade(symbol, || concat_batches(&stored.batch().schema(), kept))
}

/// Rows that two tables share, as runs: rows of the one, and where they begin in the other.
#[derive(Debug, Default)]
struct Runs(Vec<(Range<usize>, usize)>);

impl Runs {
    fn add(&mut self, old_row: usize, new_row: usize) {
        match self.0.last_mut() {
            Some((rows, start)) if rows.end == old_row && *start + rows.len() == new_row => rows.end += 1,
            _ => self.0.push((old_row..old_row + 1, new_row)),
        }
    }
}

/// Checks that some stored rows and as many new ones are the same.
fn check_same(
    stored: &TableRows,
    old_rows: Range<usize>,
    new: &TableRows,
    new_start: usize,
) -> Result<(), TableProblem> {
    let len = old_rows.len();
    let columns = || stored.batch().columns().iter().zip(new.batch().columns());
    if columns().all(|(old, new)| old.slice(old_rows.start, len) == new.slice(new_start, len)) {
        return Ok(());
    }
    for at in 0..len {
        let (old_row, new_row) = (old_rows.start + at, new_start + at);
        for (place, (old, new)) in columns().enumerate() {
            if is_same(old, old_row, new, new_row) {
                continue;
            }
            let (time, tie) = (stored.times()[old_row], stored.tie(old_row));
            return Err(TableProblem::Conflict {
                time,
                tie,
                column: stored.batch().schema_ref().field(place).name().clone(),
                stored: cell_text(old, old_row),
                given: cell_text(new, new_row),
            });
        }
    }
    Ok(())
}

/// Compares two values. As with candles, zeros are equal whatever their sign, and so are all NaNs.
fn is_same(old: &ArrayRef, old_row: usize, new: &ArrayRef, new_row: usize) -> bool {
    if old.is_null(old_row) || new.is_null(new_row) {
        return old.is_null(old_row) && new.is_null(new_row);
    }
    #[expect(clippy::float_cmp, reason = "a re-synced row is identical or it is another row")]
    let alike = |old: f64, new: f64| old == new || (old.is_nan() && new.is_nan());
    match old.data_type() {
        DataType::Float64 => {
            let value = |array: &ArrayRef, row| array.as_primitive::<Float64Type>().value(row);
            alike(value(old, old_row), value(new, new_row))
        }
        DataType::Float32 => {
            let value = |array: &ArrayRef, row| f64::from(array.as_primitive::<Float32Type>().value(row));
            alike(value(old, old_row), value(new, new_row))
        }
        _ => old.slice(old_row, 1) == new.slice(new_row, 1),
    }
}
