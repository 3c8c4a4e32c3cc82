//! Orders.

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::{Fee, Trade, datetime};
use crate::Decimal;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Into the base currency.
    Buy,
    /// Out of the base currency.
    Sell,
}

impl Side {
    /// Parses `buy` and `sell` in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "buy" => Some(Self::Buy),
            "sell" => Some(Self::Sell),
            _ => None,
        }
    }

    /// Returns the other side.
    #[must_use]
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// A word of the exchange that we know, or the word itself: what exchanges add must not break reading.
macro_rules! open_word {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$vdoc])* $variant,)+
            /// A word we do not know, as the exchange wrote it.
            Other(String),
        }

        impl $name {
            /// Returns CCXT's word.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            /// Parses CCXT's word; unknown words are kept.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

open_word! {
    /// Where an order is in its life.
    OrderStatus {
        /// In the book, or waiting for its trigger.
        Open = "open",
        /// Filled.
        Closed = "closed",
        /// Taken back.
        Canceled = "canceled",
        /// Being taken back.
        Canceling = "canceling",
        /// Its time ran out.
        Expired = "expired",
        /// Never accepted.
        Rejected = "rejected",
    }
}

open_word! {
    /// How an order is priced.
    OrderType {
        /// At this price or better.
        Limit = "limit",
        /// At whatever price there is.
        Market = "market",
    }
}

open_word! {
    /// How long an order waits.
    TimeInForce {
        /// Until it is taken back.
        Gtc = "GTC",
        /// What does not fill at once is taken back.
        Ioc = "IOC",
        /// All at once or nothing.
        Fok = "FOK",
        /// Only into the book, never against it.
        PostOnly = "PO",
        /// Until a date.
        Gtd = "GTD",
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Order {
    /// The exchange's id.
    pub id: Option<String>,
    /// Ours.
    pub client_order_id: Option<String>,
    /// When it was placed.
    pub timestamp: Option<Millis>,
    /// When it last filled.
    pub last_trade_timestamp: Option<Millis>,
    /// When it last changed.
    pub last_update_timestamp: Option<Millis>,
    /// The market.
    pub symbol: Option<Symbol>,
    /// How it is priced.
    pub kind: Option<OrderType>,
    /// How long it waits.
    pub time_in_force: Option<TimeInForce>,
    /// Whether it may only rest in the book.
    pub post_only: Option<bool>,
    /// Whether it may only make a position smaller.
    pub reduce_only: Option<bool>,
    /// Buy or sell.
    pub side: Option<Side>,
    /// The limit; the average of a market order.
    pub price: Option<Decimal>,
    /// The price that wakes it.
    pub trigger_price: Option<Decimal>,
    /// The stop-loss price that is attached to it.
    pub stop_loss_price: Option<Decimal>,
    /// The take-profit price that is attached to it.
    pub take_profit_price: Option<Decimal>,
    /// How much, in contracts on derivatives.
    pub amount: Option<Decimal>,
    /// What the filled part cost, in quote currency (base currency on inverse contracts).
    pub cost: Option<Decimal>,
    /// The average price of what is filled.
    pub average: Option<Decimal>,
    /// How much is filled.
    pub filled: Option<Decimal>,
    /// How much is not.
    pub remaining: Option<Decimal>,
    /// Where it is in its life.
    pub status: Option<OrderStatus>,
    /// Its fees, one per currency.
    pub fees: Vec<Fee>,
    /// Its fills, where the reply lists them.
    pub trades: Vec<Trade>,
}

impl Serialize for Order {
    /// In CCXT's structure, with `datetime`, `fee` and `stopPrice` derived.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Unified<'a> {
            id: &'a Option<String>,
            client_order_id: &'a Option<String>,
            timestamp: Option<Millis>,
            datetime: Option<String>,
            last_trade_timestamp: Option<Millis>,
            last_update_timestamp: Option<Millis>,
            symbol: &'a Option<Symbol>,
            #[serde(rename = "type")]
            kind: &'a Option<OrderType>,
            time_in_force: &'a Option<TimeInForce>,
            post_only: Option<bool>,
            reduce_only: Option<bool>,
            side: Option<Side>,
            price: Option<Decimal>,
            trigger_price: Option<Decimal>,
            stop_price: Option<Decimal>,
            stop_loss_price: Option<Decimal>,
            take_profit_price: Option<Decimal>,
            amount: Option<Decimal>,
            cost: Option<Decimal>,
            average: Option<Decimal>,
            filled: Option<Decimal>,
            remaining: Option<Decimal>,
            status: &'a Option<OrderStatus>,
            fee: Option<&'a Fee>,
            fees: &'a [Fee],
            trades: &'a [Trade],
        }
        Unified {
            id: &self.id,
            client_order_id: &self.client_order_id,
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            last_trade_timestamp: self.last_trade_timestamp,
            last_update_timestamp: self.last_update_timestamp,
            symbol: &self.symbol,
            kind: &self.kind,
            time_in_force: &self.time_in_force,
            post_only: self.post_only,
            reduce_only: self.reduce_only,
            side: self.side,
            price: self.price,
            trigger_price: self.trigger_price,
            stop_price: self.trigger_price,
            stop_loss_price: self.stop_loss_price,
            take_profit_price: self.take_profit_price,
            amount: self.amount,
            cost: self.cost,
            average: self.average,
            filled: self.filled,
            remaining: self.remaining,
            status: &self.status,
            fee: if self.fees.len() == 1 { self.fees.first() } else { None },
            fees: &self.fees,
            trades: &self.trades,
        }
        .serialize(serializer)
    }
}
