//! Orders: what was asked for and what became of it.

mod kind;

use rust_decimal::Decimal;
use tradai_domain::Millis;

pub(crate) use kind::{OrderType, PositionSide, Side, Status, TimeInForce, Trigger, WorkingType};

use crate::market::Venue;
use crate::number;

/// An order as a client asks for it, checked for form but not yet against market and account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewOrder {
    /// Place in the list of markets.
    pub(crate) market: usize,
    pub(crate) client_id: String,
    pub(crate) side: Side,
    pub(crate) kind: OrderType,
    pub(crate) time_in_force: TimeInForce,
    /// Zero for market orders.
    pub(crate) price: Decimal,
    /// Zero when the quantity follows from `quote_quantity` or from the position to close.
    pub(crate) quantity: Decimal,
    /// What a market order may spend or must earn.
    pub(crate) quote_quantity: Option<Decimal>,
    /// Zero unless the order waits for a price.
    pub(crate) trigger_price: Decimal,
    /// Percent that the price must turn by, of a trailing stop.
    pub(crate) callback_rate: Option<Decimal>,
    pub(crate) working_type: WorkingType,
    pub(crate) position_side: PositionSide,
    pub(crate) is_reduce_only: bool,
    pub(crate) closes_position: bool,
    pub(crate) good_till: Millis,
}

/// A part of an order that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Number of the trade in its market; our own trades count apart from the tape's.
    pub(crate) trade_id: u64,
    pub(crate) order_id: u64,
    pub(crate) market: usize,
    pub(crate) at: Millis,
    pub(crate) side: Side,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    /// Fee and what it was paid in.
    pub(crate) commission: Decimal,
    pub(crate) commission_asset: String,
    pub(crate) is_maker: bool,
    /// Profit that closing brought, before fees; zero on spot.
    pub(crate) realized: Decimal,
    pub(crate) position_side: PositionSide,
}

impl Fill {
    pub(crate) fn cost(&self) -> Decimal {
        number::cost(self.price, self.quantity)
    }
}

/// An accepted order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) asked: NewOrder,
    /// Quantity in base currency; what was executed, when the order named an amount of quote currency.
    pub(crate) quantity: Decimal,
    pub(crate) executed: Decimal,
    /// Quote currency of the executed part.
    pub(crate) cost: Decimal,
    pub(crate) status: Status,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    /// Whether it is on the book; a stop order is not until its price comes.
    pub(crate) is_working: bool,
    /// What it holds back on spot, in the asset it will pay with.
    pub(crate) locked: Decimal,
    /// The algo order it came from.
    pub(crate) algo_id: Option<u64>,
    /// Best price since activation, of a trailing stop.
    pub(crate) extreme: Option<Decimal>,
    /// Until when look-ups do not find it (a fault).
    pub(crate) hidden_until: Millis,
}

impl Order {
    pub(crate) fn remaining(&self) -> Decimal {
        self.quantity - self.executed
    }

    pub(crate) fn average_price(&self) -> Decimal {
        if self.executed.is_zero() { Decimal::ZERO } else { self.cost / self.executed }
    }

    /// Returns what the rest of a spot order must hold back.
    pub(crate) fn needed_lock(&self) -> Decimal {
        if !self.status.is_open() {
            return Decimal::ZERO;
        }
        match self.asked.side {
            Side::Sell => self.remaining(),
            Side::Buy if self.asked.kind.is_limit => number::cost(self.asked.price, self.remaining()),
            Side::Buy => number::cost(self.asked.trigger_price, self.remaining()),
        }
    }
}

/// Where a conditional order of USD-M stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlgoStatus {
    New,
    Canceled,
    /// Its price came and its order was placed.
    Triggered,
    /// Its order is done.
    Finished,
    /// Its price came, but its order was refused.
    Rejected,
}

impl AlgoStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Canceled => "CANCELED",
            Self::Triggered => "TRIGGERED",
            Self::Finished => "FINISHED",
            Self::Rejected => "REJECTED",
        }
    }
}

