//! Candles with named columns beside them.

use std::sync::Arc;

use indexmap::IndexMap;
use tradai_domain::{CandleSeries, Millis, SeriesKey, Symbol, Timeframe};

/// Where candles of other pairs and timeframes come from.
pub trait CandleSource: Sync {
    /// Returns the candles of a series over the backtest's window, with `startup_candle_count` candles *of that
    /// series' timeframe* before its start, holes filled. `None` when there are none.
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>>;
}

/// A source without anything, for strategies that look at their own pair only.
impl CandleSource for () {
    fn candles(&self, _key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        None
    }
}

/// Something wrong with a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// No column has this name.
    #[error("{pair} has no column `{name}`; there are: {known}")]
    UnknownColumn {
        /// The pair.
        pair: Symbol,
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The column has another length than the candles.
    #[error("column `{name}` of {pair} has {len} rows where there are {expected} candles")]
    Length {
        /// The pair.
        pair: Symbol,
        /// The column.
        name: String,
        /// Its rows.
        len: usize,
        /// The candles.
        expected: usize,
    },
    /// An informative timeframe is shorter than the frame's own.
    #[error(
        "cannot merge {informative} candles into {timeframe} ones: informative timeframes must be longer"
    )]
    ShorterTimeframe {
        /// The informative timeframe.
        informative: Timeframe,
        /// The frame's.
        timeframe: Timeframe,
    },
}

/// One pair's candles and the columns that a strategy computed from them.
///
/// Columns have one value per candle; NaN means "not known yet". `open`, `high`, `low`, `close` and `volume` are
/// always there and cannot be replaced.
#[derive(Debug, Clone)]
pub struct Frame {
    pair: Symbol,
    timeframe: Timeframe,
    candles: Arc<CandleSeries>,
    columns: IndexMap<String, Vec<f64>>,
}

impl Frame {
    /// Returns a frame of bare candles.
    #[must_use]
    pub fn new(pair: Symbol, timeframe: Timeframe, candles: Arc<CandleSeries>) -> Self {
        Self { pair, timeframe, candles, columns: IndexMap::new() }
    }

    /// Returns the pair.
    #[must_use]
    pub fn pair(&self) -> &Symbol {
        &self.pair
    }

    /// Returns the candle length.
    #[must_use]
    pub fn timeframe(&self) -> Timeframe {
        self.timeframe
    }

    /// Returns the candles.
    #[must_use]
    pub fn candles(&self) -> &CandleSeries {
        &self.candles
    }

    /// Returns the number of candles.
    #[must_use]
    pub fn len(&self) -> usize {
        self.candles.len()
    }

