//! Where market data comes from: one exchange.

use async_trait::async_trait;
use serde::Serialize;

use super::{ExchangeKey, PortError, Span};
use crate::{CandleSeries, Millis, SeriesKey, Symbol, Timeframe};

/// One exchange's public data.
///
/// An implementer keeps to the exchange's limits by itself: calls wait for the budget of requests, repeat what may
/// be repeated a bounded number of times, and have a timeout. What it then gives up on is an error of kind
/// `Unavailable`, with `retry_after` where the exchange, a ban or an open breaker says when. An unknown market is
/// `NotFound`; what an exchange does not offer is `Invalid`.
#[async_trait]
pub trait MarketDataSource: Send + Sync {
    /// Returns the key that settings name the exchange by.
    fn exchange(&self) -> &ExchangeKey;

    /// Returns the timeframes of its candles, shortest first.
    fn timeframes(&self) -> &[Timeframe];

    /// Returns its markets, by symbol. May answer from a list that is up to an hour old.
    async fn markets(&self) -> Result<Vec<ListedMarket>, PortError>;

    /// Returns the exchange's own time.
    async fn exchange_time(&self) -> Result<Millis, PortError>;

    /// Returns the oldest closed candles of a series in a span, as many as one request brings. `span` begins on the
    /// timeframe's grid and is not empty. Of funding rates the rate stands in `open`.
    ///
    /// The candles open inside the span, in order, one per time, and none of them is still forming by the
    /// exchange's own clock. See [`CandlePage`] for how to go on. A caller that asks again from `answered_until`
    /// until `is_last` has every candle of the span, whatever pages the exchange cuts it into.
    async fn fetch_candles(&self, key: &SeriesKey, span: Span) -> Result<CandlePage, PortError>;

    /// Returns the current funding rate of each perpetual; of all of them when `symbols` is empty.
    async fn funding_rates(&self, symbols: &[Symbol]) -> Result<Vec<FundingRate>, PortError>;

    /// Returns each market at a glance; all of them when `symbols` is empty.
    async fn tickers(&self, symbols: &[Symbol]) -> Result<Vec<Ticker>, PortError>;

    /// Returns how the connection stands, without asking the exchange.
    fn status(&self) -> SourceStatus;
}

/// Some candles of a span, and how much of it they answer.
#[derive(Debug, Clone, PartialEq)]
pub struct CandlePage {
    /// The candles; none when the exchange has none in `[span.start, answered_until)`.
    pub candles: CandleSeries,
    /// The exchange has answered for everything that opens before this moment: what is not in `candles` it does
    /// not have. Lies on the timeframe's grid within the span or at its end, after the start unless `is_last`,
    /// and never after the open of the first candle that may still be forming.
    pub answered_until: Millis,
    /// Whether there is nothing left to ask for: the span is answered, or its rest has not closed yet.
    pub is_last: bool,
}

/// What is traded on a market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketType {
    /// The currencies themselves.
    Spot,
    /// A perpetual.
    Swap,
    /// A dated future.
    Future,
}

/// A market that candles can be had of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedMarket {
    /// The unified symbol.
    pub symbol: Symbol,
    /// What is traded.
    pub kind: MarketType,
    /// Whether it trades now; `None` where the exchange does not say.
    pub active: Option<bool>,
    /// Unified code of what is traded.
    pub base: String,
    /// Unified code of what it is priced in.
    pub quote: String,
    /// Unified code of what a contract is settled in.
    pub settle: Option<String>,
    /// When it was listed, where the exchange says.
    pub created: Option<Millis>,
}

/// The funding rate of a perpetual. Numbers are decimal texts, exactly as the exchange means them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingRate {
    /// The market.
    pub symbol: Symbol,
    /// The rate as a fraction of the notional, per interval.
    pub rate: Option<String>,
    /// When it is paid.
    pub funding_time: Option<Millis>,
    /// The mark price.
    pub mark_price: Option<String>,
    /// When the exchange made it.
    pub at: Option<Millis>,
}

/// A market at a glance, over the last 24 hours. Numbers are decimal texts, exactly as the exchange means them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticker {
    /// The market.
    pub symbol: Symbol,
    /// When the exchange made it.
    pub at: Option<Millis>,
    /// The last price.
    pub last: Option<String>,
    /// The best price to sell at.
    pub bid: Option<String>,
    /// The best price to buy at.
    pub ask: Option<String>,
    /// The highest price.
    pub high: Option<String>,
    /// The lowest price.
    pub low: Option<String>,
    /// What was traded, in base currency.
    pub base_volume: Option<String>,
    /// What was traded, in quote currency.
    pub quote_volume: Option<String>,
}

/// Where the breaker of an exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerStatus {
    /// Calls go through.
    Closed,
    /// No call goes through before this moment.
    Open {
        /// When one call may try.
        until: Millis,
    },
    /// One call is under way to see whether the exchange is back.
    HalfOpen,
}

/// The budget of requests in the current window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateBudget {
    /// Weight that is spent.
    pub used: u64,
    /// Weight that the exchange allows.
    pub capacity: u64,
    /// Length of the window, in milliseconds.
    pub window_ms: i64,
    /// Until when the exchange wants no requests at all, if it said so.
    pub blocked_until: Option<Millis>,
}

/// How the connection to an exchange stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceStatus {
    /// The breaker.
    pub breaker: BreakerStatus,
    /// The budget.
    pub budget: RateBudget,
}
