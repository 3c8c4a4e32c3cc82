//! Trades and fees.

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::{OrderType, Side, datetime};
use crate::Decimal;

/// Who waited in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TakerOrMaker {
    /// Came to the book and took.
    Taker,
    /// Waited in the book.
    Maker,
}

/// A fee that was paid; a negative one is a rebate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Fee {
    /// In which currency.
    pub currency: Option<String>,
    /// How much.
    pub cost: Option<Decimal>,
    /// As a fraction of the cost, where the exchange says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
}

/// One trade: of the public, or one of our own fills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trade {
    /// The exchange's id.
    pub id: Option<String>,
    /// The order it belongs to (own trades).
    pub order: Option<String>,
    /// When it happened.
    pub timestamp: Option<Millis>,
    /// The market.
    pub symbol: Option<Symbol>,
    /// The order's type (own trades).
    pub kind: Option<OrderType>,
    /// Of the taker in public trades; ours in own trades.
    pub side: Option<Side>,
    /// Who waited (own trades).
    pub taker_or_maker: Option<TakerOrMaker>,
    /// At which price.
    pub price: Option<Decimal>,
    /// How much.
    pub amount: Option<Decimal>,
    /// Price times amount (times contract size), or what the exchange says it was.
    pub cost: Option<Decimal>,
    /// What it cost us.
    pub fee: Option<Fee>,
}

impl Serialize for Trade {
    /// In CCXT's structure, with `datetime` and `fees` derived.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            id: &'a Option<String>,
            order: &'a Option<String>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
            symbol: &'a Option<Symbol>,
            #[serde(rename = "type")]
            kind: &'a Option<OrderType>,
            side: Option<Side>,
            taker_or_maker: Option<TakerOrMaker>,
            price: Option<Decimal>,
            amount: Option<Decimal>,
            cost: Option<Decimal>,
            fee: &'a Option<Fee>,
            fees: Vec<&'a Fee>,
        }
        Unified {
            id: &self.id,
            order: &self.order,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            symbol: &self.symbol,
            kind: &self.kind,
            side: self.side,
            taker_or_maker: self.taker_or_maker,
            price: self.price,
            amount: self.amount,
            cost: self.cost,
            fee: &self.fee,
            fees: self.fee.iter().collect(),
        }
        .serialize(serializer)
    }
}
