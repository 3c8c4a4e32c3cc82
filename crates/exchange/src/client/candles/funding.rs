//! Funding rates that were paid, as a series: the rate stands in `open`.

use tradai_domain::ports::Span;
use tradai_domain::{CandleSeries, Millis, SeriesKey};

use super::{CandleChunk, ceil};
use crate::client::Client;
use crate::model::FundingRateRecord;
use crate::{Error, Page};

/// The shortest interval at which any exchange pays funding.
const SHORTEST_INTERVAL_MS: Millis = 3_600_000;

impl Client {
    /// Returns the oldest funding rates of a span that were paid, as many as one request brings, on the grid of the
    /// key's timeframe. Rates are few: each page is asked for twice, and what only one answer has counts.
    ///
    /// # Errors
    /// What the exchange refuses; `BadRequest` when rates are paid more often than the timeframe has room for,
    /// `BadResponse` when two answers differ.
    pub(crate) async fn funding_chunk(&self, key: &SeriesKey, span: Span) -> Result<CandleChunk, Error> {
        let closed = key.timeframe.floor(self.surely_passed().await?);
        let (from, until) = (ceil(key.timeframe, span.start), ceil(key.timeframe, span.end).min(closed));
        if from >= until {
            let candles = CandleSeries::default();
            return Ok(CandleChunk { candles, answered_until: span.start.min(span.end), is_last: true });
        }
        let paging = self.adapter().funding_paging();
        let window = SHORTEST_INTERVAL_MS.saturating_mul(paging.rows.into());
        let window_end = if paging.jumps { until } else { from.saturating_add(window).min(until) };
        let page = Page { since: Some(from), until: Some(window_end - 1), limit: Some(paging.rows) };
        let first = self.fetch_funding_rate_history(&key.symbol, page).await?;
        let second = self.fetch_funding_rate_history(&key.symbol, page).await?;
        let is_full = |rates: &[FundingRateRecord]| {
            paging.jumps && u32::try_from(rates.len()).unwrap_or(u32::MAX) >= paging.rows
        };
        let full = is_full(&first) || is_full(&second);
        let rates = merge(key, first.into_iter().chain(second), Span::new(from, window_end))?;
        let answered = match rates.last() {
            Some((last, _)) if full => last.saturating_add(key.timeframe.millis()).min(until),
            _ => key.timeframe.floor(window_end).max(from.saturating_add(key.timeframe.millis())).min(until),
        };
        let mut candles = CandleSeries::with_capacity(rates.len());
        for (at, rate) in rates.into_iter().filter(|(at, _)| *at < answered) {
            candles.push(at, [rate, 0.0, 0.0, 0.0, 0.0]);
        }
        Ok(CandleChunk { candles, answered_until: answered.min(span.end), is_last: answered >= until })
    }
}

/// Puts rates on the grid: exchanges pay some milliseconds after the hour.
fn merge(
    key: &SeriesKey,
    records: impl Iterator<Item = FundingRateRecord>,
    within: Span,
) -> Result<Vec<(Millis, f64)>, Error> {
    let mut rates: Vec<(Millis, Millis, f64)> = Vec::new();
    for record in records {
        let (Some(at), Some(rate)) = (record.timestamp, record.funding_rate) else {
            return Err(Error::bad_response(format!("{key}: a funding rate lacks its time or its rate")));
        };
        let rate = rate.to_f64();
        let open = key.timeframe.floor(at);
        if within.contains(open) {
            rates.push((open, at, rate));
        }
    }
    rates.sort_by_key(|(open, at, _)| (*open, *at));
    rates.dedup();
    match rates.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) if pair[0].1 != pair[1].1 => Err(Error::new(
            crate::ErrorClass::BadRequest,
            format!("{key}: funding is paid more than once per {}; use a shorter timeframe", key.timeframe),
        )),
        Some(_) => Err(Error::bad_response(format!("{key}: two answers differ about a funding rate"))),
        None => Ok(rates.into_iter().map(|(open, _, rate)| (open, rate)).collect()),
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::{CandleKind, Timeframe};

    use super::*;

    fn record(at: Millis, rate: &str) -> FundingRateRecord {
        FundingRateRecord { symbol: None, funding_rate: rate.parse().ok(), timestamp: Some(at) }
    }

    fn merged(timeframe: Timeframe, records: Vec<FundingRateRecord>) -> Result<Vec<(Millis, f64)>, Error> {
        let key =
            SeriesKey { symbol: "BTC/USDT:USDT".parse().unwrap(), timeframe, kind: CandleKind::FundingRate };
        merge(&key, records.into_iter(), Span::new(0, 100 * SHORTEST_INTERVAL_MS))
    }

    #[test]
    fn rates_lie_on_the_grid_once_each() {
        let hour = SHORTEST_INTERVAL_MS;
        let records = vec![record(8 * hour + 3, "0.0001"), record(4, "-0.0002"), record(4, "-0.0002")];
        assert_eq!(merged(Timeframe::H8, records).unwrap(), [(0, -0.0002), (8 * hour, 0.0001)]);
        let often = || vec![record(0, "0.1"), record(4 * hour, "0.1")];
        assert!(merged(Timeframe::H4, often()).is_ok());
        let error = merged(Timeframe::H8, often()).unwrap_err();
        assert!(error.to_string().contains("more than once per 8h"), "{error}");
        assert!(merged(Timeframe::H8, vec![record(0, "0.1"), record(0, "0.2")]).is_err());
        assert!(merged(Timeframe::H8, vec![record(0, "x")]).is_err());
    }
}
