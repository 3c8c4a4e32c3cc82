//! A hand-written exchange: candles that follow from their open time, listings, outages and faults.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tradai_control_plane::data::{
    CollectLimits, Collector, Exchange, Exchanges, PriceKind, SyncMode, SyncProgress, SyncRequest, SyncResult,
};
use tradai_domain::ports::{
    BreakerStatus, CandlePage, ExchangeKey, FundingRate, ListedMarket, MarketDataSource, PortError,
    RateBudget, SourceStatus, Span, Ticker, VersionChoice,
};
use tradai_domain::{
    CandleKind, CandleSeries, Clock, ErrorKind, ManualClock, Millis, RandomIds, SequentialIds, SeriesKey,
    Symbol, Timeframe,
};
use tradai_timeseries::CandleStore;
use tradai_timeseries::port::StoreRepository;

pub(crate) const HOUR: Millis = 3_600_000;

/// 2024-01-01.
pub(crate) const START: Millis = 1_704_067_200_000;

/// What is special about one market.
#[derive(Debug, Clone, Default)]
pub(crate) struct Market {
    /// It has no candles before.
    pub(crate) listed: Millis,
    /// It has no candles within.
    pub(crate) outages: Vec<Span>,
    /// Candles that it has corrected: their close is one higher than first told.
    pub(crate) corrected: Vec<Millis>,
    /// Every request for it fails.
    pub(crate) broken: Option<PortError>,
}

/// An exchange whose time is the clock's.
pub(crate) struct FakeExchange {
    key: ExchangeKey,
    clock: Arc<ManualClock>,
    page_rows: i64,
    pub(crate) markets: Mutex<BTreeMap<Symbol, Market>>,
    /// Spans that it was asked for.
    pub(crate) asked: Mutex<Vec<(Symbol, Span)>>,
    /// Requests under way, and the most there ever were.
    pub(crate) under_way: AtomicUsize,
    pub(crate) most_under_way: AtomicUsize,
    /// Each request takes one; a test that wants to stop time hands out few.
    pub(crate) permits: Semaphore,
}

impl FakeExchange {
    pub(crate) fn new(key: &str, clock: &Arc<ManualClock>, page_rows: i64) -> Arc<Self> {
        Arc::new(Self {
            key: key.parse().unwrap(),
            clock: clock.clone(),
            page_rows,
            markets: Mutex::default(),
            asked: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }

    pub(crate) fn list(&self, symbol: &str, market: Market) {
        self.markets.lock().unwrap().insert(symbol.parse().unwrap(), market);
    }

    pub(crate) fn take_asked(&self) -> Vec<(Symbol, Span)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// The candle that a market has at a time: every number follows from the time.
pub(crate) fn candle(market: &Market, time: Millis) -> [f64; 5] {
    let base = 100.0 + f64::from(u32::try_from(time / HOUR % 1_000).unwrap());
    let close = if market.corrected.contains(&time) { base + 1.0 } else { base };
    [base, base + 2.0, base - 2.0, close, 7.5]
}

#[async_trait]
impl MarketDataSource for FakeExchange {
    fn exchange(&self) -> &ExchangeKey {
        &self.key
    }

    fn timeframes(&self) -> &[Timeframe] {
        &[Timeframe::M1, Timeframe::H1, Timeframe::D1]
    }

    async fn markets(&self) -> Result<Vec<ListedMarket>, PortError> {
        Ok(Vec::new())
    }

    async fn exchange_time(&self) -> Result<Millis, PortError> {
        Ok(self.clock.now_ms())
    }

    async fn fetch_candles(&self, key: &SeriesKey, span: Span) -> Result<CandlePage, PortError> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        self.permits.acquire().await.unwrap().forget();
        tokio::task::yield_now().await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push((key.symbol.clone(), span));
        let market = self.markets.lock().unwrap().get(&key.symbol).cloned();
        let market = market.ok_or_else(|| {
            PortError::new(ErrorKind::NotFound, format!("{} has no market {}", self.key, key.symbol))
        })?;
        if let Some(broken) = market.broken {
            return Err(broken);
        }
        let step = key.timeframe.millis();
        let closed = key.timeframe.floor(self.clock.now_ms());
        let end = span.end.min(closed);
        let page_end = span.start.max(market.listed).saturating_add(self.page_rows * step).min(end);
        let mut candles = CandleSeries::default();
        let mut time = span.start.max(key.timeframe.floor(market.listed));
        while time < page_end {
            let is_paid = key.kind != CandleKind::FundingRate || time % (8 * HOUR) == 0;
            if is_paid && !market.outages.iter().any(|outage| outage.contains(time)) {
                candles.push(time, candle(&market, time));
            }
            time += step;
        }
        Ok(CandlePage { candles, answered_until: page_end.max(span.start), is_last: page_end >= end })
    }

    async fn funding_rates(&self, _: &[Symbol]) -> Result<Vec<FundingRate>, PortError> {
        Ok(Vec::new())
    }

    async fn tickers(&self, _: &[Symbol]) -> Result<Vec<Ticker>, PortError> {
        Ok(Vec::new())
    }

    fn status(&self) -> SourceStatus {
        let budget = RateBudget { used: 0, capacity: 1, window_ms: 1, blocked_until: None };
        SourceStatus { breaker: BreakerStatus::Closed, budget }
    }
}

/// A collector over one fake exchange, `test`, and what is behind it.
pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) exchange: Arc<FakeExchange>,
    pub(crate) store: CandleStore,
    pub(crate) collector: Collector,
}

