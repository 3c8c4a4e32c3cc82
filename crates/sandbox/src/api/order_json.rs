//! Orders and fills as each endpoint writes them.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::market::{Market, Venue};
use crate::number::fixed;
use crate::order::{AlgoOrder, Fill, Order, Side};

/// Returns an order as look-ups and lists show it.
pub(crate) fn order_json(engine: &Engine, order: &Order) -> Value {
    let market = &engine.markets[order.asked.market];
    if market.venue == Venue::Spot { spot(market, order) } else { usd_m(market, order) }
}

fn spot(market: &Market, order: &Order) -> Value {
    let asked = &order.asked;
    json!({
        "symbol": market.id, "orderId": order.id, "orderListId": -1, "clientOrderId": asked.client_id,
        "price": fixed(asked.price, 8), "origQty": fixed(order.quantity, 8),
        "executedQty": fixed(order.executed, 8), "cummulativeQuoteQty": fixed(order.cost, 8),
        "status": order.status.name(), "timeInForce": asked.time_in_force.name(),
        "type": asked.type_name(Venue::Spot), "side": asked.side.name(), "stopPrice": fixed(asked.trigger_price, 8),
        "icebergQty": "0.00000000", "time": order.created, "updateTime": order.updated, "isWorking": true,
        "workingTime": if order.is_working { order.created } else { -1 },
        "origQuoteOrderQty": fixed(asked.quote_quantity.unwrap_or_default(), 8), "selfTradePreventionMode": "NONE",
    })
}

fn usd_m(market: &Market, order: &Order) -> Value {
    let asked = &order.asked;
    let kind = asked.type_name(Venue::UsdM);
    json!({
        "orderId": order.id, "symbol": market.id, "status": order.status.name(), "clientOrderId": asked.client_id,
        "price": market.price_text(asked.price), "avgPrice": fixed(order.average_price(), 5),
        "origQty": market.quantity_text(order.quantity), "executedQty": market.quantity_text(order.executed),
        "cumQty": market.quantity_text(order.executed), "cumQuote": fixed(order.cost, 5),
        "timeInForce": asked.time_in_force.name(), "type": kind, "reduceOnly": asked.is_reduce_only,
        "closePosition": asked.closes_position, "side": asked.side.name(),
        "positionSide": asked.position_side.name(), "stopPrice": "0", "workingType": asked.working_type.name(),
        "priceProtect": false, "origType": kind, "priceMatch": "NONE", "selfTradePreventionMode": "NONE",
        "goodTillDate": asked.good_till, "time": order.created, "updateTime": order.updated,
    })
}

/// How much a reply to a new spot order says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    Ack,
    Result,
    Full,
}

/// Returns the reply to a new spot order.
pub(super) fn spot_placed(engine: &Engine, order: &Order, detail: Detail) -> Value {
    let market = &engine.markets[order.asked.market];
    let mut reply = json!({
        "symbol": market.id, "orderId": order.id, "orderListId": -1, "clientOrderId": order.asked.client_id,
        "transactTime": order.created,
    });
    if detail == Detail::Ack {
        return reply;
    }
    let known = spot(market, order);
    let told = [
        "price",
        "origQty",
        "executedQty",
        "origQuoteOrderQty",
        "cummulativeQuoteQty",
        "status",
        "timeInForce",
        "type",
        "side",
        "workingTime",
        "selfTradePreventionMode",
    ];
    for name in told {
        reply[name] = known[name].clone();
    }
    if !order.asked.trigger_price.is_zero() {
        reply["stopPrice"] = known["stopPrice"].clone();
    }
    if detail == Detail::Full {
        reply["fills"] = engine.fills_of(order.id).iter().map(fill_json).collect();
    }
    reply
}

fn fill_json(fill: &Fill) -> Value {
    json!({
        "price": fixed(fill.price, 8), "qty": fixed(fill.quantity, 8), "commission": fixed(fill.commission, 8),
        "commissionAsset": fill.commission_asset, "tradeId": fill.trade_id,
    })
}

