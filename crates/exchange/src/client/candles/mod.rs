//! Candles over long stretches: pages, oldest first, that are the exchange's candles and nothing else.
//!
//! A page is asked for by its start; what lies outside, or may still be forming by the exchange's own clock, is cut
//! off. A time without a candle is believed to be a gap when two answers agree on it. A page that holds nonsense is
//! asked for anew, and refused when it stays so.
//!
//! Invariant: between where a page starts and where it says it ends, every candle that the exchange has is in it.

mod funding;
mod page;

use futures_util::stream::{Stream, try_unfold};
use tradai_domain::ports::Span;
use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesKey, Symbol, TimeRange, Timeframe};

use super::Client;
use crate::Error;

/// Some candles of a span, and how much of it they answer.
#[derive(Debug, Clone, PartialEq)]
pub struct CandleChunk {
    /// The candles, oldest first.
    pub candles: CandleSeries,
    /// Everything that opens before this moment is answered.
    pub answered_until: Millis,
    /// Whether the span is answered, or its rest has not closed yet.
    pub is_last: bool,
}

/// What a walk has seen so far.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CandleReport {
    /// When the first candle opened: the listing, where the walk began before it.
    pub first: Option<Millis>,
    /// When the last one opened.
    pub last: Option<Millis>,
    /// Stretches between candles for which the exchange has none.
    pub gaps: Vec<Span>,
    /// From here on the exchange has none up to the end of what was asked and has closed: a market that is not traded
    /// any more, or nothing at all.
    pub nothing_from: Option<Millis>,
    /// How many candles there were.
    pub candles: u64,
}

/// A walk over candles. Dropping the future of a page loses nothing: the walk goes on where it was.
#[derive(Debug)]
pub struct CandleWalk {
    client: Client,
    key: SeriesKey,
    start: Millis,
    cursor: Millis,
    end: Millis,
    done: bool,
    report: CandleReport,
}

impl Client {
    /// Walks over the candles of a market that open within a range and have closed.
    #[must_use]
    pub fn candles(&self, symbol: &Symbol, timeframe: Timeframe, range: TimeRange) -> CandleWalk {
        self.walk(SeriesKey::traded(symbol, timeframe), range)
    }

    /// As [`Client::candles`], of mark prices.
    #[must_use]
    pub fn mark_candles(&self, symbol: &Symbol, timeframe: Timeframe, range: TimeRange) -> CandleWalk {
        self.walk(SeriesKey { symbol: symbol.clone(), timeframe, kind: CandleKind::Mark }, range)
    }

    fn walk(&self, key: SeriesKey, range: TimeRange) -> CandleWalk {
        // No exchange is older than its first possible candle in 2009.
        let start = ceil(key.timeframe, range.start.unwrap_or(FIRST_POSSIBLE).max(FIRST_POSSIBLE));
        CandleWalk {
            client: self.clone(),
            start,
            cursor: start,
            key,
            end: range.end.unwrap_or(Millis::MAX),
            done: false,
            report: CandleReport::default(),
        }
    }
}

/// 2009-01-01: before any market.
const FIRST_POSSIBLE: Millis = 1_230_768_000_000;

impl CandleWalk {
    /// Returns the next candles, a page of them; `None` when there are no more.
    ///
    /// # Errors
    /// What the exchange refuses; `BadResponse` when its candles make no sense time and again. The walk can go on
    /// after an error: it asks for the same page again.
    pub async fn next_page(&mut self) -> Result<Option<CandleSeries>, Error> {
        while !self.done {
            let chunk = self.client.candle_chunk(&self.key, Span::new(self.cursor, self.end)).await?;
            self.report.take(&chunk, self.start, self.key.timeframe);
            self.cursor = chunk.answered_until;
            self.done = chunk.is_last;
            if !chunk.candles.is_empty() {
                return Ok(Some(chunk.candles));
            }
        }
        Ok(None)
    }

    /// Returns what the walk has seen so far; the whole of it once [`CandleWalk::next_page`] returned `None`.
    #[must_use]
    pub fn report(&self) -> &CandleReport {
        &self.report
    }

    /// Returns the pages as a stream that asks for one when it is polled, and ends after an error.
    pub fn into_stream(self) -> impl Stream<Item = Result<CandleSeries, Error>> {
        try_unfold(self, |mut walk| async move {
            let page = walk.next_page().await?;
            Ok(page.map(|page| (page, walk)))
        })
    }
}

impl CandleReport {
    /// Takes in a page. What lies before the first candle is the time before the listing, and no gap.
    fn take(&mut self, chunk: &CandleChunk, asked_from: Millis, timeframe: Timeframe) {
        for &open in chunk.candles.open_time() {
            if let Some(expected) = self.after_last(timeframe).filter(|expected| *expected < open) {
                self.gaps.push(Span::new(expected, open));
            }
            self.first.get_or_insert(open);
            self.last = Some(open);
            self.candles += 1;
        }
        let expected = self.after_last(timeframe).unwrap_or(asked_from);
        self.nothing_from = (expected < chunk.answered_until).then_some(expected);
    }

    fn after_last(&self, timeframe: Timeframe) -> Option<Millis> {
        self.last.map(|last| last.saturating_add(timeframe.millis()))
    }
}

/// Returns the first moment of a timeframe's grid at or after `at`.
fn ceil(timeframe: Timeframe, at: Millis) -> Millis {
    let floor = timeframe.floor(at);
    if floor == at { at } else { floor.saturating_add(timeframe.millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(minutes: &[i64], answered: i64) -> CandleChunk {
        let mut candles = CandleSeries::default();
        minutes.iter().for_each(|minute| candles.push(minute * 60_000, [1.0; 5]));
        CandleChunk { candles, answered_until: answered * 60_000, is_last: false }
    }

    #[test]
    fn gaps_lie_between_candles_and_across_pages() {
        let mut report = CandleReport::default();
        let mut take = |chunk| {
            report.take(&chunk, 0, Timeframe::M1);
            (report.gaps.len(), report.nothing_from.map(|from| from / 60_000))
        };
        assert_eq!(take(chunk(&[], 10)), (0, Some(0)), "before the listing");
        assert_eq!(take(chunk(&[12, 13, 15], 16)), (1, None));
        assert_eq!(take(chunk(&[], 20)), (1, Some(16)));
        assert_eq!(take(chunk(&[20, 21], 25)), (2, Some(22)));
        let minutes = |span: &Span| (span.start / 60_000, span.end / 60_000);
        assert_eq!(report.gaps.iter().map(minutes).collect::<Vec<_>>(), [(14, 15), (16, 20)]);
        assert_eq!((report.first, report.last, report.candles), (Some(720_000), Some(1_260_000), 5));
    }
}
