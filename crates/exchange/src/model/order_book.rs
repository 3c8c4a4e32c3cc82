//! Order books.

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::datetime;
use crate::Decimal;

/// How much is wanted or offered at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Decimal,
    /// The amount there.
    pub amount: Decimal,
}

impl Serialize for Level {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.price, self.amount).serialize(serializer)
    }
}

/// What is bid and asked in one market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBook {
    /// The market.
    pub symbol: Option<Symbol>,
    /// Bids, highest first.
    pub bids: Vec<Level>,
    /// Asks, lowest first.
    pub asks: Vec<Level>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
    /// The exchange's running number of the last change in it.
    pub nonce: Option<i64>,
}

impl Serialize for OrderBook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Unified<'a> {
            symbol: &'a Option<Symbol>,
            bids: &'a [Level],
            asks: &'a [Level],
            timestamp: Option<Millis>,
            datetime: Option<String>,
            nonce: Option<i64>,
        }
        Unified {
            symbol: &self.symbol,
            bids: &self.bids,
            asks: &self.asks,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            nonce: self.nonce,
        }
        .serialize(serializer)
    }
}
