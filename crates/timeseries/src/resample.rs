//! Longer candles from shorter ones: the one definition of it.
//!
//! A candle of a period opens with the first candle in it, closes with the last, has the highest high, the
//! lowest low and all of the volume, and opens on the grid of its own timeframe (weeks on Monday, everything
//! from the epoch, UTC). As on an exchange it is made of what was traded: candles that the source lacks make
//! it no worse, but it is told of them, and a period without any has no candle.
//!
//! Invariant: a candle depends on the source candles of its period alone, and is given only when the period
//! has been seen to its end, so that nobody trades on half a candle.

use tradai_domain::{
    CandleKind, CandleSeries, ErrorKind, Millis, SeriesFault, SeriesKey, TimeRange, Timeframe,
};

/// Most digits after the point that volumes of an exchange have.
const VOLUME_DECIMALS: i32 = 8;

/// Whole numbers of so many digits, divided by a power of ten, are told apart by a double.
const DECIMAL_DIGITS: i32 = 15;

/// Whole numbers up to this one are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Candles of a longer timeframe, and what they lack.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resampled {
    /// The candles.
    pub series: CandleSeries,
    /// Those of them that are made of fewer candles than their period has, oldest first.
    pub incomplete: Vec<Incomplete>,
    /// Open time of the last candle where it was left out, because the source ends before its period does.
    pub unfinished: Option<Millis>,
}

/// A candle whose source has holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incomplete {
    /// Its open time.
    pub open_time: Millis,
    /// Source candles that it is made of; at least one.
    pub found: usize,
    /// Source candles that its period has room for.
    pub expected: usize,
}

/// Why candles cannot be resampled.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ResampleError {
    /// A rate is a payment, not a price.
    #[error("funding rates cannot be resampled: each is a payment at its own time; read {0} as it is stored")]
    FundingRates(SeriesKey),
    /// The periods of one do not fill those of the other.
    #[error("{from} candles cannot become {to} candles; allowed is {}", allowed(*.from))]
    NotMultiple {
        /// Timeframe of the source.
        from: Timeframe,
        /// The timeframe asked for.
        to: Timeframe,
    },
    /// A source candle has no number in it, or opens between two places of the grid.
    #[error("{key} cannot be resampled: {fault}; replace that candle first")]
    Candle {
        /// The source.
        key: SeriesKey,
        /// The row and what is wrong with it.
        fault: SeriesFault,
    },
}

impl ResampleError {
    /// Returns what a caller should do about the error.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::FundingRates(_) | Self::NotMultiple { .. } => ErrorKind::Invalid,
            Self::Candle { .. } => ErrorKind::Data,
        }
    }
}

/// Makes candles of the timeframe `to` from the candles of the series `from`, oldest first.
///
/// Volumes are added as decimals of up to eight digits after the point, which is how exchanges quote them: the
/// sum is the double nearest to the exact one. Those that are no such decimals are added in order of time with
/// compensation (Neumaier). Mark prices have volume 0 before and after.
///
/// ```
/// use tradai_domain::{CandleSeries, SeriesKey, Timeframe};
///
/// let mut fives = CandleSeries::default();
/// for row in 0..13 {
///     fives.push(row * 300_000, [1.0, 2.0, 0.5, 1.5, 0.1]);
/// }
/// let key = SeriesKey::traded(&"BTC/USDT".parse()?, Timeframe::M5);
/// let hours = tradai_timeseries::resample(&fives, &key, Timeframe::H1)?;
/// assert_eq!((hours.series.len(), hours.series.volume()), (1, &[1.2][..]));
/// assert_eq!(hours.unfinished, Some(3_600_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ResampleError::FundingRates`]; [`ResampleError::NotMultiple`] unless `to` is a multiple of the source's
/// timeframe (one time is allowed and changes nothing); [`ResampleError::Candle`] for a value that is not
/// finite or an open time off the grid.
pub fn resample(series: &CandleSeries, from: &SeriesKey, to: Timeframe) -> Result<Resampled, ResampleError> {
    resample_until(series, from, to, Millis::MIN)
}

/// Like [`resample()`], for a source that is known to be whole up to a moment: no candle that opens before
/// `seen_until` is still to come, whether the last one here reaches it or not. A caller who reads a part of a
/// series gives the end of the series, one who waits for candles gives the time.
///
/// # Errors
/// Those of [`resample()`].
pub fn resample_until(
    series: &CandleSeries,
    from: &SeriesKey,
    to: Timeframe,
    seen_until: Millis,
) -> Result<Resampled, ResampleError> {
    check(series, from, to)?;
    let times = series.open_time();
    let covered = times.last().map_or(seen_until, |last| last.saturating_add(from.timeframe.millis()));
    let seen_until = seen_until.max(covered);
    let expected = usize::try_from(to.minutes() / from.timeframe.minutes()).unwrap_or(usize::MAX);
    let mut resampled = Resampled::default();
    let mut row = 0;
    while let Some(&first) = times.get(row) {
        let open_time = to.floor(first);
        let end_time = open_time.saturating_add(to.millis());
        if end_time > seen_until {
            resampled.unfinished = Some(open_time);
            break;
        }
        let found = times[row..].iter().take_while(|&&at| at < end_time).count();
        let rows = row..row + found;
        row = rows.end;
        if found < expected {
            resampled.incomplete.push(Incomplete { open_time, found, expected });
        }
        let high = series.high()[rows.clone()].iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = series.low()[rows.clone()].iter().copied().fold(f64::INFINITY, f64::min);
        let volume = total(&series.volume()[rows.clone()]);
        let ohlcv = [series.open()[rows.start], high, low, series.close()[rows.end - 1], volume];
        resampled.series.push(open_time, ohlcv);
    }
    Ok(resampled)
}

