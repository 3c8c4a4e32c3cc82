//! Candles as JSON: an array of `[ms, open, high, low, close, volume]`, which is what Freqtrade keeps and what
//! exchanges answer (Binance with more fields and numbers in quotes).

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};
use tradai_domain::CandleSeries;

use super::csv::{parse_number, parse_time, shown};
use super::time::TimeUnit;
use super::{MAX_ROWS, RawCandles, TIME_COLUMN, VALUE_COLUMNS};
use crate::error::{Error, FileProblem};

/// Reads text; `file` is its name in errors. A `null` price or volume reads as NaN.
pub(crate) fn decode(text: &[u8], file: &str) -> Result<RawCandles, Error> {
    let failed = |e: serde_json::Error| Error::Format {
        file: file.to_owned(),
        format: "candle JSON",
        source: Box::new(e),
    };
    let (mut raw, mut problem) = (RawCandles::default(), None);
    let mut text = serde_json::Deserializer::from_slice(text);
    let rows = Rows { raw: &mut raw, problem: &mut problem };
    let read = rows.deserialize(&mut text).and_then(|()| text.end());
    match (read, problem) {
        (_, Some(problem)) => Err(Error::File { file: file.to_owned(), problem }),
        (Err(e), None) => Err(failed(e)),
        (Ok(()), None) => Ok(raw),
    }
}

/// Takes row by row, up to the first that is none: a small compressed file may hold more text than memory.
struct Rows<'a> {
    raw: &'a mut RawCandles,
    problem: &'a mut Option<FileProblem>,
}

impl Rows<'_> {
    fn take(&mut self, number: usize, row: &Row) -> Result<(), FileProblem> {
        if number == MAX_ROWS {
            let limit = u64::try_from(MAX_ROWS).unwrap_or(u64::MAX);
            return Err(FileProblem::TooLarge { what: "more rows than that".to_owned(), limit });
        }
        row.append_to(number, self.raw)
    }
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(row) = rows.next_element::<Row>()? {
            if let Err(problem) = self.take(number, &row) {
                *self.problem = Some(problem);
                return Err(A::Error::custom("a row is no candle"));
            }
            number += 1;
        }
        Ok(())
    }
}

/// The first six cells of a row and how many there were.
struct Row {
    cells: [Cell; 6],
    found: usize,
}

#[derive(Debug, Default)]
enum Cell {
    #[default]
    Null,
    Integer(i64),
    Number(f64),
    Text(String),
}

impl Row {
    fn append_to(&self, row: usize, raw: &mut RawCandles) -> Result<(), FileProblem> {
        if self.found < 6 {
            return Err(FileProblem::Fields { row, found: self.found, expected: 6 });
        }
        let refused = |column: &str, cell: &Cell, allowed| FileProblem::Cell {
            row,
            column: column.to_owned(),
            value: cell.shown(),
            allowed,
        };
        let [time, values @ ..] = &self.cells;
        let open_time =
            time.time().ok_or_else(|| refused(TIME_COLUMN, time, "an integer of seconds to nanoseconds"))?;
        let mut ohlcv = [f64::NAN; 5];
        for ((slot, cell), column) in ohlcv.iter_mut().zip(values).zip(VALUE_COLUMNS) {
            *slot = cell.number().ok_or_else(|| refused(column, cell, "a number"))?;
        }
        raw.push(open_time, ohlcv);
        Ok(())
    }
}

impl Cell {
    fn time(&self) -> Option<i64> {
        match self {
            Self::Integer(stamp) => Some(TimeUnit::Unknown.to_millis(*stamp)),
            // `{}` of a whole double has no fraction, so that 1.5029424e12 is read as an integer.
            Self::Number(stamp) => parse_time(&stamp.to_string()),
            Self::Text(text) => parse_time(text),
            Self::Null => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a price or volume is the nearest double")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Null => Some(f64::NAN),
            Self::Integer(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Text(text) => parse_number(text),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => format!("`{}`", shown(text)),
        }
    }
}

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RowVisitor;

        impl<'de> Visitor<'de> for RowVisitor {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array [ms, open, high, low, close, volume]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut cells: A) -> Result<Row, A::Error> {
                let mut row = Row { cells: Default::default(), found: 0 };
                while let Some(cell) = cells.next_element::<Cell>()? {
                    if let Some(slot) = row.cells.get_mut(row.found) {
                        *slot = cell;
                    }
                    row.found += 1;
                }
                Ok(row)
            }
        }

        deserializer.deserialize_seq(RowVisitor)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CellVisitor;

        impl Visitor<'_> for CellVisitor {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, a number in quotes, or null")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell::Integer(value))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Cell, E> {
                i64::try_from(value).map(Cell::Integer).map_err(|_| E::custom("an integer beyond 63 bits"))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell::Number(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
                Ok(Cell::Text(value.to_owned()))
            }

            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell::Null)
            }
        }

        deserializer.deserialize_any(CellVisitor).map_err(D::Error::custom)
    }
}

/// Writes Freqtrade's array; a value that is not finite becomes `null`.
pub(crate) fn encode(candles: &CandleSeries) -> Result<Vec<u8>, serde_json::Error> {
    let rows: Vec<_> = (0..candles.len())
        .map(|row| {
            let (open, high) = (candles.open()[row], candles.high()[row]);
            let (low, close) = (candles.low()[row], candles.close()[row]);
            (candles.open_time()[row], open, high, low, close, candles.volume()[row])
        })
        .collect();
    serde_json::to_vec(&rows)
}
