//! Signal files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use tradai_domain::Symbol;
use tradai_engine::GivenSignal;
use tradai_strategy::flag;

use crate::Error;

const FLAGS: [(&str, u8); 4] = [
    ("enter_long", flag::ENTER_LONG),
    ("exit_long", flag::EXIT_LONG),
    ("enter_short", flag::ENTER_SHORT),
    ("exit_short", flag::EXIT_SHORT),
];

/// Reads signals per closed candle from Parquet, by pair and ascending in time.
///
/// Columns: `pair` (text), `timestamp` (milliseconds, the candle's open), `enter_long`, `exit_long`,
/// `enter_short`, `exit_short` (0 or 1), `enter_tag`, `exit_tag` (text); flags and tags may be missing. Further
/// columns are ignored.
///
/// # Errors
/// [`Error::File`] naming file, row and column, and for two rows of one pair and time.
pub fn read_signals(path: &Path) -> Result<BTreeMap<Symbol, Vec<GivenSignal>>, Error> {
    let broken =
        |error: &dyn std::fmt::Display| Error::file(path, format!("cannot be read as Parquet: {error}"));
    let file = File::open(path).map_err(Error::io(path))?;
    let reader = SerializedFileReader::new(file).map_err(|error| broken(&error))?;
    check_columns(path, &reader)?;
    let mut signals: BTreeMap<Symbol, Vec<GivenSignal>> = BTreeMap::new();
    for (number, row) in reader.get_row_iter(None).map_err(|error| broken(&error))?.enumerate() {
        let row = row.map_err(|error| broken(&error))?;
        let (pair, signal) = signal(&row).map_err(|(column, allowed)| {
            Error::file(path, format!("row {number}: `{column}` must be {allowed}"))
        })?;
        signals.entry(pair).or_default().push(signal);
    }
    for (pair, signals) in &mut signals {
        signals.sort_by_key(|signal| signal.time);
        if let Some(twice) = signals.windows(2).find(|two| two[0].time == two[1].time) {
            let at = tradai_domain::format_utc(twice[0].time);
            return Err(Error::file(path, format!("{pair} has two rows at {at}")));
        }
    }
    Ok(signals)
}

fn check_columns(path: &Path, reader: &SerializedFileReader<File>) -> Result<(), Error> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<&str> = schema.columns().iter().map(|column| column.name()).collect();
    match ["pair", "timestamp"].into_iter().find(|name| !names.contains(name)) {
        Some(name) => Err(Error::file(path, format!("has no column `{name}`; it has {}", names.join(", ")))),
        None => Ok(()),
    }
}

/// One row; the error is the column and what it may hold.
fn signal(row: &Row) -> Result<(Symbol, GivenSignal), (&'static str, &'static str)> {
    let mut pair = None;
    let mut signal = GivenSignal { time: 0, flags: 0, enter_tag: String::new(), exit_tag: String::new() };
    for (name, field) in row.get_column_iter() {
        match name.as_str() {
            "pair" => pair = text(field).and_then(|text| text.parse::<Symbol>().ok()),
            "timestamp" => signal.time = integer(field).ok_or(("timestamp", "milliseconds since 1970"))?,
            "enter_tag" => signal.enter_tag = text(field).unwrap_or_default().to_owned(),
            "exit_tag" => signal.exit_tag = text(field).unwrap_or_default().to_owned(),
            other => {
                let Some((column, bit)) = FLAGS.into_iter().find(|(column, _)| *column == other) else {
                    continue;
                };
                match (integer(field), field) {
                    (Some(1), _) => signal.flags |= bit,
                    (Some(0), _) | (None, Field::Null) => {}
                    _ => return Err((column, "0 or 1")),
                }
            }
        }
    }
    Ok((pair.ok_or(("pair", "a pair such as BTC/USDT"))?, signal))
}

fn text(field: &Field) -> Option<&str> {
    match field {
        Field::Str(text) => Some(text),
        _ => None,
    }
}

fn integer(field: &Field) -> Option<i64> {
    match field {
        Field::Bool(flag) => Some(i64::from(*flag)),
        Field::Byte(value) => Some(i64::from(*value)),
        Field::UByte(value) => Some(i64::from(*value)),
        Field::Short(value) => Some(i64::from(*value)),
        Field::Int(value) => Some(i64::from(*value)),
        Field::Long(value) | Field::TimestampMillis(value) => Some(*value),
        Field::TimestampMicros(value) => Some(value.div_euclid(1_000)),
        Field::Double(value) if value.fract() == 0.0 => Some(*value as i64),
        _ => None,
    }
}
