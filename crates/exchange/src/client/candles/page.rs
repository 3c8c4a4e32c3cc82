//! One page of candles: asked for, checked, and asked for again where it has holes or makes no sense.

use tradai_domain::ports::Span;
use tradai_domain::{CandleKind, CandleSeries, Millis, SeriesKey, Timeframe};

use super::{CandleChunk, ceil};
use crate::client::Client;
use crate::model::Candle;
use crate::{Call, CandlePaging, Error, ErrorClass, Page, PriceKind, Reply, Request};

/// How often a page that makes no sense is asked for.
const ATTEMPTS: u32 = 4;
/// How long after its close a candle may be late. One that is missing for longer is not there.
const LATE_MS: Millis = 10_000;

/// The candles of an answer, or of several, and how far they answer.
struct Rows {
    /// In order, one per time, all within what was asked.
    candles: Vec<Candle>,
    until: Millis,
}

/// A page to be asked for: `[from, until)` on the grid, all of it closed.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    key: &'a SeriesKey,
    paging: CandlePaging,
    from: Millis,
    until: Millis,
}

impl Client {
    /// Returns the oldest candles of a span that have closed, as many as one request brings.
    ///
    /// # Errors
    /// What the exchange refuses; `BadResponse` when its candles make no sense time and again.
    pub async fn candle_chunk(&self, key: &SeriesKey, span: Span) -> Result<CandleChunk, Error> {
        if key.kind == CandleKind::FundingRate {
            return Err(Error::not_supported("funding rates are no candles"));
        }
        let markets = self.markets_with(&key.symbol).await?;
        let paging = self.adapter().candle_paging(markets.get(&key.symbol)?);
        let passed = self.surely_passed().await?;
        // By the exchange's clock at the latest, so that what opens before it has closed for sure.
        let closed = key.timeframe.floor(passed);
        let from = ceil(key.timeframe, span.start);
        let until = ceil(key.timeframe, span.end).min(closed);
        if from >= until {
            let candles = CandleSeries::default();
            return Ok(CandleChunk { candles, answered_until: span.start.min(span.end), is_last: true });
        }
        let wanted = Wanted { key, paging, from, until };
        let mut rows = self.checked_rows(wanted).await?;
        if rows.candles.is_empty() {
            rows.until = self.next_listed(wanted).await?;
        }
        let settled = key.timeframe.floor(passed.saturating_sub(LATE_MS));
        let is_last = rows.until >= until || rows.leave_late_ones(key.timeframe, from, settled);
        Ok(CandleChunk { candles: series(&rows.candles), answered_until: rows.until.min(span.end), is_last })
    }

