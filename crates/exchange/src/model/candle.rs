//! One candle.

use serde::{Serialize, Serializer};
use tradai_domain::Millis;

/// Open, high, low, close and volume of one period. Stamped by its open; the last of a reply may still form.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    /// When the period began.
    pub open_time: Millis,
    /// The first price.
    pub open: f64,
    /// The highest price.
    pub high: f64,
    /// The lowest price.
    pub low: f64,
    /// The last price.
    pub close: f64,
    /// What was traded, in base currency (contracts where the exchange counts those); mark and index prices have
    /// none.
    pub volume: Option<f64>,
}

impl Serialize for Candle {
    /// As CCXT's row of six numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.open_time, self.open, self.high, self.low, self.close, self.volume).serialize(serializer)
    }
}
