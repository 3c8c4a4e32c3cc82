//! Orders of every book: plain, conditional ("algo", once "strategy"), replaced, and in batches.

use super::{Reader, rows};
use crate::base::complete_order;
use crate::model::{Fee, Market, Order, OrderStatus, OrderType, Side, TimeInForce};
use crate::{Call, Decimal, Error, Json, Reply};

impl Reader<'_> {
    pub(super) fn order_reply(&self, json: &Json<'_>) -> Result<Reply, Error> {
        // A replacement answers with both orders; the new one is what was asked for.
        let replaced = json.get("newOrderResponse");
        let row = if replaced.is_null() { json } else { replaced };
        if row.members().is_empty() {
            return Err(Error::bad_response("the reply holds no order"));
        }
        Ok(Reply::Order(Box::new(self.read_order(row))))
    }

    pub(super) fn orders_reply(&self, json: &Json<'_>, call: &Call) -> Reply {
        // `{"code": 200, "msg": "..."}` is how contracts say that all orders are gone.
        let emptied = json.has("code") && !json.has("algoId") && !json.has("orderId");
        let rows = if emptied { &[] } else { rows(json) };
        let mut orders: Vec<_> = rows.iter().map(|row| self.read_order(row)).collect();
        orders.sort_by_key(|order| order.timestamp);
        if let Call::FetchClosedOrders { page, .. } = call {
            orders.retain(|order| order.status == Some(OrderStatus::Closed));
            let limit = page.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
            let from_start = page.since.is_some();
            if orders.len() > limit {
                if from_start {
                    orders.truncate(limit);
                } else {
                    orders.drain(..orders.len() - limit);
                }
            }
        }
        Reply::Orders(orders)
    }

    fn read_order(&self, row: &Json<'_>) -> Order {
        let market = self.market(row);
        if row.get("code").as_str().is_some_and(|code| code.starts_with('-')) {
            // One order of a batch that was refused.
            return Order { status: Some(OrderStatus::Rejected), ..Order::default() };
        }
        let status = row.first(&["status", "strategyStatus", "algoStatus"]).as_str().map(status);
        let filled = row.first(&["executedQty", "filledQty"]).as_decimal().or(Some(Decimal::ZERO));
        let updated = row.first(&["updateTime", "transactTime", "updatedAt"]).as_millis();
        let traded = filled.is_some_and(Decimal::is_positive) || status == Some(OrderStatus::Closed);
        let open_or_closed = matches!(status, Some(OrderStatus::Open | OrderStatus::Closed));
        let word = row.first(&["type", "orderType"]).as_str().unwrap_or_default();
        let trigger = row.first(&["stopPrice", "triggerPrice"]).as_nonzero();
        let attached = |kind: &str| trigger.filter(|_| row.has("algoType") && word.starts_with(kind));
        let time_in_force = row.get("timeInForce").as_str().map(time_in_force);
        let mut order = Order {
            id: row.first(&["strategyId", "orderId", "algoId"]).to_text(),
            client_order_id: row.first(&["clientOrderId", "newClientStrategyId", "clientAlgoId"]).to_text(),
            timestamp: timestamp(row),
            last_trade_timestamp: updated.filter(|_| traded && open_or_closed),
            last_update_timestamp: row.first(&["transactTime", "updateTime", "updatedAt"]).as_millis(),
            symbol: self.symbol(row),
            post_only: Some(word == "LIMIT_MAKER" || time_in_force == Some(TimeInForce::PostOnly)),
            kind: kind(word),
            time_in_force,
            reduce_only: row.get("reduceOnly").as_bool(),
            side: row.get("side").as_str().and_then(Side::parse),
            price: row.first(&["price", "limitPrice"]).as_nonzero(),
            trigger_price: trigger,
            stop_loss_price: attached("STOP"),
            take_profit_price: attached("TAKE_PROFIT"),
            amount: row.first(&["origQty", "quantity", "qty"]).as_decimal(),
            cost: cost(row, market),
            average: row.first(&["avgPrice", "actualPrice"]).as_nonzero(),
            filled,
            remaining: None,
            status,
            fees: fees(row),
            trades: row.get("fills").items().iter().map(|fill| self.read_trade(fill, market)).collect(),
        };
        complete_order(&mut order, market);
        order
    }
}

/// Inverse contracts cost base currency.
fn cost(row: &Json<'_>, market: Option<&Market>) -> Option<Decimal> {
    if market.is_some_and(Market::is_inverse) {
        return row.get("cumBase").as_decimal();
    }
    row.first(&["cummulativeQuoteQty", "cumQuote", "filledTotal", "filledNotional"]).as_decimal()
}

fn timestamp(row: &Json<'_>) -> Option<i64> {
    let names = ["time", "createTime", "workingTime", "transactTime", "updateTime", "createdAt", "updatedAt"];
    row.first(&names).as_millis()
}

fn fees(row: &Json<'_>) -> Vec<Fee> {
    let fee = row.get("fee").as_decimal().map(|cost| Fee {
        currency: row.first(&["quote", "quoteAsset"]).to_text(),
        cost: Some(cost),
        rate: None,
    });
    fee.into_iter().collect()
}

fn status(word: &str) -> OrderStatus {
    match word {
        "NEW" | "PARTIALLY_FILLED" | "ACCEPTED" | "TRIGGERING" => OrderStatus::Open,
        "FILLED" | "TRIGGERED" | "FINISHED" => OrderStatus::Closed,
        "CANCELED" | "CANCELLED" => OrderStatus::Canceled,
        "PENDING_CANCEL" => OrderStatus::Canceling,
        "REJECTED" => OrderStatus::Rejected,
        "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Expired,
        unknown => OrderStatus::Other(unknown.to_owned()),
    }
}

/// Conditional orders are named for what wakes them; what counts here is how they are priced.
fn kind(word: &str) -> Option<OrderType> {
    match word {
        "" => None,
        "LIMIT" | "LIMIT_MAKER" | "STOP" | "TAKE_PROFIT" => Some(OrderType::Limit),
        "MARKET" | "STOP_MARKET" | "TAKE_PROFIT_MARKET" | "TRAILING_STOP_MARKET" => Some(OrderType::Market),
        other => Some(OrderType::Other(other.to_lowercase())),
    }
}

/// Contracts call post-only `GTX`.
fn time_in_force(word: &str) -> TimeInForce {
    if word == "GTX" { TimeInForce::PostOnly } else { TimeInForce::parse(word) }
}
