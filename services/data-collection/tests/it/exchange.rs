//! A hand-written exchange: hourly candles since 2020 whose numbers follow from their time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tradai_domain::ports::{
    BreakerStatus, CandlePage, ExchangeKey, FundingRate, ListedMarket, MarketDataSource, MarketType,
    PortError, RateBudget, SourceStatus, Span, Ticker,
};
use tradai_domain::{CandleSeries, Clock, ErrorKind, ManualClock, Millis, SeriesKey, Symbol, Timeframe};

/// What happens to requests for a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They are answered; the exchange has no candles in these hours after 2024-01-01.
    Answered { outage: (i64, i64) },
    /// The exchange bans us for two minutes.
    Banned,
}

pub(crate) struct FakeExchange {
    key: ExchangeKey,
    clock: Arc<ManualClock>,
    pub(crate) fates: Mutex<BTreeMap<Symbol, Fate>>,
    /// Each request for candles takes one.
    pub(crate) permits: Semaphore,
    pub(crate) down: std::sync::atomic::AtomicBool,
}

impl FakeExchange {
    pub(crate) fn new(key: &str, clock: &Arc<ManualClock>) -> Arc<Self> {
        let whole = Fate::Answered { outage: (0, 0) };
        let fates = [
            ("BTC/USDT:USDT", whole),
            ("ETH/USDT:USDT", Fate::Answered { outage: (5, 8) }),
            ("BAN/USDT:USDT", Fate::Banned),
        ];
        let fates = fates.map(|(symbol, fate)| (symbol.parse().unwrap(), fate));
        Arc::new(Self {
            key: key.parse().unwrap(),
            clock: clock.clone(),
            fates: Mutex::new(fates.into()),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            down: false.into(),
        })
    }

    /// Lets no more than `requests` for candles through from now on.
    pub(crate) fn allow(&self, requests: usize) {
        self.permits.forget_permits(Semaphore::MAX_PERMITS);
        self.permits.add_permits(requests);
    }
}

#[async_trait]
impl MarketDataSource for FakeExchange {
    fn exchange(&self) -> &ExchangeKey {
        &self.key
    }

    fn timeframes(&self) -> &[Timeframe] {
        &[Timeframe::M1, Timeframe::H1]
    }

    async fn markets(&self) -> Result<Vec<ListedMarket>, PortError> {
        let market = |symbol: &Symbol| ListedMarket {
            symbol: symbol.clone(),
            kind: MarketType::Swap,
            active: Some(true),
            base: symbol.base().to_owned(),
            quote: symbol.quote().to_owned(),
            settle: symbol.settle().map(str::to_owned),
            created: None,
        };
        Ok(self.fates.lock().unwrap().keys().map(market).collect())
    }

    async fn exchange_time(&self) -> Result<Millis, PortError> {
        if self.down.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(PortError::new(ErrorKind::Unavailable, "no answer"));
        }
        Ok(self.clock.now_ms())
    }

    async fn fetch_candles(&self, key: &SeriesKey, span: Span) -> Result<CandlePage, PortError> {
        self.permits.acquire().await.unwrap().forget();
        let fate = self.fates.lock().unwrap().get(&key.symbol).copied();
        let unknown =
            || PortError::new(ErrorKind::NotFound, format!("{} has no market {}", self.key, key.symbol));
        let Fate::Answered { outage } = fate.ok_or_else(unknown)? else {
            let banned = PortError::new(ErrorKind::Unavailable, "banned for asking too much");
            return Err(banned.retry_after(Duration::from_secs(120)));
        };
        let hour = Timeframe::H1.millis();
        let outage =
            Span::new(crate::support::START + outage.0 * hour, crate::support::START + outage.1 * hour);
        let step = key.timeframe.millis();
        let end = span.end.min(key.timeframe.floor(self.clock.now_ms()));
        let page_end = span.start.saturating_add(500 * step).min(end);
        let mut candles = CandleSeries::default();
        let mut time = span.start;
        while time < page_end {
            if !outage.contains(time) {
                let base = 100.0 + f64::from(u32::try_from(time / hour % 100).unwrap());
                candles.push(time, [base, base + 2.0, base - 2.0, base + 1.0, 7.5]);
            }
            time += step;
        }
        Ok(CandlePage { candles, answered_until: page_end.max(span.start), is_last: page_end >= end })
    }

    async fn funding_rates(&self, symbols: &[Symbol]) -> Result<Vec<FundingRate>, PortError> {
        let rate = |symbol: &Symbol| FundingRate {
            symbol: symbol.clone(),
            rate: Some("0.00010000".to_owned()),
            funding_time: Some(crate::support::START),
            mark_price: None,
            at: None,
        };
        Ok(symbols.iter().map(rate).collect())
    }

    async fn tickers(&self, _: &[Symbol]) -> Result<Vec<Ticker>, PortError> {
        Err(PortError::new(ErrorKind::Unavailable, "10.0.0.7 refused the connection"))
    }

    fn status(&self) -> SourceStatus {
        let budget = RateBudget { used: 40, capacity: 2_400, window_ms: 60_000, blocked_until: None };
        SourceStatus { breaker: BreakerStatus::Open { until: crate::support::START }, budget }
    }
}