/// Returns the stretch whose source candles make up the candles of timeframe `to` that open in `range`: both
/// ends move to the next place on the grid.
#[must_use]
pub fn source_range(range: TimeRange, to: Timeframe) -> TimeRange {
    let next = |at: Millis| {
        let floor = to.floor(at);
        if floor == at { at } else { floor.saturating_add(to.millis()) }
    };
    TimeRange { start: range.start.map(next), end: range.end.map(next) }
}

fn check(series: &CandleSeries, from: &SeriesKey, to: Timeframe) -> Result<(), ResampleError> {
    if from.kind == CandleKind::FundingRate {
        return Err(ResampleError::FundingRates(from.clone()));
    }
    if !is_multiple(to, from.timeframe) {
        return Err(ResampleError::NotMultiple { from: from.timeframe, to });
    }
    for row in 0..series.len() {
        if let Some(fault) = row_fault(series, from, row) {
            return Err(ResampleError::Candle { key: from.clone(), fault });
        }
    }
    Ok(())
}

/// Returns why nothing can be told from a row; an impossible candle (its high below its low) is not our matter.
fn row_fault(series: &CandleSeries, key: &SeriesKey, row: usize) -> Option<SeriesFault> {
    let (open_time, timeframe) = (series.open_time()[row], key.timeframe);
    if timeframe.floor(open_time) != open_time {
        return Some(SeriesFault::OffGrid { row, open_time, timeframe });
    }
    let fault = series.row_fault(row, key.kind);
    fault.filter(|fault| matches!(fault, SeriesFault::NotFinite { .. }))
}

/// Tells whether periods of one timeframe are filled by whole periods of another. Grids then agree too, for
/// weeks open at midnight, where days do, and no number of three days makes a week.
fn is_multiple(long: Timeframe, short: Timeframe) -> bool {
    long.minutes() % short.minutes() == 0
}

/// Lists the longer timeframes that candles can become.
fn allowed(from: Timeframe) -> String {
    let longer = Timeframe::ALL.into_iter().filter(|&to| to > from && is_multiple(to, from));
    let names: Vec<&str> = longer.map(Timeframe::as_str).collect();
    if names.is_empty() { "nothing longer".to_owned() } else { names.join(", ") }
}

/// Returns the sum of some volumes.
fn total(volumes: &[f64]) -> f64 {
    let as_decimals = (0..=VOLUME_DECIMALS).rev().find_map(|decimals| decimal_total(volumes, decimals));
    as_decimals.unwrap_or_else(|| compensated_total(volumes))
}

/// Returns the double nearest to the exact sum when all volumes are decimals with so many digits after the
/// point: whole numbers are added, and one division rounds, once and correctly.
fn decimal_total(volumes: &[f64], decimals: i32) -> Option<f64> {
    let scale = 10_f64.powi(decimals);
    let most = 10_f64.powi(DECIMAL_DIGITS);
    let mut units = 0.0;
    for &volume in volumes {
        let whole = (volume * scale).round();
        // Fits when the nearest double to the decimal is the volume, bit for bit.
        let fits = whole.abs() <= most && (whole / scale).to_bits() == (volume + 0.0).to_bits();
        units += whole;
        if !fits || units.abs() > EXACT {
            return None;
        }
    }
    Some(units / scale)
}

/// Neumaier's sum, doi:10.1002/zamm.19740540106, as accurate as if it were added in twice the digits.
fn compensated_total(volumes: &[f64]) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for &volume in volumes {
        let next = sum + volume;
        lost += if sum.abs() >= volume.abs() { (sum - next) + volume } else { (volume - next) + sum };
        sum = next;
    }
    if sum.is_finite() { sum + lost } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_add_up_as_on_paper() {
        assert_ne!([0.1, 0.2].iter().sum::<f64>(), 0.3);
        assert_eq!(total(&[0.1, 0.2]), 0.3);
        // Too large for eight digits after the point, not for two.
        assert_eq!(total(&[123_456_789_012.35, 0.25]), 123_456_789_012.6);
        assert_eq!(total(&[0.0, -0.0]).to_bits(), 0.0_f64.to_bits());
        assert_eq!(total(&[1e15, 9e15]), 1e16);
    }

    #[test]
    fn what_is_no_decimal_is_compensated() {
        let third = 1.0 / 3.0;
        assert_eq!(total(&[third, 1e16, -1e16]), third);
        assert_eq!(total(&[f64::MAX, f64::MAX]), f64::INFINITY);
    }

    #[test]
    fn what_is_allowed_is_listed() {
        let refused = ResampleError::NotMultiple { from: Timeframe::D3, to: Timeframe::W1 };
        assert_eq!(refused.to_string(), "3d candles cannot become 1w candles; allowed is nothing longer");
        let refused = ResampleError::NotMultiple { from: Timeframe::H8, to: Timeframe::H12 };
        assert_eq!(refused.to_string(), "8h candles cannot become 12h candles; allowed is 1d, 3d, 1w");
    }

    #[test]
    fn ranges_move_to_the_grid() {
        let hour = 3_600_000;
        let range = source_range(TimeRange::new(1, 2 * hour), Timeframe::H1);
        assert_eq!(range, TimeRange::new(hour, 2 * hour));
        let range = source_range(TimeRange::new(hour, 2 * hour + 1), Timeframe::H1);
        assert_eq!(range, TimeRange::new(hour, 3 * hour));
        assert_eq!(source_range(TimeRange::ALL, Timeframe::W1), TimeRange::ALL);
    }
}