    /// Asks for a page until it makes sense.
    async fn checked_rows(&self, wanted: Wanted<'_>) -> Result<Rows, Error> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.agreed_rows(wanted).await {
                Err(error) if error.class == ErrorClass::BadResponse && attempt < ATTEMPTS => {
                    tracing::debug!(symbol = %wanted.key.symbol, error = %error, "asking for candles again");
                }
                other => return other,
            }
        }
    }

    /// Asks for a page; if it has holes, asks for the stretch that they are in again and puts both together: what is
    /// missing then is missing in two answers.
    async fn agreed_rows(&self, wanted: Wanted<'_>) -> Result<Rows, Error> {
        let first = self.rows(wanted).await?;
        let Some(hole) = first.holes(wanted) else { return Ok(first) };
        // Where the exchange jumps, the second answer has to start where the first hole does as well.
        let second = self.rows(Wanted { from: hole.start, until: hole.end, ..wanted }).await?;
        let until = if second.until < hole.end { second.until } else { first.until };
        let mut candles = merge(first.candles, second.candles)?;
        candles.retain(|candle| candle.open_time < until);
        Ok(Rows { candles, until })
    }

    /// Asks for a page once.
    async fn rows(&self, wanted: Wanted<'_>) -> Result<Rows, Error> {
        let Wanted { key, paging, from, until } = wanted;
        let rows = u32::try_from(wanted.count()).unwrap_or(u32::MAX).min(paging.rows);
        let window_end = from.saturating_add(key.timeframe.millis().saturating_mul(rows.into())).min(until);
        let page =
            Page { since: Some(from), until: (!paging.jumps).then_some(window_end - 1), limit: Some(rows) };
        let price = if key.kind == CandleKind::Mark { PriceKind::Mark } else { PriceKind::Last };
        let timeframe = key.timeframe.as_str().to_owned();
        let call = Call::FetchOhlcv { symbol: key.symbol.clone(), timeframe, page, price };
        let Reply::Candles(mut candles) = self.read(&Request::from(call)).await? else {
            return Err(Error::bad_response("the reply holds no candles"));
        };
        let is_full = u32::try_from(candles.len()).unwrap_or(u32::MAX) >= rows;
        let reaches_end = candles.last().is_some_and(|candle| candle.open_time >= until);
        candles.retain(|candle| (from..until).contains(&candle.open_time));
        check(&candles, key)?;
        let after_last = candles.last().map(|last| last.open_time.saturating_add(key.timeframe.millis()));
        let answered = match after_last {
            _ if !paging.jumps => window_end,
            Some(after_last) if is_full && !reaches_end => after_last,
            // Fewer than asked for: the exchange says that there are no more.
            _ => until,
        };
        Ok(Rows { candles, until: answered.min(until) })
    }

    /// Looks for where candles go on after a page without any, by candles of a day: one answer spans years. Returns
    /// up to where there are none.
    async fn next_listed(&self, wanted: Wanted<'_>) -> Result<Millis, Error> {
        let Wanted { key, paging, from, until } = wanted;
        let page_end = from.saturating_add(key.timeframe.millis().saturating_mul(paging.rows.into()));
        if key.timeframe >= Timeframe::D1 {
            return Ok(if paging.jumps { until } else { page_end.min(until) });
        }
        let days = SeriesKey { timeframe: Timeframe::D1, ..key.clone() };
        let mut day = Timeframe::D1.floor(from);
        let end = ceil(Timeframe::D1, until);
        while day < end {
            let rows = self.checked_rows(Wanted { key: &days, from: day, until: end, paging }).await?;
            if let Some(first) = rows.candles.first() {
                return Ok(first.open_time.max(page_end).min(until));
            }
            day = rows.until;
        }
        Ok(until)
    }
}

impl Wanted<'_> {
    /// Returns how many candles it has room for.
    fn count(&self) -> u64 {
        Span::new(self.from, self.until).candles(self.key.timeframe)
    }
}

impl Rows {
    /// Returns the stretch from the first time that has no candle to the end of the last; `None` when none lacks.
    fn holes(&self, wanted: Wanted<'_>) -> Option<Span> {
        let step = wanted.key.timeframe.millis();
        let ends = self.candles.iter().map(|candle| candle.open_time).chain([self.until]);
        let (mut expected, mut found) = (wanted.from, None);
        for open in ends {
            if open > expected {
                let start = found.map_or(expected, |span: Span| span.start);
                found = Some(Span::new(start, open));
            }
            expected = open.saturating_add(step);
        }
        found
    }

    /// Takes back the answer for candles at the end that closed a moment ago and are not there yet; returns whether
    /// there were such.
    fn leave_late_ones(&mut self, timeframe: Timeframe, from: Millis, settled: Millis) -> bool {
        let after_last = self.candles.last().map(|last| last.open_time.saturating_add(timeframe.millis()));
        let surely = after_last.unwrap_or(from).max(settled);
        let is_late = surely < self.until;
        self.until = self.until.min(surely);
        is_late
    }
}

/// Puts two answers together. They have to agree where both have a candle.
fn merge(first: Vec<Candle>, second: Vec<Candle>) -> Result<Vec<Candle>, Error> {
    let mut all = first;
    all.extend(second);
    all.sort_by_key(|candle| candle.open_time);
    all.dedup();
    match all.windows(2).find(|pair| pair[0].open_time == pair[1].open_time) {
        Some(pair) => {
            let at = pair[0].open_time;
            Err(Error::bad_response(format!("two answers differ about the candle of {at}")))
        }
        None => Ok(all),
    }
}

