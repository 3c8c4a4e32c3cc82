//! A stretch of time with both ends.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Millis, TimeRange, Timeframe, format_utc};

/// A half-open stretch `[start, end)` in milliseconds since the epoch. Empty when it ends where it starts, or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First millisecond inside.
    pub start: Millis,
    /// First millisecond after.
    pub end: Millis,
}

impl Span {
    /// Returns `[start, end)`.
    #[must_use]
    pub fn new(start: Millis, end: Millis) -> Self {
        Self { start, end }
    }

    /// Returns whether nothing lies inside.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// Returns whether `at` lies inside.
    #[must_use]
    pub fn contains(self, at: Millis) -> bool {
        self.start <= at && at < self.end
    }

    /// Returns what both have in common; empty when nothing is.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self { start: self.start.max(other.start), end: self.end.min(other.end) }
    }

    /// Returns how many candles of a timeframe open inside, given that the span begins on the grid.
    #[must_use]
    pub fn candles(self, timeframe: Timeframe) -> u64 {
        let length = u64::try_from(self.end.saturating_sub(self.start)).unwrap_or(0);
        length.div_ceil(u64::try_from(timeframe.millis()).unwrap_or(u64::MAX))
    }
}

impl From<Span> for TimeRange {
    fn from(span: Span) -> Self {
        Self::new(span.start, span.end)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", format_utc(self.start), format_utc(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_candles_that_open_inside() {
        let hour = Timeframe::H1.millis();
        assert_eq!(Span::new(0, 3 * hour).candles(Timeframe::H1), 3);
        assert_eq!(Span::new(0, 3 * hour + 1).candles(Timeframe::H1), 4);
        assert_eq!(Span::new(5, 5).candles(Timeframe::H1), 0);
        assert_eq!(Span::new(9, 5).candles(Timeframe::H1), 0);
    }

    #[test]
    fn spans_that_only_touch_share_nothing() {
        assert!(Span::new(0, 10).intersect(Span::new(10, 20)).is_empty());
        assert_eq!(Span::new(0, 15).intersect(Span::new(10, 20)), Span::new(10, 15));
    }
}