/// A conditional order of USD-M: a book of its own, with ids of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlgoOrder {
    pub(crate) id: u64,
    pub(crate) asked: NewOrder,
    pub(crate) status: AlgoStatus,
    pub(crate) created: Millis,
    pub(crate) updated: Millis,
    pub(crate) triggered: Millis,
    /// The order it became.
    pub(crate) order_id: Option<u64>,
    /// Best price since activation, of a trailing stop.
    pub(crate) extreme: Option<Decimal>,
    /// Until when look-ups do not find it (a fault).
    pub(crate) hidden_until: Millis,
}

impl NewOrder {
    /// Returns whether the price that came sets off an order that waits, and keeps the best price of a trailing one.
    ///
    /// A stop buys at or above its price and sells at or below; a take-profit the other way round. A trailing stop
    /// starts with the first price at or beyond its activation price (at once without one), then follows the best
    /// price and is set off by a turn of `callback_rate` percent.
    pub(crate) fn is_set_off(&self, price: Decimal, extreme: &mut Option<Decimal>) -> bool {
        let is_buy = self.side == Side::Buy;
        match self.kind.trigger {
            None => false,
            Some(Trigger::Stop) if is_buy => price >= self.trigger_price,
            Some(Trigger::Stop) => price <= self.trigger_price,
            Some(Trigger::TakeProfit) if is_buy => price <= self.trigger_price,
            Some(Trigger::TakeProfit) => price >= self.trigger_price,
            Some(Trigger::Trailing) => self.follow(price, extreme),
        }
    }

    fn follow(&self, price: Decimal, extreme: &mut Option<Decimal>) -> bool {
        let is_buy = self.side == Side::Buy;
        let Some(best) = *extreme else {
            let activation = self.trigger_price;
            let reached = if is_buy { price <= activation } else { price >= activation };
            if activation.is_zero() || reached {
                *extreme = Some(price);
            }
            return false;
        };
        let best = if is_buy { best.min(price) } else { best.max(price) };
        *extreme = Some(best);
        let turn = best * self.callback_rate.unwrap_or_default() / Decimal::ONE_HUNDRED;
        if is_buy { price >= best + turn } else { price <= best - turn }
    }

    pub(crate) fn type_name(&self, venue: Venue) -> &'static str {
        self.kind.name(venue)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn asked(kind: &str, side: Side) -> NewOrder {
        NewOrder {
            market: 0,
            client_id: "a".to_owned(),
            side,
            kind: OrderType::parse(Venue::UsdM, kind).unwrap(),
            time_in_force: TimeInForce::Gtc,
            price: Decimal::ZERO,
            quantity: Decimal::ONE,
            quote_quantity: None,
            trigger_price: Decimal::from(100),
            callback_rate: None,
            working_type: WorkingType::Contract,
            position_side: PositionSide::Both,
            is_reduce_only: false,
            closes_position: false,
            good_till: 0,
        }
    }

    #[test]
    fn stops_and_take_profits_look_opposite_ways() {
        let sets_off = |kind, side, price: i64| asked(kind, side).is_set_off(price.into(), &mut None);
        assert!(sets_off("STOP_MARKET", Side::Buy, 100) && !sets_off("STOP_MARKET", Side::Buy, 99));
        assert!(sets_off("STOP_MARKET", Side::Sell, 100) && !sets_off("STOP_MARKET", Side::Sell, 101));
        assert!(sets_off("TAKE_PROFIT", Side::Sell, 101) && !sets_off("TAKE_PROFIT", Side::Sell, 99));
        assert!(sets_off("TAKE_PROFIT", Side::Buy, 99) && !sets_off("TAKE_PROFIT", Side::Buy, 101));
    }

    #[test]
    fn a_trailing_stop_follows_the_best_price_from_its_activation_on() {
        let order =
            NewOrder { callback_rate: Some(Decimal::from(2)), ..asked("TRAILING_STOP_MARKET", Side::Sell) };
        let mut extreme = None;
        // Activation at 100; best 110; 2 % below is 107.8.
        let set_off: Vec<bool> = [90, 99, 100, 98, 110, 108, 107]
            .map(|price| order.is_set_off(price.into(), &mut extreme))
            .to_vec();
        assert_eq!(set_off, [false, false, false, true, false, false, true]);
        assert_eq!(extreme, Some(Decimal::from(110)));
    }
}
