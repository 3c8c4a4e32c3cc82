//! Candle files of other programs: reading whatever is out there, writing what others can read.
//!
//! Formats: Parquet, Freqtrade's feather (Arrow IPC) and JSON, and CSV with or without a header. Readers treat
//! a file as hostile: they return [`RawCandles`] just as the file has them, or an [`Error`]
//! naming file, column and row. Invariant: no bytes make a reader panic or hand out a number that the file
//! does not hold.

mod column_form;
mod csv;
mod decimal;
mod feather;
mod format;
mod json;
mod name;
mod parquet_plain;
mod parquet_read;
mod parquet_write;
mod raw;
mod time;

pub use column_form::Profile;
pub(crate) use decimal::{power_of_ten, to_double};
pub use format::{FileFormat, read_candles, write_candles};
pub use name::parse_file_name;
pub(crate) use parquet_read::{check_offsets, decode_into};
pub use parquet_read::{read_parquet, read_parquet_candles};
pub(crate) use parquet_write::{TIME_COLUMN, encode as encode_parquet, forms};
pub use raw::{Cleaned, Cleaning, RawCandles, row_of};

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Error;

/// Runs a decoder of another library; returns `None` when it panics. Those return errors for most damage but
/// not for all: a panic in them is a damaged file, not a fault of ours, and must not end a process that reads
/// many.
pub(crate) fn caught<T>(decode: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(decode)).ok()
}

fn guarded(
    file: &str,
    format: &'static str,
    decode: impl FnOnce() -> Result<RawCandles, Error>,
) -> Result<RawCandles, Error> {
    caught(decode).unwrap_or_else(|| {
        let source = "its structure contradicts itself".into();
        Err(Error::Format { file: file.to_owned(), format, source })
    })
}

/// Rows that one file may have: 38 years of one-minute candles. A few bytes of a hostile file could claim more
/// than memory holds.
pub(crate) const MAX_ROWS: usize = 20_000_000;

/// The value columns, in the order that candles have everywhere.
pub(crate) const VALUE_COLUMNS: [&str; 5] = ["open", "high", "low", "close", "volume"];

/// Names under which files keep the open time, the likeliest first.
pub(crate) const TIME_COLUMNS: [&str; 5] = ["timestamp", "date", "open_time", "datetime", "time"];
