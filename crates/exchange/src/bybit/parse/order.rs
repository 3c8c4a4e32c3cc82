//! Orders.

use std::borrow::Cow;

use super::{Reader, list};
use crate::base::complete_order;
use crate::model::{Fee, Order, OrderStatus, OrderType, Side, TimeInForce};
use crate::{Error, Json, Reply};

/// Reads a reply that names the order and says no more.
pub(super) fn acknowledged(result: &Json<'_>) -> Reply {
    Reply::Order(Box::new(Order {
        id: result.get("orderId").to_text(),
        client_order_id: result.get("orderLinkId").to_text(),
        ..Order::default()
    }))
}

impl Reader<'_> {
    pub(super) fn order_reply(&self, result: &Json<'_>) -> Result<Reply, Error> {
        let row = if result.has("list") { list(result).first() } else { Some(result) };
        // Only an empty list says that there is none; an empty reply says nothing.
        let missing = || Error::new(crate::ErrorClass::OrderNotFound, "there is no such order");
        let row = row.ok_or_else(missing)?;
        if row.members().is_empty() {
            return Err(Error::bad_response("the reply holds no order"));
        }
        Ok(Reply::Order(Box::new(self.read_order(row))))
    }

    pub(super) fn orders_reply(&self, result: &Json<'_>) -> Reply {
        let mut orders: Vec<_> = list(result).iter().map(|row| self.read_order(row)).collect();
        let asked = self.target.market.map(|market| &market.symbol);
        orders.retain(|order| asked.is_none() || order.symbol.is_none() || order.symbol.as_ref() == asked);
        orders.sort_by_key(|order| order.timestamp);
        Reply::Orders(orders)
    }

    fn read_order(&self, row: &Json<'_>) -> Order {
        let market = self.market(row);
        let time_in_force = row.get("timeInForce").as_str().map(time_in_force);
        let updated = row.get("updatedTime").as_millis();
        let mut order = Order {
            id: row.get("orderId").to_text(),
            client_order_id: row.get("orderLinkId").to_text(),
            timestamp: row.get("createdTime").as_millis(),
            last_trade_timestamp: updated,
            last_update_timestamp: updated,
            symbol: self.symbol(row),
            kind: row.get("orderType").as_str().map(|word| OrderType::parse(&word.to_lowercase())),
            post_only: Some(time_in_force == Some(TimeInForce::PostOnly)),
            time_in_force,
            reduce_only: row.get("reduceOnly").as_bool(),
            side: row.get("side").as_str().and_then(Side::parse),
            price: row.get("price").as_nonzero(),
            trigger_price: row.get("triggerPrice").as_nonzero(),
            stop_loss_price: row.get("stopLoss").as_nonzero(),
            take_profit_price: row.get("takeProfit").as_nonzero(),
            amount: row.get("qty").as_decimal(),
            cost: row.get("cumExecValue").as_decimal(),
            average: row.get("avgPrice").as_nonzero(),
            filled: row.get("cumExecQty").as_decimal(),
            remaining: row.get("leavesQty").as_decimal(),
            status: row.get("orderStatus").as_str().map(status),
            fees: fees(row),
            trades: Vec::new(),
        };
        complete_order(&mut order, market);
        order
    }
}

/// Fees by currency; older replies only have a sum without one, which says nothing.
fn fees(row: &Json<'_>) -> Vec<Fee> {
    let fee = |(currency, cost): &(Cow<'_, str>, Json<'_>)| Fee {
        currency: Some(currency.to_string()),
        cost: cost.as_decimal(),
        rate: None,
    };
    row.get("cumFeeDetail").members().iter().map(fee).collect()
}

fn status(word: &str) -> OrderStatus {
    match word {
        "Created" | "New" | "PartiallyFilled" | "Untriggered" | "Triggered" | "Active" => OrderStatus::Open,
        "Filled" | "PartiallyFilledCanceled" => OrderStatus::Closed,
        "Cancelled" | "Deactivated" => OrderStatus::Canceled,
        "PendingCancel" => OrderStatus::Canceling,
        "Rejected" => OrderStatus::Rejected,
        unknown => OrderStatus::Other(unknown.to_owned()),
    }
}

fn time_in_force(word: &str) -> TimeInForce {
    match word {
        "GoodTillCancel" => TimeInForce::Gtc,
        "ImmediateOrCancel" => TimeInForce::Ioc,
        "FillOrKill" => TimeInForce::Fok,
        "PostOnly" => TimeInForce::PostOnly,
        other => TimeInForce::parse(other),
    }
}
