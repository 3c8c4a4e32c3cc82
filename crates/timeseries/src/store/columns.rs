//! Some columns of candles.

use std::sync::Arc;

use tradai_domain::{SeriesKey, TimeRange};

use super::Store;
use super::head::layout_of;
use super::library::TableOptions;
use super::part::Part;
use super::period::Periods;
use super::table::{TableFormat, TableRead, TableRows};
use super::types::AsOf;
use crate::error::Error;
use crate::files::TIME_COLUMN;

impl Store {
    /// Returns some columns of the candles that open in `range`, or `None` when there is no such series: a
    /// batch of `timestamp` and those, in the order given. Only these columns are decoded.
    ///
    /// # Errors
    /// [`Error::Table`] naming a column that candles do not have, and those of [`Store::read`].
    pub async fn read_columns(
        &self,
        key: &SeriesKey,
        range: TimeRange,
        as_of: AsOf,
        columns: &[&str],
    ) -> Result<Option<TableRead>, Error> {
        // Data files of candles are tables of six columns.
        let format = TableFormat {
            options: Arc::new(TableOptions { time: TIME_COLUMN.to_owned(), ..TableOptions::default() }),
            periods: Periods::of(key.timeframe),
            schema: None,
            columns: Some(columns.iter().map(|&name| name.to_owned()).collect()),
        };
        let layout = layout_of(key)?;
        let read = self.read_rows::<TableRows>(&layout, &format, Part::In(range), &as_of).await?;
        Ok(read.map(|(stored, rows)| TableRead::of(&stored.manifest, rows)))
    }
}
