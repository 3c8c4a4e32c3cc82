//! How new candles and stored ones become one series.

use tradai_domain::{CandleSeries, Millis, TimeRange};

use crate::error::Error;

/// What happens where a stored and a new candle have one open time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Equal {
    /// They must be identical.
    MustMatch,
    /// The new one wins.
    NewWins,
}

/// Merges two series by time; `symbol` is for errors.
pub(crate) fn merge(
    symbol: &str,
    stored: &CandleSeries,
    new: &CandleSeries,
    equal: Equal,
) -> Result<CandleSeries, Error> {
    let mut merged = CandleSeries::with_capacity(stored.len() + new.len());
    let (mut old_row, mut new_row) = (0, 0);
    while old_row < stored.len() && new_row < new.len() {
        let (old_time, new_time) = (stored.open_time()[old_row], new.open_time()[new_row]);
        if old_time < new_time {
            push(&mut merged, stored, old_row);
            old_row += 1;
            continue;
        }
        if old_time > new_time {
            push(&mut merged, new, new_row);
        } else if equal == Equal::NewWins {
            push(&mut merged, new, new_row);
            old_row += 1;
        } else {
            check_same(symbol, old_time, row(stored, old_row), row(new, new_row))?;
            push(&mut merged, stored, old_row);
            old_row += 1;
        }
        new_row += 1;
    }
    for rest in old_row..stored.len() {
        push(&mut merged, stored, rest);
    }
    for rest in new_row..new.len() {
        push(&mut merged, new, rest);
    }
    Ok(merged)
}

/// Puts new candles in the place of the stored ones that open in `range`.
pub(crate) fn splice(stored: &CandleSeries, range: TimeRange, new: &CandleSeries) -> CandleSeries {
    let cut = stored.rows_in(range);
    let mut spliced = CandleSeries::with_capacity(stored.len() + new.len());
    for kept in 0..cut.start {
        push(&mut spliced, stored, kept);
    }
    for added in 0..new.len() {
        push(&mut spliced, new, added);
    }
    for kept in cut.end..stored.len() {
        push(&mut spliced, stored, kept);
    }
    spliced
}

fn push(series: &mut CandleSeries, from: &CandleSeries, at: usize) {
    series.push(from.open_time()[at], row(from, at));
}

fn row(series: &CandleSeries, at: usize) -> [f64; 5] {
    [series.open()[at], series.high()[at], series.low()[at], series.close()[at], series.volume()[at]]
}

fn check_same(symbol: &str, open_time: Millis, stored: [f64; 5], given: [f64; 5]) -> Result<(), Error> {
    for (at, column) in crate::files::VALUE_COLUMNS.into_iter().enumerate() {
        let (stored, given) = (stored[at], given[at]);
        #[expect(clippy::float_cmp, reason = "a re-synced candle is identical or it is another candle")]
        let same = stored == given || (stored.is_nan() && given.is_nan());
        if !same {
            return Err(Error::Conflict { symbol: symbol.to_owned(), open_time, column, stored, given });
        }
    }
    Ok(())
}
