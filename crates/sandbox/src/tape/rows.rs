//! Which candles answer a request for klines.

use tradai_domain::{Millis, Timeframe};

use super::{Bar, Fold, Tape};

/// A request for candles; times are inclusive bounds of the open time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) timeframe: Timeframe,
    pub(crate) start: Option<Millis>,
    pub(crate) end: Option<Millis>,
    pub(crate) limit: usize,
}

impl Tape {
    /// Returns candles, oldest first, the last maybe still open: the first `limit` from `start` on, or the last
    /// `limit` up to `end` when no start is given. Times that the series has no candle for are left out.
    pub(crate) fn rows(&self, wanted: Wanted, now: Millis) -> Vec<Fold> {
        let end = wanted.end.unwrap_or(now).min(now);
        let opens = match wanted.start {
            Some(start) => self.first_opens(wanted, start, end),
            None => self.last_opens(wanted, end),
        };
        let length = wanted.timeframe.millis();
        opens.into_iter().filter_map(|open| self.fold(open, open.saturating_add(length), now)).collect()
    }

    fn first_opens(&self, wanted: Wanted, start: Millis, end: Millis) -> Vec<Millis> {
        let mut opens = Vec::new();
        let from = self.bars.partition_point(|bar| bar.open_time.saturating_add(self.step_ms) <= start);
        for bar in &self.bars[from..] {
            for open in self.opens_of(bar, wanted.timeframe) {
                if opens.len() == wanted.limit || open > end {
                    return opens;
                }
                if open >= start && opens.last() != Some(&open) {
                    opens.push(open);
                }
            }
        }
        opens
    }

    fn last_opens(&self, wanted: Wanted, end: Millis) -> Vec<Millis> {
        let mut opens = Vec::new();
        let until = self.bars.partition_point(|bar| bar.open_time <= end);
        'bars: for bar in self.bars[..until].iter().rev() {
            for open in self.opens_of(bar, wanted.timeframe).into_iter().rev() {
                if opens.len() == wanted.limit {
                    break 'bars;
                }
                if open <= end && opens.last() != Some(&open) {
                    opens.push(open);
                }
            }
        }
        opens.reverse();
        opens
    }

    /// Returns the candles of a timeframe that a replayed candle is part of: one, or several shorter ones.
    fn opens_of(&self, bar: &Bar, timeframe: Timeframe) -> Vec<Millis> {
        let first = timeframe.floor(bar.open_time);
        let count = (self.step_ms / timeframe.millis()).max(1);
        (0..count).map(|at| first + at * timeframe.millis()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::tape;
    use super::*;

    fn opens(
        timeframe: Timeframe,
        start: Option<Millis>,
        end: Option<Millis>,
        limit: usize,
        now: Millis,
    ) -> Vec<Millis> {
        tape()
            .rows(Wanted { timeframe, start, end, limit }, now)
            .iter()
            .map(|row| row.open_time / 60_000)
            .collect()
    }

    #[test]
    fn bounds_are_inclusive_and_gaps_stay_gaps() {
        let m5 = Timeframe::M5;
        assert_eq!(opens(m5, None, None, 500, i64::MAX / 2), [0, 5, 15]);
        assert_eq!(opens(m5, None, None, 2, i64::MAX / 2), [5, 15]);
        assert_eq!(opens(m5, Some(0), None, 2, i64::MAX / 2), [0, 5]);
        assert_eq!(opens(m5, Some(1), None, 2, i64::MAX / 2), [5, 15]);
        assert_eq!(opens(m5, Some(0), Some(300_000), 500, i64::MAX / 2), [0, 5]);
        assert_eq!(opens(m5, Some(900_001), None, 500, i64::MAX / 2), [0; 0]);
        assert_eq!(opens(m5, None, None, 500, 299_999), [0], "what opens later is not known yet");
    }

    #[test]
    fn shorter_and_longer_candles_come_from_the_same_points() {
        let hour =
            tape().rows(Wanted { timeframe: Timeframe::H1, start: None, end: None, limit: 9 }, i64::MAX / 2);
        assert_eq!(hour.len(), 1);
        assert_eq!((hour[0].high, hour[0].low, hour[0].units), (11_050_000_000, 9_000_000_000, 415));
        let minutes = opens(Timeframe::M1, None, None, 500, i64::MAX / 2);
        assert_eq!(minutes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19]);
        let now =
            tape().rows(Wanted { timeframe: Timeframe::M5, start: Some(0), end: None, limit: 1 }, 100_000);
        assert_eq!(
            (now[0].close, now[0].trades),
            (9_500_000_000, 5),
            "half of a candle shows half of its path"
        );
    }
}
