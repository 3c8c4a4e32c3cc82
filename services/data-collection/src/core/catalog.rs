//! Reading what is stored and what exchanges say now, within limits.

use std::time::Duration;

use tokio::time::timeout;
use tradai_control_plane::data::{Collector, Exchange};
use tradai_control_plane::{Error, RequestFault};
use tradai_domain::ports::{
    ExchangeKey, FundingRate, ListedMarket, PortError, Snapshot, Span, StoredCandles, StoredSeries,
    StoredSeriesList, StoredVersion, Ticker, VersionChoice,
};
use tradai_domain::{CandleSeries, ErrorKind, Millis, SeriesKey, Symbol};

/// How long an exchange may take to say something for a client that waits.
const LIVE_PATIENCE: Duration = Duration::from_secs(10);

/// A stretch of stored candles.
#[derive(Debug, Clone)]
pub(crate) struct CandlePageRequest {
    pub(crate) key: SeriesKey,
    pub(crate) start: Option<Millis>,
    pub(crate) end: Option<Millis>,
    pub(crate) version: VersionChoice,
    /// Most candles of the reply.
    pub(crate) limit: usize,
    /// Whether more candles than that are an error rather than a first page.
    pub(crate) whole: bool,
}

/// Reads stores and markets for the API.
#[derive(Clone)]
pub(crate) struct Catalog {
    collector: Collector,
    max_rows: usize,
}

impl Catalog {
    pub(crate) fn new(collector: Collector, max_rows: usize) -> Self {
        Self { collector, max_rows }
    }

    pub(crate) fn max_rows(&self) -> usize {
        self.max_rows
    }

    pub(crate) fn exchange(&self, key: Option<&ExchangeKey>) -> Result<&Exchange, Error> {
        self.collector.exchanges().resolve(key)
    }

    /// Returns every stored series of an exchange, by key, and what is told of those that cannot be read.
    pub(crate) async fn series(&self, exchange: Option<&ExchangeKey>) -> Result<StoredSeriesList, Error> {
        Ok(self.exchange(exchange)?.candles.list().await?)
    }

    /// Returns candles, oldest first, and where the next page begins; `None` when there is no such series.
    pub(crate) async fn candles(
        &self,
        exchange: Option<&ExchangeKey>,
        request: &CandlePageRequest,
    ) -> Result<Option<(StoredCandles, Option<Millis>)>, Error> {
        let repository = &self.exchange(exchange)?.candles;
        let Some(stored) = repository.find(&request.key, &request.version).await? else { return Ok(None) };
        let (first, last) = stored.ends.unwrap_or((0, -1));
        let stored_span = Span::new(first, last.saturating_add(1));
        let span = stored_span.intersect(Span::new(
            request.start.unwrap_or(stored_span.start),
            request.end.unwrap_or(stored_span.end),
        ));
        let limit = request.limit.min(self.max_rows);
        let step = request.key.timeframe.millis();
        let most = span.candles(request.key.timeframe);
        if request.whole && most > u64::try_from(limit).unwrap_or(u64::MAX) {
            let reason = format!("the span has up to {most} candles, more than one reply may: {limit}");
            return Err(Error::Request(vec![RequestFault::new("start", reason)]));
        }
        // Holes make a stretch of so many candles hold fewer; the page then ends early, and says where to go on.
        let length = step.saturating_mul(i64::try_from(limit).unwrap_or(i64::MAX));
        let (found, next) = self.first_filled(repository.as_ref(), request, &stored, span, length).await?;
        Ok(Some((found, next)))
    }

    /// Reads stretches until one has candles.
    async fn first_filled(
        &self,
        repository: &dyn tradai_domain::ports::CandleRepository,
        request: &CandlePageRequest,
        stored: &StoredSeries,
        span: Span,
        length: Millis,
    ) -> Result<(StoredCandles, Option<Millis>), Error> {
        // One version from the first page to the last.
        let version = VersionChoice::Number(stored.version);
        let mut start = span.start;
        loop {
            let page = Span::new(start, start.saturating_add(length).min(span.end));
            let empty = StoredCandles {
                candles: CandleSeries::default(),
                version: stored.version,
                data_hash: stored.data_hash.clone(),
                synthetic: stored.synthetic,
            };
            if page.is_empty() {
                return Ok((empty, None));
            }
            let read = repository.read(&request.key, page, &version).await?.unwrap_or(empty);
            let next = (page.end < span.end).then_some(page.end);
            match next {
                Some(next) if read.candles.is_empty() => start = after_hole(stored, next),
                _ => return Ok((read, next)),
            }
        }
    }

    pub(crate) async fn versions(
        &self,
        exchange: Option<&ExchangeKey>,
        key: &SeriesKey,
    ) -> Result<Vec<StoredVersion>, Error> {
        let versions = self.exchange(exchange)?.candles.versions(key).await?;
        if versions.is_empty() {
            return Err(no_series(key));
        }
        Ok(versions)
    }

    pub(crate) async fn snapshots(&self, exchange: Option<&ExchangeKey>) -> Result<Vec<Snapshot>, Error> {
        Ok(self.exchange(exchange)?.candles.snapshots().await?)
    }

    pub(crate) async fn markets(&self, exchange: &ExchangeKey) -> Result<Vec<ListedMarket>, Error> {
        live(self.exchange(Some(exchange))?.source.markets()).await
    }

    pub(crate) async fn funding(
        &self,
        exchange: Option<&ExchangeKey>,
        symbols: &[Symbol],
    ) -> Result<Vec<FundingRate>, Error> {
        live(self.exchange(exchange)?.source.funding_rates(symbols)).await
    }

    pub(crate) async fn tickers(
        &self,
        exchange: Option<&ExchangeKey>,
        symbols: &[Symbol],
    ) -> Result<Vec<Ticker>, Error> {
        live(self.exchange(exchange)?.source.tickers(symbols)).await
    }
}

/// Waits for what an exchange says now, no longer than a person would: its client may wait out a pause.
async fn live<T>(asked: impl Future<Output = Result<T, PortError>>) -> Result<T, Error> {
    let late = || PortError::new(ErrorKind::Unavailable, "the exchange did not answer in time");
    Ok(timeout(LIVE_PATIENCE, asked).await.unwrap_or_else(|_| Err(late()))?)
}

/// Returns where stored candles go on when a hole covers `at`, so that an empty decade is passed in one step.
fn after_hole(stored: &StoredSeries, at: Millis) -> Millis {
    stored.holes.iter().find(|hole| hole.contains(at)).map_or(at, |hole| hole.end)
}

/// The error of a series that is not there.
pub(crate) fn no_series(key: &SeriesKey) -> Error {
    let text = format!("nothing is stored of {key}; GET /api/v1/symbols lists what is");
    Error::Port(PortError::new(ErrorKind::NotFound, text))
}