    /// Returns whether there is no candle.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.candles.is_empty()
    }

    /// Returns the names of the computed columns, in the order they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// Returns a column, or nothing if there is none of that name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&[f64]> {
        match name {
            "open" => Some(self.candles.open()),
            "high" => Some(self.candles.high()),
            "low" => Some(self.candles.low()),
            "close" => Some(self.candles.close()),
            "volume" => Some(self.candles.volume()),
            _ => self.columns.get(name).map(Vec::as_slice),
        }
    }

    /// Returns a column.
    ///
    /// # Errors
    /// [`FrameError::UnknownColumn`] with the names there are.
    pub fn column(&self, name: &str) -> Result<&[f64], FrameError> {
        self.find(name).ok_or_else(|| FrameError::UnknownColumn {
            pair: self.pair.clone(),
            name: name.to_owned(),
            known: ["open", "high", "low", "close", "volume"]
                .into_iter()
                .chain(self.names())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// Adds a column, or replaces the one of that name.
    ///
    /// # Errors
    /// [`FrameError::Length`] when it has not one value per candle.
    pub fn insert(&mut self, name: impl Into<String>, values: Vec<f64>) -> Result<(), FrameError> {
        let name = name.into();
        if values.len() != self.len() {
            return Err(FrameError::Length {
                pair: self.pair.clone(),
                name,
                len: values.len(),
                expected: self.len(),
            });
        }
        self.columns.insert(name, values);
        Ok(())
    }

    /// Adds every column of a frame of a longer (or the same) timeframe, candles included, as `rename(name)`.
    ///
    /// A candle of the other frame opened at `T` is first seen by the candle of this frame that closes when it
    /// does, and from then on until the next one; earlier rows are NaN. (Freqtrade's `merge_informative_pair`
    /// with forward fill.)
    ///
    /// # Errors
    /// [`FrameError::ShorterTimeframe`] when the other timeframe is shorter.
    pub fn merge_informative(
        &mut self,
        informative: &Self,
        rename: impl Fn(&str) -> String,
    ) -> Result<(), FrameError> {
        let rows = self.informative_rows(informative)?;
        let names: Vec<String> = ["open", "high", "low", "close", "volume"]
            .into_iter()
            .chain(informative.names())
            .map(str::to_owned)
            .collect();
        for name in names {
            let Some(source) = informative.find(&name) else { continue };
            self.columns.insert(rename(&name), pick(source, &rows));
        }
        Ok(())
    }

    /// For every row of this frame, the row of the other one that is known by then.
    ///
    /// # Errors
    /// [`FrameError::ShorterTimeframe`] when the other timeframe is shorter.
    pub fn informative_rows(&self, informative: &Self) -> Result<Vec<Option<usize>>, FrameError> {
        let (own, other) = (self.timeframe.millis(), informative.timeframe.millis());
        if other < own {
            return Err(FrameError::ShorterTimeframe {
                informative: informative.timeframe,
                timeframe: self.timeframe,
            });
        }
        let times = informative.candles.open_time();
        let mut next = 0;
        let rows = self.candles.open_time().iter().map(|&open_time| {
            while next < times.len() && times[next] + other <= open_time + own {
                next += 1;
            }
            next.checked_sub(1)
        });
        Ok(rows.collect())
    }

    /// Returns the first `rows` rows as callbacks see them.
    #[must_use]
    pub fn view(&self, rows: usize) -> FrameView<'_> {
        FrameView { frame: self, rows: rows.min(self.len()) }
    }
}

fn pick(source: &[f64], rows: &[Option<usize>]) -> Vec<f64> {
    rows.iter().map(|row| row.map_or(f64::NAN, |row| source[row])).collect()
}

/// The closed candles of a frame at some moment: what Freqtrade's `get_analyzed_dataframe` gives a callback,
/// at most the last [`FrameView::MAX_ROWS`] of them.
#[derive(Debug, Clone, Copy)]
pub struct FrameView<'a> {
    frame: &'a Frame,
    rows: usize,
}

impl<'a> FrameView<'a> {
    /// How far back a callback can look, in candles.
    pub const MAX_ROWS: usize = 1_000;

    /// Returns the number of closed candles, not counting the limit.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the frame itself, later candles included: for evaluators that keep to [`FrameView::rows`].
    #[must_use]
    pub fn frame(&self) -> &'a Frame {
        self.frame
    }

    /// Returns a column's value at the last closed candle; `None` without such a column or candle.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<f64> {
        self.ago(name, 0)
    }

    /// Returns a column's value `back` candles before the last closed one.
    #[must_use]
    pub fn ago(&self, name: &str, back: usize) -> Option<f64> {
        if back >= Self::MAX_ROWS {
            return None;
        }
        let row = self.rows.checked_sub(back + 1)?;
        self.frame.find(name).map(|column| column[row])
    }

    /// Returns the open time of the last closed candle.
    #[must_use]
    pub fn last_open_time(&self) -> Option<Millis> {
        self.rows.checked_sub(1).map(|row| self.frame.candles.open_time()[row])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(timeframe: Timeframe, rows: i64) -> Frame {
        let mut candles = CandleSeries::with_capacity(8);
        for row in 0..rows {
            let price = row as f64;
            candles.push(row * timeframe.millis(), [price; 5]);
        }
        Frame::new("A/B".parse().unwrap(), timeframe, Arc::new(candles))
    }

    #[test]
    fn informative_candle_is_seen_when_it_closes() {
        let mut base = frame(Timeframe::M15, 10);
        base.merge_informative(&frame(Timeframe::H1, 3), |name| format!("{name}_1h")).unwrap();
        let close = base.column("close_1h").unwrap();
        // The 00:00 hour closes with the 00:45 quarter (row 3), the 01:00 hour with row 7.
        assert!(close[..3].iter().all(|v| v.is_nan()));
        assert_eq!(&close[3..], &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn views_end_before_the_current_candle() {
        let base = frame(Timeframe::M15, 10);
        assert_eq!(base.view(4).last("close"), Some(3.0));
        assert_eq!(base.view(4).ago("close", 4), None);
        assert_eq!(base.view(4).last("nothing"), None);
    }

    #[test]
    fn errors_name_what_there_is() {
        let mut base = frame(Timeframe::M15, 2);
        base.insert("rsi", vec![1.0, 2.0]).unwrap();
        let text = base.column("rsj").unwrap_err().to_string();
        assert_eq!(text, "A/B has no column `rsj`; there are: open, high, low, close, volume, rsi");
        assert!(base.insert("x", vec![1.0]).is_err());
    }
}
