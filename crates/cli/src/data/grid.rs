//! Which places on a timeframe's grid have candles, told from a version's manifest alone.

use tradai_domain::{CandleKind, Millis, TimeRange};
use tradai_timeseries::{SeriesInfo, source_range};

/// How much of a stretch of time has candles.
pub(super) struct Coverage {
    pub(super) info: SeriesInfo,
    /// Places on the grid in the stretch; `None` where there is no grid or no stretch.
    pub(super) grid: Option<Grid>,
    /// Parts without candles, in order.
    pub(super) missing: Vec<TimeRange>,
}

/// Places on the grid of a timeframe.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    start: Millis,
    step: Millis,
    pub(super) count: u64,
}

impl Coverage {
    pub(super) fn of(info: SeriesInfo, range: TimeRange) -> Self {
        let grid = Grid::of(&info, range);
        let missing = grid.map(|grid| info.missing_in(grid.range())).unwrap_or_default();
        Self { info, grid, missing }
    }

    pub(super) fn missing_candles(&self) -> Option<u64> {
        let grid = self.grid?;
        Some(self.missing.iter().map(|part| grid.count_in(*part)).sum())
    }

    /// Returns how many candles are there of how many.
    pub(super) fn share(&self) -> Option<(u64, u64)> {
        let expected = self.grid?.count;
        Some((expected.saturating_sub(self.missing_candles()?), expected))
    }
}

impl Grid {
    #[cfg(test)]
    pub(super) fn new(start: Millis, step: Millis, count: u64) -> Self {
        Self { start, step, count }
    }

    /// Returns the candles' places in a range whose open sides end with the candles.
    fn of(info: &SeriesInfo, range: TimeRange) -> Option<Self> {
        if info.key.kind == CandleKind::FundingRate {
            return None;
        }
        let step = info.key.timeframe.millis();
        let whole = source_range(range, info.key.timeframe);
        let start = whole.start.or(info.span.map(|span| span.0))?;
        let end = whole.end.or(info.span.map(|span| span.1 + step))?;
        let count = u64::try_from((end - start) / step).ok().filter(|&count| count > 0)?;
        Some(Self { start, step, count })
    }

    /// Returns the stretch, whose both ends are given.
    pub(super) fn range(self) -> TimeRange {
        TimeRange::new(self.start, self.at(self.count))
    }

    /// Returns the open time at a place.
    pub(super) fn at(self, place: u64) -> Millis {
        self.start + self.step * i64::try_from(place).unwrap_or(0)
    }

    /// Returns how many places a part of the stretch has.
    pub(super) fn count_in(self, part: TimeRange) -> u64 {
        let (start, end) = part.start.zip(part.end).unwrap_or_default();
        u64::try_from((end - start) / self.step).unwrap_or(0)
    }
}