impl World {
    /// An exchange with pages of 100 rows; it is `hours` after 2024-01-01, and BTC/USDT has traded since 2020.
    pub(crate) fn new(hours: i64) -> Self {
        Self::with_limits(hours, CollectLimits::default())
    }

    pub(crate) fn with_limits(hours: i64, limits: CollectLimits) -> Self {
        let clock = Arc::new(ManualClock::at(START + hours * HOUR));
        let store = CandleStore::in_memory(clock.clone(), Arc::new(SequentialIds::default()));
        Self::over(clock, store, limits)
    }

    /// Another process, as it were, on a store that is there.
    pub(crate) fn over(clock: Arc<ManualClock>, store: CandleStore, limits: CollectLimits) -> Self {
        Self::with_pages(clock, store, limits, 100)
    }

    pub(crate) fn with_pages(
        clock: Arc<ManualClock>,
        store: CandleStore,
        limits: CollectLimits,
        page_rows: i64,
    ) -> Self {
        let exchange = FakeExchange::new("test", &clock, page_rows);
        exchange.list("BTC/USDT", Market::default());
        let exchanges = Exchanges::new(vec![Exchange {
            source: exchange.clone(),
            candles: Arc::new(StoreRepository::new(store.clone())),
        }]);
        let collector = Collector::new(exchanges, clock.clone(), limits);
        Self { clock, exchange, store, collector }
    }

    /// A store in a folder, as processes share it.
    pub(crate) fn in_folder(dir: &std::path::Path, clock: &Arc<ManualClock>) -> Self {
        let store = CandleStore::open(dir, clock.clone(), Arc::new(RandomIds)).unwrap();
        Self::over(clock.clone(), store, CollectLimits::default())
    }

    pub(crate) async fn sync(&self, request: &SyncRequest) -> SyncResult {
        let plan = self.collector.plan(request).await.unwrap();
        let progress = SyncProgress::new(&plan);
        self.collector.sync(&plan, &progress, &tokio_util::sync::CancellationToken::new()).await
    }

    /// Open times that are stored, in hours after 2024-01-01.
    pub(crate) async fn stored_hours(&self, symbol: &str) -> Vec<i64> {
        let exchange = self.collector.exchanges().resolve(None).unwrap();
        let span = Span::new(0, i64::MAX);
        let read = exchange.candles.read(&hourly(symbol), span, &VersionChoice::Latest).await.unwrap();
        let times = read.map(|read| read.candles.open_time().to_vec()).unwrap_or_default();
        times.iter().map(|time| (time - START) / HOUR).collect()
    }
}

pub(crate) fn hourly(symbol: &str) -> SeriesKey {
    SeriesKey::traded(&symbol.parse().unwrap(), Timeframe::H1)
}

/// Asks for hourly candles of some hours after 2024-01-01.
pub(crate) fn request(symbols: &[&str], hours: std::ops::Range<i64>) -> SyncRequest {
    SyncRequest {
        exchange: None,
        symbols: symbols.iter().map(|symbol| symbol.parse().unwrap()).collect(),
        timeframe: Timeframe::H1,
        price: PriceKind::Traded,
        start: Some(START + hours.start * HOUR),
        end: Some(START + hours.end * HOUR),
        mode: SyncMode::Gaps,
        recheck: false,
    }
}
