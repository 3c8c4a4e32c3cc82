//! Rows as a file has them, before anybody vouched for their order or sense.

use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesFault, TimeRange, Timeframe};

/// Rows of a candle file in the file's order: maybe unsorted, doubled or NaN. All columns have one length.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RawCandles {
    /// Open times in milliseconds since the epoch, UTC.
    pub open_time: Vec<Millis>,
    /// Opening prices; NaN where the file has no value.
    pub open: Vec<f64>,
    /// Highest prices.
    pub high: Vec<f64>,
    /// Lowest prices.
    pub low: Vec<f64>,
    /// Closing prices.
    pub close: Vec<f64>,
    /// Volumes in base currency.
    pub volume: Vec<f64>,
    /// Whether the file says of itself that its candles are made up (our own exports do).
    pub synthetic: bool,
}

/// What [`RawCandles::clean`] may repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleaning {
    /// Drop rows with faults and sort the rest; of rows with one time the first stays.
    pub drop: bool,
    /// Fill gaps with flat candles at the previous close and volume 0.
    pub fill: bool,
}

/// A clean series and what it took to get there.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// The candles.
    pub series: CandleSeries,
    /// Every fault of the raw rows, by row.
    pub faults: Vec<SeriesFault>,
    /// Rows left out.
    pub dropped: usize,
    /// Candles made up to fill gaps.
    pub filled: usize,
}

impl RawCandles {
    /// Returns the number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open_time.len()
    }

    /// Returns whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open_time.is_empty()
    }

    /// Returns the rows as a series.
    ///
    /// # Errors
    /// The first [`SeriesFault`] of length, order or repetition. Values are not looked at.
    pub fn into_series(self) -> Result<CandleSeries, SeriesFault> {
        CandleSeries::new(self.open_time, self.open, self.high, self.low, self.close, self.volume)
    }

    /// Returns everything wrong with the rows, by row: order, repetition, values, grid, gaps.
    ///
    /// Gaps are counted between neighbours in time, and reported at the row after the hole.
    #[must_use]
    pub fn faults(&self, timeframe: Timeframe, kind: CandleKind) -> Vec<SeriesFault> {
        let order = self.order();
        let mut faults = order.faults;
        let (series, rows) = (self.pick(&order.rows), order.rows);
        for fault in series.faults(timeframe, kind) {
            let row = rows[row_of(&fault)];
            faults.push(with_row(fault, row));
        }
        faults.sort_by_key(row_of);
        faults
    }

    /// Returns the rows as a clean series, repaired as far as `cleaning` allows.
    ///
    /// Gaps never refuse a file: candles are facts of an exchange, and exchanges have holes.
    ///
    /// # Errors
    /// All faults, when there is one other than a gap and `cleaning.drop` is off.
    pub fn clean(
        self,
        timeframe: Timeframe,
        kind: CandleKind,
        cleaning: Cleaning,
    ) -> Result<Cleaned, Vec<SeriesFault>> {
        let is_bad = |fault: &SeriesFault| !matches!(fault, SeriesFault::Gap { .. });
        let total = self.len();
        let (series, faults) = if self.is_increasing() {
            let series = self.into_series().map_err(|fault| vec![fault])?;
            let faults = series.faults(timeframe, kind);
            if !faults.iter().any(is_bad) {
                (series, faults)
            } else {
                drop_rows(&series.into(), faults, cleaning)?
            }
        } else {
            let faults = self.faults(timeframe, kind);
            drop_rows(&self, faults, cleaning)?
        };
        let dropped = total - series.len();
        let fill = cleaning.fill && kind != CandleKind::FundingRate;
        let (series, filled) = if fill { series.filled(timeframe) } else { (series, 0) };
        Ok(Cleaned { series, faults, dropped, filled })
    }

    /// Adds one row (`[open, high, low, close, volume]`).
    pub(crate) fn push(&mut self, open_time: Millis, [open, high, low, close, volume]: [f64; 5]) {
        self.open_time.push(open_time);
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
        self.volume.push(volume);
    }

    /// Makes room for so many more rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.open_time.reserve_exact(rows);
        for column in [&mut self.open, &mut self.high, &mut self.low, &mut self.close, &mut self.volume] {
            column.reserve_exact(rows);
        }
    }

    /// Keeps the rows whose time lies in `range`.
    pub(crate) fn retain(&mut self, range: TimeRange) {
        if self.open_time.iter().all(|&at| range.contains(at)) {
            return;
        }
        let keep: Vec<bool> = self.open_time.iter().map(|&at| range.contains(at)).collect();
        retain_column(&mut self.open_time, &keep);
        for column in [&mut self.open, &mut self.high, &mut self.low, &mut self.close, &mut self.volume] {
            retain_column(column, &keep);
        }
    }

    fn is_increasing(&self) -> bool {
        self.open_time.windows(2).all(|pair| pair[0] < pair[1])
    }

    /// Sorts row numbers by time, first come first, and leaves out repetitions.
    fn order(&self) -> Order {
        let mut faults = Vec::new();
        for row in 1..self.len() {
            if self.open_time[row] < self.open_time[row - 1] {
                faults.push(SeriesFault::Unsorted { row, open_time: self.open_time[row] });
            }
        }
        let mut rows: Vec<usize> = (0..self.len()).collect();
        rows.sort_by_key(|&row| self.open_time[row]);
        rows.dedup_by(|row, kept| {
            let repeats = self.open_time[*row] == self.open_time[*kept];
            if repeats {
                faults.push(SeriesFault::Duplicate { row: *row, open_time: self.open_time[*row] });
            }
            repeats
        });
        Order { rows, faults }
    }

    /// Returns some rows; `rows` must be in order of time without repetition.
    fn pick(&self, rows: &[usize]) -> CandleSeries {
        let mut series = CandleSeries::with_capacity(rows.len());
        for &row in rows {
            let ohlcv = [self.open[row], self.high[row], self.low[row], self.close[row], self.volume[row]];
            series.push(self.open_time[row], ohlcv);
        }
        series
    }
}