/// Returns the reply to a canceled spot order.
pub(super) fn spot_canceled(engine: &Engine, order: &Order, client_id: &str) -> Value {
    let known = spot(&engine.markets[order.asked.market], order);
    let mut reply = json!({
        "symbol": known["symbol"], "origClientOrderId": order.asked.client_id, "orderId": order.id,
        "orderListId": -1, "clientOrderId": client_id, "transactTime": order.updated,
    });
    for name in [
        "price",
        "origQty",
        "executedQty",
        "origQuoteOrderQty",
        "cummulativeQuoteQty",
        "status",
        "timeInForce",
        "type",
        "side",
        "selfTradePreventionMode",
    ] {
        reply[name] = known[name].clone();
    }
    reply
}

/// Returns a fill as `myTrades` or `userTrades` lists it.
pub(super) fn my_trade(engine: &Engine, fill: &Fill) -> Value {
    let market = &engine.markets[fill.market];
    let is_buy = fill.side == Side::Buy;
    if market.venue == Venue::Spot {
        return json!({
            "symbol": market.id, "id": fill.trade_id, "orderId": fill.order_id, "orderListId": -1,
            "price": fixed(fill.price, 8), "qty": fixed(fill.quantity, 8), "quoteQty": fixed(fill.cost(), 8),
            "commission": fixed(fill.commission, 8), "commissionAsset": fill.commission_asset, "time": fill.at,
            "isBuyer": is_buy, "isMaker": fill.is_maker, "isBestMatch": true,
        });
    }
    json!({
        "symbol": market.id, "id": fill.trade_id, "orderId": fill.order_id, "side": fill.side.name(),
        "price": market.price_text(fill.price), "qty": market.quantity_text(fill.quantity),
        "realizedPnl": fixed(fill.realized, 8), "quoteQty": fixed(fill.cost(), 8),
        "commission": fixed(fill.commission, 8), "commissionAsset": fill.commission_asset, "time": fill.at,
        "positionSide": fill.position_side.name(), "buyer": is_buy, "maker": fill.is_maker,
    })
}

/// Returns an algo order.
pub(crate) fn algo_json(engine: &Engine, algo: &AlgoOrder) -> Value {
    let asked = &algo.asked;
    let market = &engine.markets[asked.market];
    let order = algo.order_id.and_then(|id| engine.orders.get(&id));
    let average = order.map_or(Decimal::ZERO, Order::average_price);
    let mut row = json!({
        "algoId": algo.id, "clientAlgoId": asked.client_id, "algoType": "CONDITIONAL",
        "orderType": asked.type_name(Venue::UsdM), "symbol": market.id, "side": asked.side.name(),
        "positionSide": asked.position_side.name(), "timeInForce": asked.time_in_force.name(),
        "quantity": market.quantity_text(asked.quantity), "algoStatus": algo.status.name(),
        "actualOrderId": algo.order_id.map(|id| id.to_string()).unwrap_or_default(),
        "actualPrice": fixed(average, 5), "triggerPrice": market.price_text(asked.trigger_price),
        "price": market.price_text(asked.price), "icebergQuantity": null, "tpTriggerPrice": "0.000",
        "tpPrice": "0.000", "slTriggerPrice": "0.000", "slPrice": "0.000", "tpOrderType": "",
        "selfTradePreventionMode": "NONE", "workingType": asked.working_type.name(), "priceMatch": "NONE",
        "closePosition": asked.closes_position, "priceProtect": false, "reduceOnly": asked.is_reduce_only,
        "createTime": algo.created, "updateTime": algo.updated, "triggerTime": algo.triggered,
        "goodTillDate": asked.good_till,
    });
    if let Some(rate) = asked.callback_rate {
        row["callbackRate"] = json!(crate::number::plain(rate));
        row["activatePrice"] = json!(market.price_text(asked.trigger_price));
    }
    row
}
