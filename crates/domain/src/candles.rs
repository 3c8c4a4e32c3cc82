//! Candle columns and what may be wrong with them.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Millis, Symbol, Timeframe};

/// What a series of candles describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CandleKind {
    /// Traded prices of a spot market.
    Spot,
    /// Traded prices of a derivative.
    Futures,
    /// The mark price that funding and liquidation use.
    Mark,
    /// Funding rates: the rate (a fraction per interval) stands in `open`.
    FundingRate,
}

impl CandleKind {
    /// Returns the suffix of Freqtrade's file names; spot has none.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Futures => "futures",
            Self::Mark => "mark",
            Self::FundingRate => "funding_rate",
        }
    }

    /// Returns the kind of a market's traded prices.
    #[must_use]
    pub fn traded(symbol: &Symbol) -> Self {
        if symbol.is_futures() { Self::Futures } else { Self::Spot }
    }
}

impl fmt::Display for CandleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CandleKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Spot, Self::Futures, Self::Mark, Self::FundingRate]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| format!("unknown candle kind `{text}`; one of spot, futures, mark, funding_rate"))
    }
}

/// What a candle series is called: one symbol, one timeframe, one kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesKey {
    /// The market.
    pub symbol: Symbol,
    /// The candle length.
    pub timeframe: Timeframe,
    /// Traded prices, mark prices or funding rates.
    pub kind: CandleKind,
}

impl SeriesKey {
    /// Returns the key of a market's traded prices.
    #[must_use]
    pub fn traded(symbol: &Symbol, timeframe: Timeframe) -> Self {
        Self { kind: CandleKind::traded(symbol), symbol: symbol.clone(), timeframe }
    }

    /// Returns the name that files and the store use: `BTC_USDT_1h`, `BTC_USDT_USDT_1h_mark`.
    #[must_use]
    pub fn store_symbol(&self) -> String {
        let stem = self.symbol.file_stem();
        match self.kind {
            CandleKind::Spot | CandleKind::Futures => format!("{stem}_{}", self.timeframe),
            kind => format!("{stem}_{}_{kind}", self.timeframe),
        }
    }
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.symbol, self.timeframe, self.kind)
    }
}

/// Candles as columns of one length, oldest first.
///
/// Invariant (checked by [`CandleSeries::new`]): `open_time` strictly increases. Prices and volume are plain
/// floats; whether they make sense is asked with [`CandleSeries::faults`], because a file may hold nonsense that
/// a user must be told about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CandleSeries {
    open_time: Vec<Millis>,
    open: Vec<f64>,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

/// Something wrong with a row of candles; `row` counts from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SeriesFault {
    /// Columns differ in length.
    #[error("column `{column}` has {len} rows where open_time has {expected}")]
    Length {
        /// The odd column.
        column: &'static str,
        /// Its rows.
        len: usize,
        /// The rows of `open_time`.
        expected: usize,
    },
    /// Opens earlier than the row before.
    #[error("row {row} ({}) is earlier than the row before it", crate::format_utc(*.open_time))]
    Unsorted {
        /// Row number.
        row: usize,
        /// Its open time.
        open_time: Millis,
    },
    /// Opens when the row before does.
    #[error("row {row} ({}) repeats the time of the row before it", crate::format_utc(*.open_time))]
    Duplicate {
        /// Row number.
        row: usize,
        /// Its open time.
        open_time: Millis,
    },
    /// A value is NaN or infinite.
    #[error("row {row} ({}) has {column} = {value}", crate::format_utc(*.open_time))]
    NotFinite {
        /// Row number.
        row: usize,
        /// Its open time.
        open_time: Millis,
        /// The column.
        column: &'static str,
        /// The value.
        value: f64,
    },
    /// The high is below the low, or open or close lie outside them, or volume or price is negative.
    #[error("row {row} ({}): {what}", crate::format_utc(*.open_time))]
    Impossible {
        /// Row number.
        row: usize,
        /// Its open time.
        open_time: Millis,
        /// Which relation does not hold, with the numbers.
        what: String,
    },
    /// The open time is no multiple of the timeframe.
    #[error("row {row} ({}) does not open on the {timeframe} grid", crate::format_utc(*.open_time))]
    OffGrid {
        /// Row number.
        row: usize,
        /// Its open time.
        open_time: Millis,
        /// The grid.
        timeframe: Timeframe,
    },
    /// Candles are missing before this row.
    #[error("{missing} candles are missing before row {row} ({})", crate::format_utc(*.open_time))]
    Gap {
        /// The first row after the hole.
        row: usize,
        /// Its open time.
        open_time: Millis,
        /// How many candles the hole has.
        missing: usize,
    },
}

