//! What may be wrong with rows of a table.

use tradai_domain::{ErrorKind, Millis};

/// Why rows cannot be stored in a table, or a column cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// A column is missing.
    #[error("no column `{column}`; there are {known}")]
    NoColumn {
        /// The column asked for.
        column: String,
        /// The columns that are there, joined by commas.
        known: String,
    },
    /// A column has no name, or the name of another one.
    #[error("column {place} is called `{name}`; allowed is a name that no other column has")]
    ColumnName {
        /// Place of the column, from 0.
        place: usize,
        /// Its name.
        name: String,
    },
    /// A column is of a type that cannot be stored there.
    #[error("column `{column}` is {found}; allowed is {allowed}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What could be stored.
        allowed: &'static str,
    },
    /// The rows have other columns than the stored ones.
    #[error(
        "column {place} is stored as {stored}, the new rows have {given}; a write may change the columns"
    )]
    Columns {
        /// Place of the first differing column, from 0.
        place: usize,
        /// Name, type and whether it may be empty; `nothing` when there is no such column.
        stored: String,
        /// The same of the new rows.
        given: String,
    },
    /// A time or tie is empty.
    #[error("row {row}: column `{column}` is empty; rows are in order by it")]
    Empty {
        /// Row number, from 0.
        row: usize,
        /// The column.
        column: String,
    },
    /// A row comes before the one in front of it.
    #[error("row {row} ({}) is earlier than the row before it", moment(*time, *tie))]
    Unsorted {
        /// Row number, from 0.
        row: usize,
        /// Its time.
        time: Millis,
        /// Its tie, in libraries that have one.
        tie: Option<i64>,
    },
    /// A row has the time, and the tie if there is one, of the row before it.
    #[error("row {row} ({}) repeats the row before it", moment(*time, *tie))]
    Duplicate {
        /// Row number, from 0.
        row: usize,
        /// Its time.
        time: Millis,
        /// Its tie, in libraries that have one.
        tie: Option<i64>,
    },
    /// A new row disagrees with a stored one.
    #[error("the row of {} is stored with {column} = {stored}, the new one has {given}", moment(*time, *tie))]
    Conflict {
        /// Time of the first differing row.
        time: Millis,
        /// Its tie, in libraries that have one.
        tie: Option<i64>,
        /// The first differing column.
        column: String,
        /// The stored value as text.
        stored: String,
        /// The refused value as text.
        given: String,
    },
    /// More rows than one file may have.
    #[error("{rows} rows fall into one period; at most {limit} are stored, choose shorter periods")]
    TooManyRows {
        /// The rows.
        rows: usize,
        /// The limit.
        limit: usize,
    },
    /// The rows do not fit into one batch, such as strings of more than 2 GiB in a column of 32-bit offsets.
    #[error("the rows do not fit into one batch ({why}); read a part of them, or choose shorter periods")]
    Unfit {
        /// What Arrow said.
        why: String,
    },
    /// Parquet does not keep all of a column's values.
    #[error("column `{column}` ({found}) does not come back from Parquet as it was")]
    Lossy {
        /// The column.
        column: String,
        /// Its type.
        found: String,
    },
}

impl TableProblem {
    /// Returns what a caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Columns { .. } | Self::Conflict { .. } => ErrorKind::Conflict,
            _ => ErrorKind::Invalid,
        }
    }
}

/// Writes a time to the millisecond: `2024-06-01 08:00:00.123`, with the tie behind a `#`.
fn moment(time: Millis, tie: Option<i64>) -> String {
    let at = chrono::DateTime::from_timestamp_millis(time)
        .map_or_else(|| format!("{time} ms"), |at| at.format("%Y-%m-%d %H:%M:%S%.3f").to_string());
    tie.map_or(at.clone(), |tie| format!("{at} #{tie}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_row() {
        let problem = TableProblem::Conflict {
            time: 1_717_228_800_123,
            tie: Some(7),
            column: "price".to_owned(),
            stored: "1.5".to_owned(),
            given: "2".to_owned(),
        };
        assert_eq!(
            problem.to_string(),
            "the row of 2024-06-01 08:00:00.123 #7 is stored with price = 1.5, the new one has 2"
        );
        assert_eq!(problem.kind(), ErrorKind::Conflict);
        let far = TableProblem::Unsorted { row: 3, time: i64::MAX, tie: None };
        assert_eq!(far.to_string(), "row 3 (9223372036854775807 ms) is earlier than the row before it");
    }
}
