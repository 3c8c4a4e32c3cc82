//! How much of a span is stored, missing, or not to be had.

use tradai_domain::ports::{Span, StoredSeries};
use tradai_domain::{CandleKind, Millis, SeriesKey, Timeframe};

use super::{absences, spans};

/// What is known of one series in a span, without reading a candle.
#[derive(Debug, Clone, PartialEq)]
pub struct Coverage {
    /// The series.
    pub key: SeriesKey,
    /// The span that was looked at: on the grid, and no further than candles are closed.
    pub span: Span,
    /// The version that was looked at; `None` when nothing is stored.
    pub version: Option<u64>,
    /// Whether what is stored is made up.
    pub synthetic: bool,
    /// Candles that a whole span would have.
    pub expected: u64,
    /// Candles that are stored.
    pub stored: u64,
    /// What is neither stored nor known to be absent: what a sync would ask for.
    pub missing: Vec<Span>,
    /// What the exchange was asked for and does not have.
    pub absent: Vec<Span>,
}

impl Coverage {
    /// Returns whether a sync would have nothing to ask for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// Returns how many candles are missing.
    #[must_use]
    pub fn missing_candles(&self) -> u64 {
        count(&self.missing, self.key.timeframe)
    }

    /// Returns how many candles the exchange does not have.
    #[must_use]
    pub fn absent_candles(&self) -> u64 {
        count(&self.absent, self.key.timeframe)
    }

    /// Returns the share of the candles to be had that are stored, from 0 to 1; 1 when there is none to be had.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        let wanted = self.stored.saturating_add(self.missing_candles());
        if wanted == 0 {
            return 1.0;
        }
        // Counts stay far below 2^53.
        #[expect(clippy::cast_precision_loss, reason = "a share for people")]
        let ratio = self.stored as f64 / wanted as f64;
        ratio
    }
}

pub(super) fn count(spans: &[Span], timeframe: Timeframe) -> u64 {
    spans.iter().map(|span| span.candles(timeframe)).sum()
}

/// Returns the part of a span whose candles are closed at `now`, on the timeframe's grid.
/// What lies before 1970 is left out.
#[must_use]
pub fn closed_span(span: Span, timeframe: Timeframe, now: Millis) -> Span {
    // Also keeps the arithmetic away from the ends of the type.
    let sane = |at: Millis| at.clamp(0, now.max(0).saturating_add(timeframe.millis()));
    Span::new(ceil(timeframe, sane(span.start)), ceil(timeframe, sane(span.end)).min(timeframe.floor(now)))
}

/// Returns the first open time at or after a moment.
pub(super) fn ceil(timeframe: Timeframe, at: Millis) -> Millis {
    let floor = timeframe.floor(at);
    if floor == at { at } else { floor.saturating_add(timeframe.millis()) }
}

/// Returns where candles are stored.
pub(super) fn stored_spans(series: &StoredSeries) -> Vec<Span> {
    let step = series.key.timeframe.millis();
    let Some((first, last)) = series.ends else { return Vec::new() };
    spans::subtract(&[Span::new(first, last.saturating_add(step))], &series.holes)
}

/// Returns what is known of a series in a span that [`closed_span`] made.
#[must_use]
pub fn coverage_of(key: &SeriesKey, stored: Option<&StoredSeries>, span: Span) -> Coverage {
    let have = stored.map(stored_spans).unwrap_or_default();
    let open = spans::subtract(&spans::set_of(vec![span]), &have);
    let noted = stored.map(|series| absences::noted(&series.notes.absent)).unwrap_or_default();
    let in_span = spans::intersect(&have, &[span]);
    // Funding rates keep no grid: what lies between the first and the last is whole, and nothing is counted.
    let stored_candles = if key.kind == CandleKind::FundingRate { 0 } else { count(&in_span, key.timeframe) };
    Coverage {
        key: key.clone(),
        span,
        version: stored.map(|series| series.version),
        synthetic: stored.is_some_and(|series| series.synthetic),
        expected: span.candles(key.timeframe),
        stored: stored_candles,
        absent: spans::intersect(&open, &noted),
        // What is noted but not settled is asked for again, and counts as absent until it is there.
        missing: spans::subtract(&open, &noted),
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::ports::{Absence, SeriesNotes};

    use super::*;

    const HOUR: Millis = 3_600_000;

    fn stored(
        ends: (Millis, Millis),
        holes: &[(Millis, Millis)],
        absent: &[(Millis, Millis)],
    ) -> StoredSeries {
        let hours = |&(start, end): &(Millis, Millis)| Span::new(start * HOUR, end * HOUR);
        let noted = 1_000 * HOUR;
        StoredSeries {
            key: key(),
            version: 3,
            committed: 0,
            ends: Some((ends.0 * HOUR, ends.1 * HOUR)),
            rows: 0,
            bytes: 0,
            holes: holes.iter().map(hours).collect(),
            data_hash: String::new(),
            synthetic: false,
            notes: SeriesNotes {
                exchange: None,
                absent: absent.iter().map(|span| Absence { span: hours(span), noted }).collect(),
            },
        }
    }

    fn key() -> SeriesKey {
        SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::H1)
    }

    #[test]
    fn missing_is_told_from_what_the_exchange_does_not_have() {
        let series = stored((10, 19), &[(12, 14), (16, 17)], &[(0, 8), (12, 14)]);
        let coverage = coverage_of(&key(), Some(&series), Span::new(5 * HOUR, 25 * HOUR));
        // Worked by hand: of the hours 5..25, 5-7 are before the listing and 12, 13 an outage; 8, 9, 16 and 20-24
        // were never asked for; the rest, 7 of the 10 between the ends, is stored.
        assert_eq!(coverage.absent, [Span::new(5 * HOUR, 8 * HOUR), Span::new(12 * HOUR, 14 * HOUR)]);
        let missing = [(8, 10), (16, 17), (20, 25)].map(|(start, end)| Span::new(start * HOUR, end * HOUR));
        assert_eq!(coverage.missing, missing);
        assert_eq!((coverage.expected, coverage.stored), (20, 7));
        assert_eq!((coverage.missing_candles(), coverage.absent_candles()), (8, 5));
        assert!((coverage.ratio() - 7.0 / 15.0).abs() < 1e-12);
        assert!(!coverage.is_complete() && !coverage.synthetic);
        let made_up = StoredSeries { synthetic: true, ..series };
        assert!(coverage_of(&key(), Some(&made_up), Span::new(0, HOUR)).synthetic);
    }

    #[test]
    fn nothing_stored_is_all_missing() {
        let coverage = coverage_of(&key(), None, Span::new(0, 3 * HOUR));
        assert_eq!((coverage.missing, coverage.version), (vec![Span::new(0, 3 * HOUR)], None));
        assert!(!coverage.synthetic);
    }

    #[test]
    fn spans_end_where_candles_are_closed() {
        let span = closed_span(Span::new(1, 10 * HOUR), Timeframe::H1, 5 * HOUR + 7);
        assert_eq!(span, Span::new(HOUR, 5 * HOUR));
        assert!(closed_span(Span::new(8 * HOUR, 9 * HOUR), Timeframe::H1, 5 * HOUR).is_empty());
    }
}
