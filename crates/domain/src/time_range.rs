//! Stretches of time, and the dates that people type.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::Millis;

/// A half-open stretch `[start, end)` in milliseconds since the epoch; an open side is `None`.
///
/// Freqtrade's timeranges include the candle that opens at the stop date; whoever needs that adds one
/// candle (see the engine), so that this type means one thing everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TimeRange {
    /// First millisecond inside, or everything from the beginning.
    pub start: Option<Millis>,
    /// First millisecond after, or everything to the end.
    pub end: Option<Millis>,
}

/// The text is no time range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeRangeError {
    /// A date cannot be read.
    #[error("`{0}` is not a date; write 20240131, 2024-01-31, 2024-01-31T12:00:00Z or seconds since 1970")]
    Date(String),
    /// The whole is not `START-END`.
    #[error("`{0}` is not a time range; write START-END, START- or -END, such as 20240101-20240701")]
    Shape(String),
    /// It ends before it starts.
    #[error("the time range `{0}` ends before it starts")]
    Reversed(String),
}

impl TimeRange {
    /// Everything.
    pub const ALL: Self = Self { start: None, end: None };

    /// Returns `[start, end)`.
    #[must_use]
    pub fn new(start: Millis, end: Millis) -> Self {
        Self { start: Some(start), end: Some(end) }
    }

    /// Returns whether `at` lies inside.
    #[must_use]
    pub fn contains(&self, at: Millis) -> bool {
        self.start.is_none_or(|start| at >= start) && self.end.is_none_or(|end| at < end)
    }

    /// Returns whether a closed stretch `[first, last]` shares a moment with this one.
    #[must_use]
    pub fn overlaps(&self, first: Millis, last: Millis) -> bool {
        self.start.is_none_or(|start| last >= start) && self.end.is_none_or(|end| first < end)
    }

    /// Parses Freqtrade's `--timerange` grammar: `20240101-20240701`, `20240101-`, `-20240701`, with each date
    /// in any form that [`parse_date_ms`] reads, `2024-01-01-2024-07-01` too.
    ///
    /// # Errors
    /// [`TimeRangeError`] naming the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, TimeRangeError> {
        let shape = || TimeRangeError::Shape(text.to_owned());
        let side = |part: &str| if part.is_empty() { Ok(None) } else { parse_date_ms(part).map(Some) };
        let sides = |at: usize| Ok(Self { start: side(&text[..at])?, end: side(&text[at + 1..])? });
        // A date may have dashes of its own; the one between the dates leaves a date on both sides.
        let dashes: Vec<usize> = text.match_indices('-').map(|(at, _)| at).collect();
        let range = match (dashes.iter().find_map(|&at| sides(at).ok()), &dashes[..]) {
            (Some(Self::ALL), _) | (None, []) => return Err(shape()),
            (Some(range), _) => range,
            (None, &[at]) => sides(at)?,
            (None, _) => return Err(shape()),
        };
        match (range.start, range.end) {
            (Some(start), Some(end)) if start > end => Err(TimeRangeError::Reversed(text.to_owned())),
            _ => Ok(range),
        }
    }
}

/// Parses a date or moment, UTC, into milliseconds: `YYYYMMDD`, `YYYY-MM-DD`, RFC 3339, `YYYY-MM-DD HH:MM[:SS]`,
/// ten digits of seconds or thirteen of milliseconds.
///
/// # Errors
/// [`TimeRangeError::Date`] with the text.
pub fn parse_date_ms(text: &str) -> Result<Millis, TimeRangeError> {
    let refused = || TimeRangeError::Date(text.to_owned());
    let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return match text.len() {
            8 => NaiveDate::parse_from_str(text, "%Y%m%d").map(midnight).map_err(|_| refused()),
            10 => text.parse::<i64>().map(|s| s * 1_000).map_err(|_| refused()),
            13 => text.parse().map_err(|_| refused()),
            _ => Err(refused()),
        };
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Ok(midnight(date));
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.timestamp_millis());
    }
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"]
        .into_iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc().timestamp_millis())
        .ok_or_else(refused)
}

/// Formats milliseconds as `YYYY-MM-DD HH:MM:SS`, UTC; a moment that chrono cannot hold prints as its number.
#[must_use]
pub fn format_utc(at: Millis) -> String {
    DateTime::from_timestamp_millis(at)
        .map_or_else(|| at.to_string(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
}

impl fmt::Display for TimeRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |at: Option<Millis>| at.map_or_else(|| "…".to_owned(), format_utc);
        write!(f, "{} to {}", side(self.start), side(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freqtrade_grammar() {
        let range = TimeRange::parse("20210101-20210701").unwrap();
        assert_eq!(range, TimeRange::new(1_609_459_200_000, 1_625_097_600_000));
        assert_eq!(TimeRange::parse("1609459200-").unwrap().start, Some(1_609_459_200_000));
        assert_eq!(TimeRange::parse("-20210701").unwrap().start, None);
        assert_eq!(TimeRange::parse("2021-01-01-2021-07-01").unwrap(), range);
        assert_eq!(TimeRange::parse("2021-01-01T00:00:00Z-20210701").unwrap(), range);
        assert_eq!(TimeRange::parse("-2021-07-01").unwrap(), TimeRange { start: None, ..range });
        assert_eq!(TimeRange::parse("2021-01-01-").unwrap(), TimeRange { end: None, ..range });
        for bad in ["", "-", "20210101", "2021-01-01", "20211301-", "20210701-20210101", "1-2", "--"] {
            assert!(TimeRange::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn half_open() {
        let range = TimeRange::new(10, 20);
        assert!(range.contains(10) && !range.contains(20));
        assert!(range.overlaps(0, 10) && !range.overlaps(20, 30));
    }
}
