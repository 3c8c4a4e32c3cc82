//! JSON in columns.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::database::Outcome;

/// Writes a value for a column.
pub(crate) fn text<T: Serialize>(value: &T) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

/// Reads a value from a column. Another program, or an older one of ours, may have written it.
pub(crate) fn column<T: DeserializeOwned>(row: &Row<'_>, index: usize) -> Outcome<T> {
    let text = row.get_ref(index)?.as_str()?;
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error)))
}

/// Returns a number as SQLite holds it; one that is too large counts as the largest.
pub(crate) fn integer<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Reads a number that is never negative.
pub(crate) fn number(row: &Row<'_>, index: usize) -> Outcome<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}