impl From<CandleSeries> for RawCandles {
    fn from(series: CandleSeries) -> Self {
        Self {
            open_time: series.open_time().to_vec(),
            open: series.open().to_vec(),
            high: series.high().to_vec(),
            low: series.low().to_vec(),
            close: series.close().to_vec(),
            volume: series.volume().to_vec(),
            synthetic: false,
        }
    }
}

/// Leaves out the rows with faults and sorts the rest, if that is allowed.
fn drop_rows(
    raw: &RawCandles,
    faults: Vec<SeriesFault>,
    cleaning: Cleaning,
) -> Result<(CandleSeries, Vec<SeriesFault>), Vec<SeriesFault>> {
    if !cleaning.drop {
        return Err(faults);
    }
    let mut keep = vec![true; raw.len()];
    for fault in &faults {
        // A row in the wrong place is put in its place, not lost; a row after a hole is as good as any.
        if !matches!(fault, SeriesFault::Unsorted { .. } | SeriesFault::Gap { .. }) {
            keep[row_of(fault)] = false;
        }
    }
    let mut rows = raw.order().rows;
    rows.retain(|&row| keep[row]);
    Ok((raw.pick(&rows), faults))
}

struct Order {
    rows: Vec<usize>,
    faults: Vec<SeriesFault>,
}

fn retain_column<T>(column: &mut Vec<T>, keep: &[bool]) {
    let mut flags = keep.iter();
    column.retain(|_| flags.next().copied().unwrap_or(false));
}

/// Returns the row that a fault speaks of; a fault of a whole column counts as row 0.
#[must_use]
pub fn row_of(fault: &SeriesFault) -> usize {
    match fault {
        SeriesFault::Length { .. } => 0,
        SeriesFault::Unsorted { row, .. }
        | SeriesFault::Duplicate { row, .. }
        | SeriesFault::NotFinite { row, .. }
        | SeriesFault::Impossible { row, .. }
        | SeriesFault::OffGrid { row, .. }
        | SeriesFault::Gap { row, .. } => *row,
    }
}

fn with_row(mut fault: SeriesFault, to: usize) -> SeriesFault {
    match &mut fault {
        SeriesFault::Length { .. } => {}
        SeriesFault::Unsorted { row, .. }
        | SeriesFault::Duplicate { row, .. }
        | SeriesFault::NotFinite { row, .. }
        | SeriesFault::Impossible { row, .. }
        | SeriesFault::OffGrid { row, .. }
        | SeriesFault::Gap { row, .. } => *row = to,
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(rows: &[(i64, f64)]) -> RawCandles {
        let column = || rows.iter().map(|row| row.1).collect::<Vec<f64>>();
        RawCandles {
            open_time: rows.iter().map(|row| row.0 * 60_000).collect(),
            open: column(),
            high: column(),
            low: column(),
            close: column(),
            volume: column(),
            synthetic: false,
        }
    }

    const DROP: Cleaning = Cleaning { drop: true, fill: false };

    #[test]
    fn faults_keep_the_row_numbers_of_the_file() {
        let raw = raw(&[(2, 1.0), (0, 2.0), (2, 3.0), (3, f64::NAN)]);
        let texts: Vec<String> =
            raw.faults(Timeframe::M1, CandleKind::Spot).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "1 candles are missing before row 0 (1970-01-01 00:02:00)",
                "row 1 (1970-01-01 00:00:00) is earlier than the row before it",
                "row 2 (1970-01-01 00:02:00) repeats the time of the row before it",
                "row 3 (1970-01-01 00:03:00) has open = NaN",
            ]
        );
        let clean = raw.clean(Timeframe::M1, CandleKind::Spot, DROP).unwrap();
        assert_eq!(clean.series.open_time(), &[0, 120_000]);
        assert_eq!(clean.series.open(), &[2.0, 1.0]);
        assert_eq!(clean.dropped, 2);
    }

    #[test]
    fn faults_refuse_unless_dropped_and_gaps_do_not() {
        let bad = raw(&[(0, 1.0), (1, f64::INFINITY)]);
        assert!(bad.clean(Timeframe::M1, CandleKind::Spot, Cleaning::default()).is_err());
        let gap = raw(&[(0, 1.0), (3, 2.0)]);
        let kept = gap.clone().clean(Timeframe::M1, CandleKind::Spot, Cleaning::default()).unwrap();
        assert_eq!((kept.series.len(), kept.faults.len()), (2, 1));
        let fill = Cleaning { drop: false, fill: true };
        let filled = gap.clean(Timeframe::M1, CandleKind::Spot, fill).unwrap();
        assert_eq!((filled.series.len(), filled.filled), (4, 2));
    }
}
