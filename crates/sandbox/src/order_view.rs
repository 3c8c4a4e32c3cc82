//! Orders as the operator sees them: both venues alike, hidden ones too.

use serde_json::{Value, json};

use crate::engine::Engine;
use crate::number::plain;
use crate::order::{AlgoOrder, Fill, Order};

pub(crate) fn order_view(engine: &Engine, order: &Order) -> Value {
    let market = &engine.markets[order.asked.market];
    json!({
        "venue": market.venue, "symbol": market.id, "id": order.id, "client_id": order.asked.client_id,
        "side": order.asked.side.name(), "type": order.asked.type_name(market.venue),
        "price": plain(order.asked.price), "quantity": plain(order.quantity), "executed": plain(order.executed),
        "cost": plain(order.cost), "status": order.status.name(), "is_working": order.is_working,
        "algo_id": order.algo_id, "created": order.created, "updated": order.updated,
    })
}

pub(crate) fn algo_view(engine: &Engine, algo: &AlgoOrder) -> Value {
    let market = &engine.markets[algo.asked.market];
    json!({
        "symbol": market.id, "id": algo.id, "client_id": algo.asked.client_id, "side": algo.asked.side.name(),
        "type": algo.asked.type_name(market.venue), "trigger_price": plain(algo.asked.trigger_price),
        "quantity": plain(algo.asked.quantity), "status": algo.status.name(), "order_id": algo.order_id,
        "created": algo.created, "updated": algo.updated,
    })
}

pub(crate) fn fill_view(engine: &Engine, fill: &Fill) -> Value {
    let market = &engine.markets[fill.market];
    json!({
        "venue": market.venue, "symbol": market.id, "trade_id": fill.trade_id, "order_id": fill.order_id,
        "at": fill.at, "side": fill.side.name(), "price": plain(fill.price), "quantity": plain(fill.quantity),
        "commission": plain(fill.commission), "commission_asset": fill.commission_asset, "is_maker": fill.is_maker,
        "realized": plain(fill.realized),
    })
}