impl CandleSeries {
    /// Returns a series from its columns.
    ///
    /// # Errors
    /// [`SeriesFault::Length`], [`SeriesFault::Unsorted`] or [`SeriesFault::Duplicate`]: the first one found.
    pub fn new(
        open_time: Vec<Millis>,
        open: Vec<f64>,
        high: Vec<f64>,
        low: Vec<f64>,
        close: Vec<f64>,
        volume: Vec<f64>,
    ) -> Result<Self, SeriesFault> {
        let expected = open_time.len();
        let columns =
            [("open", &open), ("high", &high), ("low", &low), ("close", &close), ("volume", &volume)];
        for (column, values) in columns {
            if values.len() != expected {
                return Err(SeriesFault::Length { column, len: values.len(), expected });
            }
        }
        for (row, pair) in open_time.windows(2).enumerate() {
            if pair[1] < pair[0] {
                return Err(SeriesFault::Unsorted { row: row + 1, open_time: pair[1] });
            }
            if pair[1] == pair[0] {
                return Err(SeriesFault::Duplicate { row: row + 1, open_time: pair[1] });
            }
        }
        Ok(Self { open_time, open, high, low, close, volume })
    }

    /// Returns the number of candles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open_time.len()
    }

    /// Returns whether there is no candle.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open_time.is_empty()
    }

    /// Returns the open times in milliseconds since the epoch, strictly increasing.
    #[must_use]
    pub fn open_time(&self) -> &[Millis] {
        &self.open_time
    }

    /// Returns the opening prices.
    #[must_use]
    pub fn open(&self) -> &[f64] {
        &self.open
    }

    /// Returns the highest prices.
    #[must_use]
    pub fn high(&self) -> &[f64] {
        &self.high
    }

    /// Returns the lowest prices.
    #[must_use]
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// Returns the closing prices.
    #[must_use]
    pub fn close(&self) -> &[f64] {
        &self.close
    }

    /// Returns the volumes in base currency.
    #[must_use]
    pub fn volume(&self) -> &[f64] {
        &self.volume
    }

    /// Returns the rows whose open time lies in `range`.
    #[must_use]
    pub fn rows_in(&self, range: crate::TimeRange) -> Range<usize> {
        let start = range.start.map_or(0, |start| self.open_time.partition_point(|&t| t < start));
        let end = range.end.map_or(self.len(), |end| self.open_time.partition_point(|&t| t < end));
        start..end.max(start)
    }

    /// Returns a copy of some rows.
    ///
    /// # Panics
    /// When `rows` lies outside the series.
    #[must_use]
    pub fn slice(&self, rows: Range<usize>) -> Self {
        Self {
            open_time: self.open_time[rows.clone()].to_vec(),
            open: self.open[rows.clone()].to_vec(),
            high: self.high[rows.clone()].to_vec(),
            low: self.low[rows.clone()].to_vec(),
            close: self.close[rows.clone()].to_vec(),
            volume: self.volume[rows].to_vec(),
        }
    }

    /// Returns the series without holes on the timeframe's grid between its first and last candle: a missing
    /// candle has the previous close as all four prices and volume 0 (what Freqtrade's loader does), and
    /// says how many were made up.
    #[must_use]
    pub fn filled(self, timeframe: Timeframe) -> (Self, usize) {
        let step = timeframe.millis();
        let whole = self.open_time.windows(2).all(|pair| pair[1] - pair[0] == step);
        let (Some(&first), Some(&last)) = (self.open_time.first(), self.open_time.last()) else {
            return (self, 0);
        };
        if whole {
            return (self, 0);
        }
        let rows = usize::try_from((last - first) / step).unwrap_or(0) + 1;
        let mut full = Self::with_capacity(rows);
        let mut copied = 0;
        for row in 1..=self.len() {
            let hole = self.open_time.get(row).is_none_or(|&time| time - self.open_time[row - 1] != step);
            if !hole {
                continue;
            }
            full.extend_from(&self, copied..row);
            copied = row;
            let close = self.close[row - 1];
            let mut missing = self.open_time[row - 1] + step;
            while self.open_time.get(row).is_some_and(|&time| missing < time) {
                full.push(missing, [close, close, close, close, 0.0]);
                missing += step;
            }
        }
        let made_up = full.len() - self.len();
        (full, made_up)
    }

    fn extend_from(&mut self, other: &Self, rows: Range<usize>) {
        self.open_time.extend_from_slice(&other.open_time[rows.clone()]);
        self.open.extend_from_slice(&other.open[rows.clone()]);
        self.high.extend_from_slice(&other.high[rows.clone()]);
        self.low.extend_from_slice(&other.low[rows.clone()]);
        self.close.extend_from_slice(&other.close[rows.clone()]);
        self.volume.extend_from_slice(&other.volume[rows]);
    }

    /// Takes the series apart: its open times, and open, high, low, close and volume.
    #[must_use]
    pub fn into_columns(self) -> (Vec<Millis>, [Vec<f64>; 5]) {
        (self.open_time, [self.open, self.high, self.low, self.close, self.volume])
    }

    /// Returns an empty series with room for `rows`.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        let column = || Vec::with_capacity(rows);
        Self {
            open_time: Vec::with_capacity(rows),
            open: column(),
            high: column(),
            low: column(),
            close: column(),
            volume: column(),
        }
    }

    /// Adds one candle (`[open, high, low, close, volume]`) at the end.
    ///
    /// # Panics
    /// When `open_time` is not later than the last one (in debug builds).
    pub fn push(&mut self, open_time: Millis, ohlcv: [f64; 5]) {
        debug_assert!(self.open_time.last().is_none_or(|&last| last < open_time));
        self.open_time.push(open_time);
        self.open.push(ohlcv[0]);
        self.high.push(ohlcv[1]);
        self.low.push(ohlcv[2]);
        self.close.push(ohlcv[3]);
        self.volume.push(ohlcv[4]);
    }

    /// Returns everything wrong with the rows: values that are not finite, impossible candles, times off the
    /// grid, and gaps. `kind` relaxes what does not apply: funding rates may be negative and have no high or low.
    #[must_use]
    pub fn faults(&self, timeframe: Timeframe, kind: CandleKind) -> Vec<SeriesFault> {
        let mut faults = Vec::new();
        for row in 0..self.len() {
            let open_time = self.open_time[row];
            if row > 0 && kind != CandleKind::FundingRate {
                let missing = (open_time - self.open_time[row - 1]) / timeframe.millis() - 1;
                if let Ok(missing @ 1..) = usize::try_from(missing) {
                    faults.push(SeriesFault::Gap { row, open_time, missing });
                }
            }
            if timeframe.floor(open_time) != open_time {
                faults.push(SeriesFault::OffGrid { row, open_time, timeframe });
            }
            if let Some(fault) = self.row_fault(row, kind) {
                faults.push(fault);
            }
        }
        faults
    }

    /// Returns what is wrong with the values of one row, if anything.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row_fault(&self, row: usize, kind: CandleKind) -> Option<SeriesFault> {
        let open_time = self.open_time[row];
        let [open, high, low, close, volume] =
            [self.open[row], self.high[row], self.low[row], self.close[row], self.volume[row]];
        let named = [("open", open), ("high", high), ("low", low), ("close", close), ("volume", volume)];
        let checked = if kind == CandleKind::FundingRate { &named[..1] } else { &named[..] };
        if let Some(&(column, value)) = checked.iter().find(|(_, value)| !value.is_finite()) {
            return Some(SeriesFault::NotFinite { row, open_time, column, value });
        }
        if kind == CandleKind::FundingRate {
            return None;
        }
        let what = if high < low {
            format!("high {high} is below low {low}")
        } else if open > high || open < low {
            format!("open {open} lies outside low {low} and high {high}")
        } else if close > high || close < low {
            format!("close {close} lies outside low {low} and high {high}")
        } else if low <= 0.0 {
            format!("low {low} is not above zero")
        } else if volume < 0.0 {
            format!("volume {volume} is negative")
        } else {
            return None;
        };
        Some(SeriesFault::Impossible { row, open_time, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rows: &[(i64, [f64; 5])]) -> CandleSeries {
        let mut series = CandleSeries::with_capacity(rows.len());
        for &(minute, ohlcv) in rows {
            series.push(minute * 60_000, ohlcv);
        }
        series
    }

    #[test]
    fn holes_take_the_previous_close() {
        let (full, made_up) =
            series(&[(0, [1.0, 3.0, 1.0, 2.0, 5.0]), (3, [4.0, 4.0, 4.0, 4.0, 1.0])]).filled(Timeframe::M1);
        assert_eq!(made_up, 2);
        assert_eq!(full.open_time(), &[0, 60_000, 120_000, 180_000]);
        assert_eq!(full.high(), &[3.0, 2.0, 2.0, 4.0]);
        assert_eq!(full.volume(), &[5.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn times_must_increase() {
        let one = || vec![1.0, 1.0];
        let make = |times| CandleSeries::new(times, one(), one(), one(), one(), one());
        assert!(matches!(make(vec![5, 5]), Err(SeriesFault::Duplicate { row: 1, .. })));
        assert!(matches!(make(vec![5, 4]), Err(SeriesFault::Unsorted { row: 1, .. })));
        assert!(make(vec![4, 5]).is_ok());
    }

    #[test]
    fn faults_are_named() {
        let bad = series(&[
            (0, [1.0, 3.0, 1.0, 2.0, 5.0]),
            (2, [1.0, f64::NAN, 1.0, 1.0, 1.0]),
            (3, [1.0, 0.5, 2.0, 1.0, 1.0]),
        ]);
        let texts: Vec<String> =
            bad.faults(Timeframe::M1, CandleKind::Spot).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "1 candles are missing before row 1 (1970-01-01 00:02:00)",
                "row 1 (1970-01-01 00:02:00) has high = NaN",
                "row 2 (1970-01-01 00:03:00): high 0.5 is below low 2",
            ]
        );
    }

    #[test]
    fn store_names() {
        let symbol: Symbol = "BTC/USDT:USDT".parse().unwrap();
        let mut key = SeriesKey::traded(&symbol, Timeframe::H1);
        assert_eq!(key.store_symbol(), "BTC_USDT_USDT_1h");
        key.kind = CandleKind::Mark;
        assert_eq!(key.store_symbol(), "BTC_USDT_USDT_1h_mark");
    }
}
