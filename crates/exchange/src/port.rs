//! An exchange as the port that use cases take market data from.

use async_trait::async_trait;
use tradai_domain::ports::{
    self, BreakerStatus, CandlePage, ExchangeKey, ListedMarket, MarketDataSource, MarketType, PortError,
    RateBudget, SourceStatus, Span,
};
use tradai_domain::{CandleKind, ErrorKind, Millis, SeriesKey, Symbol, Timeframe};

use crate::client::{BreakerState, Client};
use crate::model::{FundingRate, Market, MarketKind, Ticker};
use crate::{Decimal, Endpoint, Error};

/// How old a list of markets may be.
const MARKETS_MAX_AGE_MS: Millis = 3_600_000;

/// A client as a [`MarketDataSource`]. Cheap to clone, as the client is.
#[derive(Debug, Clone)]
pub struct MarketData {
    client: Client,
    exchange: ExchangeKey,
    /// The endpoint that lists markets: its host is what the status is about.
    home: &'static Endpoint,
}

impl MarketData {
    /// Returns the public data of a client's exchange.
    ///
    /// # Errors
    /// `NotSupported` when the exchange's key is none that settings could name.
    pub fn new(client: Client) -> Result<Self, Error> {
        let key = client.adapter().key();
        let unnamed = || Error::not_supported(format!("`{key}` cannot name an exchange"));
        let exchange = key.parse().map_err(|_| unnamed())?;
        let home = client.adapter().market_sources().first().copied().ok_or_else(unnamed)?;
        Ok(Self { client, exchange, home })
    }

    /// Returns the client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn failed(&self, error: &Error) -> PortError {
        let kind = match error.kind() {
            // Nonsense that stays nonsense when asked again is an exchange that cannot be used now.
            ErrorKind::Data => ErrorKind::Unavailable,
            kind => kind,
        };
        let failed = PortError::new(kind, format!("{}: {error}", self.exchange));
        let named = error.retry_at.map(|at| at.saturating_sub(self.client.exchange_now()));
        let named = named.and_then(|left| u64::try_from(left).ok()).map(std::time::Duration::from_millis);
        match error.retry_after.max(named) {
            Some(pause) => failed.retry_after(pause),
            None => failed,
        }
    }
}

#[async_trait]
impl MarketDataSource for MarketData {
    fn exchange(&self) -> &ExchangeKey {
        &self.exchange
    }

    fn timeframes(&self) -> &[Timeframe] {
        self.client.adapter().timeframes()
    }

    async fn markets(&self) -> Result<Vec<ListedMarket>, PortError> {
        let markets = self.client.recent_markets(MARKETS_MAX_AGE_MS).await;
        let markets = markets.map_err(|error| self.failed(&error))?;
        let mut listed: Vec<ListedMarket> = markets.iter().filter_map(listed).collect();
        listed.sort_by(|one, other| one.symbol.cmp(&other.symbol));
        Ok(listed)
    }

    async fn exchange_time(&self) -> Result<Millis, PortError> {
        self.client.fetch_time().await.map_err(|error| self.failed(&error))
    }

    async fn fetch_candles(&self, key: &SeriesKey, span: Span) -> Result<CandlePage, PortError> {
        if !self.timeframes().contains(&key.timeframe) && key.kind != CandleKind::FundingRate {
            let text = format!("{} has no candles of {}", self.exchange, key.timeframe);
            return Err(PortError::new(ErrorKind::Invalid, text));
        }
        let chunk = match key.kind {
            CandleKind::FundingRate => self.client.funding_chunk(key, span).await,
            CandleKind::Spot | CandleKind::Futures | CandleKind::Mark => {
                self.client.candle_chunk(key, span).await
            }
        };
        let chunk = chunk.map_err(|error| self.failed(&error))?;
        Ok(CandlePage {
            candles: chunk.candles,
            answered_until: chunk.answered_until,
            is_last: chunk.is_last,
        })
    }

    async fn funding_rates(&self, symbols: &[Symbol]) -> Result<Vec<ports::FundingRate>, PortError> {
        let rates = self.client.fetch_funding_rates(symbols).await;
        let rates = rates.map_err(|error| self.failed(&error))?;
        Ok(rates.into_iter().map(|(symbol, rate)| funding_rate(symbol, &rate)).collect())
    }

    async fn tickers(&self, symbols: &[Symbol]) -> Result<Vec<ports::Ticker>, PortError> {
        let tickers = self.client.fetch_tickers(symbols).await;
        let tickers = tickers.map_err(|error| self.failed(&error))?;
        Ok(tickers.into_iter().map(|(symbol, seen)| ticker(symbol, &seen)).collect())
    }

    fn status(&self) -> SourceStatus {
        let standing = self.client.standing(self.home);
        SourceStatus {
            breaker: match standing.breaker {
                BreakerState::Closed => BreakerStatus::Closed,
                BreakerState::Open { until } => BreakerStatus::Open { until },
                BreakerState::HalfOpen => BreakerStatus::HalfOpen,
            },
            budget: RateBudget {
                used: standing.used.into(),
                capacity: standing.capacity.into(),
                window_ms: standing.window_ms,
                blocked_until: standing.blocked_until,
            },
        }
    }
}

/// Options have no place in the port.
fn listed(market: &Market) -> Option<ListedMarket> {
    let kind = match market.kind {
        MarketKind::Spot => MarketType::Spot,
        MarketKind::Swap => MarketType::Swap,
        MarketKind::Future => MarketType::Future,
        MarketKind::Option => return None,
    };
    Some(ListedMarket {
        symbol: market.symbol.clone(),
        kind,
        active: market.active,
        base: market.base.clone(),
        quote: market.quote.clone(),
        settle: market.settle.clone(),
        created: market.created,
    })
}

fn text(value: Option<Decimal>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn funding_rate(symbol: Symbol, rate: &FundingRate) -> ports::FundingRate {
    ports::FundingRate {
        symbol,
        rate: text(rate.funding_rate),
        funding_time: rate.funding_timestamp,
        mark_price: text(rate.mark_price),
        at: rate.timestamp,
    }
}

fn ticker(symbol: Symbol, ticker: &Ticker) -> ports::Ticker {
    ports::Ticker {
        symbol,
        at: ticker.timestamp,
        last: text(ticker.last),
        bid: text(ticker.bid),
        ask: text(ticker.ask),
        high: text(ticker.high),
        low: text(ticker.low),
        base_volume: text(ticker.base_volume),
        quote_volume: text(ticker.quote_volume),
    }
}