/// Refuses candles that cannot be.
fn check(candles: &[Candle], key: &SeriesKey) -> Result<(), Error> {
    let off_grid = candles.iter().find(|candle| key.timeframe.floor(candle.open_time) != candle.open_time);
    if let Some(candle) = off_grid {
        let text = format!("{key}: a candle opens at {}, which is none of its times", candle.open_time);
        return Err(Error::bad_response(text));
    }
    let series = series(candles);
    match (0..series.len()).find_map(|row| series.row_fault(row, key.kind)) {
        Some(fault) => Err(Error::bad_response(format!("{key}: {fault}"))),
        None => Ok(()),
    }
}

/// Mark prices have no volume.
fn series(candles: &[Candle]) -> CandleSeries {
    let mut series = CandleSeries::with_capacity(candles.len());
    for candle in candles {
        let Candle { open_time, open, high, low, close, volume } = *candle;
        series.push(open_time, [open, high, low, close, volume.unwrap_or(0.0)]);
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Millis = 60_000;

    fn candle(minute: i64) -> Candle {
        Candle { open_time: minute * MINUTE, open: 1.0, high: 2.0, low: 0.5, close: 1.5, volume: Some(1.0) }
    }

    fn key() -> SeriesKey {
        SeriesKey::traded(&"BTC/USDT".parse().unwrap(), Timeframe::M1)
    }

    #[test]
    fn the_stretch_of_holes_begins_with_the_first_and_ends_with_the_last() {
        let paging = CandlePaging { rows: 1_000, jumps: true };
        let holes = |minutes: &[i64], until: i64| {
            let candles = minutes.iter().map(|minute| candle(*minute)).collect();
            let rows = Rows { candles, until: until * MINUTE };
            let key = key();
            let wanted = Wanted { key: &key, paging, from: 10 * MINUTE, until: 100 * MINUTE };
            rows.holes(wanted).map(|span| (span.start / MINUTE, span.end / MINUTE))
        };
        assert_eq!(holes(&[10, 11, 12], 13), None);
        assert_eq!(holes(&[10, 12, 13, 16], 17), Some((11, 16)));
        assert_eq!(holes(&[12], 13), Some((10, 12)));
        assert_eq!(holes(&[10, 11], 20), Some((12, 20)));
        assert_eq!(holes(&[], 20), Some((10, 20)));
    }

    #[test]
    fn what_closed_a_moment_ago_may_be_late() {
        let late = |minutes: &[i64], until: i64, settled: i64| {
            let candles = minutes.iter().map(|minute| candle(*minute)).collect();
            let mut rows = Rows { candles, until: until * MINUTE };
            let is_late = rows.leave_late_ones(Timeframe::M1, 10 * MINUTE, settled * MINUTE);
            (is_late, rows.until / MINUTE)
        };
        assert_eq!(late(&[10, 11], 12, 12), (false, 12));
        assert_eq!(late(&[10, 11], 13, 12), (true, 12));
        assert_eq!(late(&[10], 13, 12), (true, 12), "the second has been missing for long");
        assert_eq!(late(&[], 13, 9), (true, 10));
    }

    #[test]
    fn answers_that_differ_are_refused() {
        assert_eq!(merge(vec![candle(1), candle(3)], vec![candle(2), candle(3)]).unwrap().len(), 3);
        let other = Candle { close: 1.6, ..candle(3) };
        assert!(merge(vec![candle(3)], vec![other]).is_err());
    }

    #[test]
    fn candles_that_cannot_be_are_refused() {
        let key = key();
        assert!(check(&[candle(1)], &key).is_ok());
        for (bad, word) in [
            (Candle { high: 0.4, ..candle(1) }, "below low"),
            (Candle { low: -1.0, ..candle(1) }, "not above zero"),
            (Candle { volume: Some(-1.0), ..candle(1) }, "negative"),
            (Candle { open_time: 61_000, ..candle(1) }, "none of its times"),
        ] {
            let error = check(&[bad], &key).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("BTC/USDT"), "{error}");
        }
    }
}
