//! Candles as text: with a header by name, or as Binance publishes klines, without one.

use std::fmt::Write as _;

use tradai_domain::{CandleSeries, Millis, parse_date_ms};

use super::time::TimeUnit;
use super::{MAX_ROWS, RawCandles, TIME_COLUMN, TIME_COLUMNS, VALUE_COLUMNS};
use crate::error::{Error, FileProblem};

const TIMES_ALLOWED: &str = "an integer of seconds to nanoseconds, 2024-01-31, 2024-01-31T12:00:00Z";
const NUMBERS_ALLOWED: &str = "a number";

/// Characters of a refused cell that an error shows.
const SHOWN: usize = 40;

/// Reads text; `file` is its name in errors. An empty cell of a price or volume reads as NaN.
pub(crate) fn decode(text: &[u8], file: &str) -> Result<RawCandles, Error> {
    read(text).map_err(|problem| Error::File { file: file.to_owned(), problem })
}

fn read(text: &[u8]) -> Result<RawCandles, FileProblem> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
        .peekable();
    let Some(first) = lines.peek() else {
        return Err(FileProblem::NoColumn { column: TIME_COLUMN, found: "an empty file".to_owned() });
    };
    let delimiter = first.iter().copied().find(|byte| matches!(byte, b',' | b';' | b'\t')).unwrap_or(b',');
    let columns = match Columns::without_header(first, delimiter) {
        Some(columns) => columns,
        None => {
            let columns = Columns::from_header(first, delimiter)?;
            lines.next();
            columns
        }
    };
    let mut raw = RawCandles::default();
    for (row, line) in lines.enumerate() {
        if row == MAX_ROWS {
            let limit = u64::try_from(MAX_ROWS).unwrap_or(u64::MAX);
            return Err(FileProblem::TooLarge { what: "more rows than that".to_owned(), limit });
        }
        columns.read_row(row, line, delimiter, &mut raw)?;
    }
    Ok(raw)
}

/// Which field of a line is what.
struct Columns {
    time: usize,
    values: [usize; 5],
    fields: usize,
    names: Vec<String>,
}

impl Columns {
    /// Returns the order of Binance's klines when the first line starts with a time already.
    fn without_header(line: &[u8], delimiter: u8) -> Option<Self> {
        let fields: Vec<&str> = fields(line, delimiter).collect();
        parse_time(fields.first()?)?;
        let mut names = vec![TIME_COLUMN.to_owned()];
        names.extend(VALUE_COLUMNS.map(str::to_owned));
        Some(Self { time: 0, values: [1, 2, 3, 4, 5], fields: fields.len().max(6), names })
    }

    fn from_header(line: &[u8], delimiter: u8) -> Result<Self, FileProblem> {
        let names: Vec<String> = fields(line, delimiter).map(str::to_ascii_lowercase).collect();
        let find = |name: &str| names.iter().position(|found| found == name);
        let missing = |column| {
            let found: Vec<String> = names.iter().take(20).map(|name| shown(name)).collect();
            FileProblem::NoColumn { column, found: found.join(", ") }
        };
        let time = TIME_COLUMNS.iter().find_map(|name| find(name)).ok_or_else(|| missing(TIME_COLUMN))?;
        let mut values = [0; 5];
        for (slot, name) in values.iter_mut().zip(VALUE_COLUMNS) {
            *slot = find(name).ok_or_else(|| missing(name))?;
        }
        Ok(Self { time, values, fields: names.len(), names })
    }

    fn read_row(
        &self,
        row: usize,
        line: &[u8],
        delimiter: u8,
        raw: &mut RawCandles,
    ) -> Result<(), FileProblem> {
        let mut values = [f64::NAN; 5];
        let mut time = None;
        let mut found = 0;
        for (at, field) in fields(line, delimiter).enumerate() {
            found = at + 1;
            if at == self.time {
                time = Some(parse_time(field).ok_or_else(|| self.cell(row, at, field, TIMES_ALLOWED))?);
            } else if let Some(value) = self.values.iter().position(|&column| column == at) {
                values[value] =
                    parse_number(field).ok_or_else(|| self.cell(row, at, field, NUMBERS_ALLOWED))?;
            }
        }
        let Some(time) = time.filter(|_| found == self.fields) else {
            return Err(FileProblem::Fields { row, found, expected: self.fields });
        };
        raw.push(time, values);
        Ok(())
    }

    fn cell(&self, row: usize, at: usize, value: &str, allowed: &'static str) -> FileProblem {
        let column = self.names.get(at).cloned().unwrap_or_else(|| at.to_string());
        FileProblem::Cell { row, column, value: format!("`{}`", shown(value)), allowed }
    }
}

/// Splits a line. Bytes that are no UTF-8 become a field that no parser takes.
fn fields(line: &[u8], delimiter: u8) -> impl Iterator<Item = &str> {
    line.split(move |&byte| byte == delimiter)
        .map(|field| std::str::from_utf8(field).unwrap_or("\u{fffd}").trim().trim_matches('"'))
}

pub(crate) fn parse_number(text: &str) -> Option<f64> {
    if text.is_empty() { Some(f64::NAN) } else { text.parse().ok() }
}

pub(crate) fn parse_time(text: &str) -> Option<Millis> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits && text.len() != 8 {
        return text.parse().ok().map(|stamp| TimeUnit::Unknown.to_millis(stamp));
    }
    // Spreadsheets and pandas write whole stamps as `1502942400.0`.
    if let Some(whole) = text.strip_suffix(".0") {
        return whole.parse().ok().map(|stamp| TimeUnit::Unknown.to_millis(stamp));
    }
    parse_date_ms(text).ok()
}

pub(crate) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('…');
    }
    short
}

/// Writes `timestamp,open,high,low,close,volume` with times in milliseconds and numbers in the shortest form
/// that reads back as the same double.
pub(crate) fn encode(candles: &CandleSeries) -> Vec<u8> {
    let mut text = format!("{TIME_COLUMN},{}\n", VALUE_COLUMNS.join(","));
    for row in 0..candles.len() {
        let (open, high) = (candles.open()[row], candles.high()[row]);
        let (low, close, volume) = (candles.low()[row], candles.close()[row], candles.volume()[row]);
        let time = candles.open_time()[row];
        writeln!(text, "{time},{open},{high},{low},{close},{volume}").expect("a string takes any text");
    }
    text.into_bytes()
}
