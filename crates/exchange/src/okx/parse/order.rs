//! Orders: plain and conditional ("algo").

use super::Reader;
use crate::base::complete_order;
use crate::model::{Fee, Order, OrderStatus, OrderType, Side, TimeInForce};
use crate::okx::errors::is_refused;
use crate::{Error, Json, OrderRequest, Reply};

impl Reader<'_> {
    pub(super) fn order_reply(&self, row: &Json<'_>) -> Result<Reply, Error> {
        Ok(Reply::Order(Box::new(self.read_order(row))))
    }

    /// An accepted order is named and no more: what it is, we know. Words such as `trigger` give way, too.
    pub(super) fn created_order(&self, row: &Json<'_>, asked: &OrderRequest) -> Result<Reply, Error> {
        let mut order = self.read_order(row);
        order.kind = Some(asked.kind.clone());
        order.side = Some(asked.side);
        Ok(Reply::Order(Box::new(order)))
    }

    /// Each row is an order that was placed, or one that was not and has no id; without a status, where the exchange
    /// itself does not say for sure.
    pub(super) fn created_orders(&self, data: &Json<'_>) -> Reply {
        let read = |row: &Json<'_>| {
            if row.get("sCode").as_str().is_none_or(|code| code == "0") {
                return self.read_order(row);
            }
            let client_order_id = row.get("clOrdId").to_text();
            let status = is_refused(row).then_some(OrderStatus::Rejected);
            Order { client_order_id, status, ..Order::default() }
        };
        Reply::Orders(data.items().iter().map(read).collect())
    }

    pub(super) fn orders_reply(&self, data: &Json<'_>) -> Reply {
        let mut orders: Vec<_> = data.items().iter().map(|row| self.read_order(row)).collect();
        let asked = self.target.market.map(|market| &market.symbol);
        orders.retain(|order| asked.is_none() || order.symbol.is_none() || order.symbol.as_ref() == asked);
        orders.sort_by_key(|order| order.timestamp);
        Reply::Orders(orders)
    }

    fn read_order(&self, row: &Json<'_>) -> Order {
        let market = self.market(row);
        let (kind, time_in_force) = kind(row);
        let post_only = time_in_force == Some(TimeInForce::PostOnly);
        // Orders for an amount of quote currency do not say how much they are for.
        let spending = row.get("tgtCcy").as_str() == Some("quote_ccy")
            && row.get("side").as_str() == Some("buy")
            && kind == Some(OrderType::Market)
            && row.get("instType").as_str() == Some("SPOT");
        let size = row.get("sz").as_decimal();
        let mut order = Order {
            id: row.first(&["algoId", "ordId"]).to_text(),
            client_order_id: row.first(&["clOrdId", "algoClOrdId"]).to_text(),
            timestamp: row.get("cTime").as_millis(),
            last_trade_timestamp: row.get("fillTime").as_millis(),
            last_update_timestamp: row.get("uTime").as_millis(),
            symbol: self.symbol(row),
            kind,
            post_only: post_only.then_some(true),
            time_in_force,
            reduce_only: Some(row.get("reduceOnly").as_bool().unwrap_or(false)),
            side: row.get("side").as_str().and_then(Side::parse),
            price: row.first(&["px", "ordPx", "slOrdPx", "tpOrdPx"]).as_decimal().filter(|p| p.is_positive()),
            trigger_price: row.first(&["triggerPx", "moveTriggerPx"]).as_nonzero(),
            stop_loss_price: row.get("slTriggerPx").as_nonzero(),
            take_profit_price: row.get("tpTriggerPx").as_nonzero(),
            amount: size.filter(|_| !spending),
            cost: size.filter(|_| spending),
            average: row.get("avgPx").as_nonzero(),
            filled: row.get("accFillSz").as_decimal(),
            remaining: None,
            status: row.get("state").as_str().map(status),
            fees: fees(row),
            trades: Vec::new(),
        };
        complete_order(&mut order, market);
        order
    }
}

/// OKX says in one word how an order is priced and how long it waits.
fn kind(row: &Json<'_>) -> (Option<OrderType>, Option<TimeInForce>) {
    match row.get("ordType").as_str() {
        None => (None, None),
        Some("post_only") => (Some(OrderType::Limit), Some(TimeInForce::PostOnly)),
        Some("fok") => (Some(OrderType::Limit), Some(TimeInForce::Fok)),
        Some("ioc" | "optimal_limit_ioc") => (Some(OrderType::Limit), Some(TimeInForce::Ioc)),
        Some(word) => (Some(OrderType::parse(word)), None),
    }
}

fn fees(row: &Json<'_>) -> Vec<Fee> {
    let fee = row.get("fee").as_decimal().map(|fee| Fee {
        currency: row.get("feeCcy").to_text(),
        cost: Some(fee.negate()),
        rate: None,
    });
    fee.into_iter().collect()
}

fn status(word: &str) -> OrderStatus {
    match word {
        "live" | "partially_filled" | "pause" => OrderStatus::Open,
        "filled" | "effective" => OrderStatus::Closed,
        "canceled" | "mmp_canceled" | "order_failed" => OrderStatus::Canceled,
        unknown => OrderStatus::Other(unknown.to_owned()),
    }
}
