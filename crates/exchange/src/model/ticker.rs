//! Tickers.

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::datetime;
use crate::Decimal;

/// A market at a glance, usually over the last 24 hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ticker {
    /// The market.
    pub symbol: Option<Symbol>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
    /// The highest price.
    pub high: Option<Decimal>,
    /// The lowest price.
    pub low: Option<Decimal>,
    /// The best price to sell at.
    pub bid: Option<Decimal>,
    /// How much is bid there.
    pub bid_volume: Option<Decimal>,
    /// The best price to buy at.
    pub ask: Option<Decimal>,
    /// How much is asked there.
    pub ask_volume: Option<Decimal>,
    /// The volume-weighted average price.
    pub vwap: Option<Decimal>,
    /// The first price.
    pub open: Option<Decimal>,
    /// The last price, which is also the close.
    pub last: Option<Decimal>,
    /// The last price before the period.
    pub previous_close: Option<Decimal>,
    /// Last minus first.
    pub change: Option<Decimal>,
    /// The change, in per cent of the first price.
    pub percentage: Option<Decimal>,
    /// The middle of first and last.
    pub average: Option<Decimal>,
    /// What was traded, in base currency.
    pub base_volume: Option<Decimal>,
    /// What was traded, in quote currency.
    pub quote_volume: Option<Decimal>,
    /// The mark price (contracts).
    pub mark_price: Option<Decimal>,
    /// The index price (contracts).
    pub index_price: Option<Decimal>,
}

impl Serialize for Ticker {
    /// In CCXT's structure, with `datetime` and `close` derived.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            symbol: &'a Option<Symbol>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
            high: Option<Decimal>,
            low: Option<Decimal>,
            bid: Option<Decimal>,
            bid_volume: Option<Decimal>,
            ask: Option<Decimal>,
            ask_volume: Option<Decimal>,
            vwap: Option<Decimal>,
            open: Option<Decimal>,
            close: Option<Decimal>,
            last: Option<Decimal>,
            previous_close: Option<Decimal>,
            change: Option<Decimal>,
            percentage: Option<Decimal>,
            average: Option<Decimal>,
            base_volume: Option<Decimal>,
            quote_volume: Option<Decimal>,
            mark_price: Option<Decimal>,
            index_price: Option<Decimal>,
        }
        Unified {
            symbol: &self.symbol,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            high: self.high,
            low: self.low,
            bid: self.bid,
            bid_volume: self.bid_volume,
            ask: self.ask,
            ask_volume: self.ask_volume,
            vwap: self.vwap,
            open: self.open,
            close: self.last,
            last: self.last,
            previous_close: self.previous_close,
            change: self.change,
            percentage: self.percentage,
            average: self.average,
            base_volume: self.base_volume,
            quote_volume: self.quote_volume,
            mark_price: self.mark_price,
            index_price: self.index_price,
        }
        .serialize(serializer)
    }
}
