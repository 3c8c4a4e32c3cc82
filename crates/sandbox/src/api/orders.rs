//! Placing, finding and canceling orders on both venues.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::order_json::{self, Detail, my_trade, order_json};
use super::{Call, Params};
use crate::engine::Engine;
use crate::market::Venue;
use crate::order::{NewOrder, Order, OrderType, PositionSide, Side, TimeInForce, Trigger, WorkingType};
use crate::refusal::{Outcome, Refusal};

const CLIENT_ID_RANGE: &str = "^[\\.A-Z\\:/a-z0-9_-]{1,36}$";
/// Orders of one batch.
const MAX_BATCH: usize = 5;

/// Returns the client id that was sent, or a new one.
pub(super) fn client_id(call: &Call, params: &Params, name: &str) -> Outcome<String> {
    let Some(id) = params.get(name) else { return Ok(call.engine.new_client_id()) };
    let is_legal = |c: char| c.is_ascii_alphanumeric() || ".:/_-".contains(c);
    if id.len() > 36 || !id.chars().all(is_legal) {
        return Err(Refusal::illegal_characters(name, CLIENT_ID_RANGE));
    }
    Ok(id.to_owned())
}

/// Parses an order as the exchange does: market, side and type first, then what the type makes mandatory.
pub(super) fn parse(call: &Call, params: &Params, is_algo: bool) -> Outcome<NewOrder> {
    let venue = call.venue;
    let id = params.need("symbol")?;
    let market = call.engine.find_market(venue, id).ok_or_else(Refusal::unknown_symbol)?;
    let side = Side::parse(params.need("side")?).ok_or_else(|| Refusal::new(-1117, "Invalid side."))?;
    let kind = OrderType::parse(venue, params.need("type")?)
        .ok_or_else(|| Refusal::new(-1116, "Invalid orderType."))?;
    let time_in_force = parse_time_in_force(params, venue, kind)?;
    let quote_quantity = params.decimal("quoteOrderQty")?.filter(|_| venue == Venue::Spot && !kind.is_limit);
    let closes_position = params.flag("closePosition")?;
    let quantity = match params.decimal("quantity")? {
        Some(quantity) => quantity,
        None if quote_quantity.is_some() || closes_position => Decimal::ZERO,
        None => return Err(Refusal::missing("quantity")),
    };
    let price = if kind.is_limit { needed(params, "price")? } else { Decimal::ZERO };
    let trigger_name = if is_algo { "triggerPrice" } else { "stopPrice" };
    let trigger_price = match kind.trigger {
        None => Decimal::ZERO,
        Some(Trigger::Trailing) => {
            params.decimal("activatePrice")?.or(params.decimal("activationPrice")?).unwrap_or_default()
        }
        Some(_) => needed(params, trigger_name)?,
    };
    let callback_rate = parse_callback(params, kind)?;
    let position_side = params.get("positionSide").map(PositionSide::parse);
    let working_type = params.get("workingType").map(WorkingType::parse);
    Ok(NewOrder {
        market,
        client_id: client_id(call, params, if is_algo { "clientAlgoId" } else { "newClientOrderId" })?,
        side,
        kind,
        time_in_force,
        price,
        quantity,
        quote_quantity,
        trigger_price,
        callback_rate,
        working_type: working_type
            .unwrap_or(Some(WorkingType::Contract))
            .ok_or_else(|| Refusal::malformed("workingType"))?,
        position_side: position_side
            .unwrap_or(Some(PositionSide::Both))
            .ok_or_else(|| Refusal::new(-1118, "Invalid positionSide."))?,
        is_reduce_only: venue == Venue::UsdM && params.flag("reduceOnly")?,
        closes_position,
        good_till: params.integer("goodTillDate")?.unwrap_or_default(),
    })
}

fn needed(params: &Params, name: &str) -> Outcome<Decimal> {
    params.decimal(name)?.ok_or_else(|| Refusal::missing(name))
}

fn parse_time_in_force(params: &Params, venue: Venue, kind: OrderType) -> Outcome<TimeInForce> {
    let needs = kind.is_limit && !kind.is_maker_only;
    match params.get("timeInForce") {
        Some(_) if venue == Venue::Spot && !needs => {
            Err(Refusal::new(-1106, "Parameter 'timeInForce' sent when not required."))
        }
        Some(text) => {
            TimeInForce::parse(venue, text).ok_or_else(|| Refusal::new(-1115, "Invalid timeInForce."))
        }
        None if needs && (venue == Venue::Spot || kind.trigger.is_none()) => {
            Err(Refusal::missing("timeInForce"))
        }
        None => Ok(TimeInForce::Gtc),
    }
}

fn parse_callback(params: &Params, kind: OrderType) -> Outcome<Option<Decimal>> {
    if kind.trigger != Some(Trigger::Trailing) {
        return Ok(None);
    }
    let rate = needed(params, "callbackRate")?;
    if rate < Decimal::new(1, 1) || rate > Decimal::TEN {
        return Err(Refusal::new(-2007, "Invalid callBack rate."));
    }
    Ok(Some(rate))
}

fn parse_plain(call: &Call, params: &Params) -> Outcome<NewOrder> {
    let asked = parse(call, params, false)?;
    if call.venue == Venue::UsdM && asked.kind.trigger.is_some() {
        let text =
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.";
        return Err(Refusal::new(-4120, text));
    }
    Ok(asked)
}

pub(super) fn create(call: &mut Call) -> Outcome<Value> {
    let asked = parse_plain(call, call.params)?;
    place(call, call.params, asked)
}

fn place(call: &mut Call, params: &Params, asked: NewOrder) -> Outcome<Value> {
    let usual =
        if asked.kind.trigger.is_none() && !asked.kind.is_maker_only { Detail::Full } else { Detail::Ack };
    let detail = match params.get("newOrderRespType") {
        None => usual,
        Some("ACK") => Detail::Ack,
        Some("RESULT") => Detail::Result,
        Some("FULL") => Detail::Full,
        Some(_) => return Err(Refusal::malformed("newOrderRespType")),
    };
    let id = call.engine.place(asked)?;
    let order = call.engine.orders.get(&id).ok_or_else(Refusal::no_order)?;
    Ok(match call.venue {
        Venue::Spot => order_json::spot_placed(call.engine, order, detail),
        // Without RESULT the reply shows the order as it was accepted.
        Venue::UsdM if params.get("newOrderRespType") == Some("RESULT") => order_json(call.engine, order),
        Venue::UsdM => order_json(call.engine, &as_accepted(order)),
    })
}

fn as_accepted(order: &Order) -> Order {
    let status = crate::order::Status::New;
    Order { executed: Decimal::ZERO, cost: Decimal::ZERO, status, updated: order.created, ..order.clone() }
}

pub(super) fn test(call: &mut Call) -> Outcome<Value> {
    let asked = parse_plain(call, call.params)?;
    call.engine.test(asked)?;
    Ok(json!({}))
}

/// Each order of a batch is accepted or refused by itself.
pub(super) fn create_batch(call: &mut Call) -> Outcome<Value> {
    let batch: Vec<Value> = serde_json::from_str(call.params.need("batchOrders")?)
        .map_err(|_| Refusal::malformed("batchOrders"))?;
    if batch.is_empty() || batch.len() > MAX_BATCH {
        return Err(Refusal::malformed("batchOrders"));
    }
    let mut replies = Vec::new();
    for entry in &batch {
        let params = Params::of_object(entry);
        let reply = parse_plain(call, &params).and_then(|asked| place(call, &params, asked));
        replies.push(reply.unwrap_or_else(|refusal| json!({"code": refusal.code, "msg": refusal.message})));
    }
    Ok(Value::Array(replies))
}

/// Returns the order that `orderId` or `origClientOrderId` names.
fn named(call: &Call) -> Outcome<(usize, Option<u64>, Option<String>)> {
    let market = call.market()?;
    let id = call.params.id("orderId")?;
    let client_id = call.params.get("origClientOrderId").map(str::to_owned);
    if id.is_none() && client_id.is_none() {
        let text = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!";
        return Err(Refusal::new(-1102, text));
    }
    Ok((market, id, client_id))
}

pub(super) fn find(call: &mut Call) -> Outcome<Value> {
    let (market, id, client_id) = named(call)?;
    let order = call.engine.seen_order(market, id, client_id.as_deref()).ok_or_else(Refusal::no_order)?;
    Ok(order_json(call.engine, order))
}

pub(super) fn cancel(call: &mut Call) -> Outcome<Value> {
    let (market, id, client_id) = named(call)?;
    let order = call.engine.cancel(market, id, client_id.as_deref())?;
    Ok(canceled_json(call, &order))
}

fn canceled_json(call: &Call, order: &Order) -> Value {
    match call.venue {
        Venue::Spot => order_json::spot_canceled(call.engine, order, &call.engine.new_client_id()),
        Venue::UsdM => order_json(call.engine, order),
    }
}

pub(super) fn cancel_all_spot(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let canceled = call.engine.cancel_all(market);
    if canceled.is_empty() {
        return Err(Refusal::unknown_order());
    }
    Ok(canceled.iter().map(|order| canceled_json(call, order)).collect())
}

pub(super) fn cancel_all_futures(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    call.engine.cancel_all(market);
    Ok(json!({"code": 200, "msg": "The operation of cancel all open order is done."}))
}

/// `DELETE /fapi/v1/batchOrders`: orders by number or client id.
pub(super) fn cancel_batch(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let ids: Option<Vec<u64>> = list(call.params, "orderIdList")?;
    let client_ids: Option<Vec<String>> = list(call.params, "origClientOrderIdList")?;
    let by_id = ids.into_iter().flatten().map(|id| (Some(id), None));
    let by_client_id = client_ids.into_iter().flatten().map(|id| (None, Some(id)));
    let mut replies = Vec::new();
    for (id, client_id) in by_id.chain(by_client_id).take(10) {
        replies.push(match call.engine.cancel(market, id, client_id.as_deref()) {
            Ok(order) => order_json(call.engine, &order),
            Err(refusal) => json!({"code": refusal.code, "msg": refusal.message}),
        });
    }
    Ok(Value::Array(replies))
}

fn list<T: serde::de::DeserializeOwned>(params: &Params, name: &str) -> Outcome<Option<Vec<T>>> {
    let parse = |text: &str| serde_json::from_str(text).map_err(|_| Refusal::malformed(name));
    // The one place where clients differ in capitals, and the exchange takes both.
    params.get(name).or(params.get(&name.to_lowercase())).map(parse).transpose()
}

/// Spot: cancels an order and places another, both or neither unless told to go on.
pub(super) fn cancel_replace(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let stops = match call.params.need("cancelReplaceMode")? {
        "STOP_ON_FAILURE" => true,
        "ALLOW_FAILURE" => false,
        _ => return Err(Refusal::malformed("cancelReplaceMode")),
    };
    let asked = parse_plain(call, call.params)?;
    let id = call.params.id("cancelOrderId")?;
    let client_id = call.params.get("cancelOrigClientOrderId").map(str::to_owned);
    let canceled = call.engine.cancel(market, id, client_id.as_deref());
    let told = |outcome: &Outcome<Value>| match outcome {
        Ok(reply) => reply.clone(),
        Err(refusal) => json!({"code": refusal.code, "msg": refusal.message}),
    };
    let canceled = canceled.map(|order| canceled_json(call, &order));
    let attempted = canceled.is_ok() || !stops;
    let placed = if attempted { Some(place(call, call.params, asked)) } else { None };
    let name = |is_ok: bool| if is_ok { "SUCCESS" } else { "FAILURE" };
    let reply = json!({
        "cancelResult": name(canceled.is_ok()),
        "newOrderResult": placed.as_ref().map_or("NOT_ATTEMPTED", |placed| name(placed.is_ok())),
        "cancelResponse": told(&canceled),
        "newOrderResponse": placed.as_ref().map_or(Value::Null, told),
    });
    let went_wrong = canceled.is_err() || placed.is_some_and(|placed| placed.is_err());
    if went_wrong {
        let partly = attempted && reply["cancelResult"] != reply["newOrderResult"];
        let refusal = if partly {
            Refusal::new(-2021, "Order cancel-replace partially failed.").with_status(409)
        } else {
            Refusal::new(-2022, "Order cancel-replace failed.")
        };
        return Err(Refusal { data: Some(Box::new(reply)), ..refusal });
    }
    Ok(reply)
}

/// USD-M: changes price and quantity of an open order, which then queues anew.
pub(super) fn modify(call: &mut Call) -> Outcome<Value> {
    let (market, id, client_id) = named(call)?;
    let (price, quantity) = (needed(call.params, "price")?, needed(call.params, "quantity")?);
    let side = Side::parse(call.params.need("side")?).ok_or_else(|| Refusal::new(-1117, "Invalid side."))?;
    let known = call.engine.seen_order(market, id, client_id.as_deref()).ok_or_else(Refusal::no_order)?;
    if known.asked.side != side {
        return Err(Refusal::new(-1117, "Invalid side."));
    }
    let id = known.id;
    call.engine.modify(id, price, quantity)?;
    let order = call.engine.orders.get(&id).ok_or_else(Refusal::no_order)?;
    Ok(order_json(call.engine, order))
}

pub(super) fn open(call: &mut Call) -> Outcome<Value> {
    let markets = call.maybe_market()?.map_or_else(|| call.markets(), |market| vec![market]);
    let engine: &Engine = call.engine;
    let orders = markets.into_iter().flat_map(|market| engine.open_orders(market));
    let seen = orders.filter(|order| order.hidden_until <= engine.now);
    Ok(seen.map(|order| order_json(engine, order)).collect())
}

/// `GET /fapi/v1/openOrder`: an order that must be open.
pub(super) fn open_one(call: &mut Call) -> Outcome<Value> {
    let (market, id, client_id) = named(call)?;
    let order =
        call.engine.seen_order(market, id, client_id.as_deref()).filter(|order| order.status.is_open());
    Ok(order_json(call.engine, order.ok_or_else(Refusal::no_order)?))
}

pub(super) fn all(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let limit = call.params.limit(500, 1_000)?;
    let from = call.params.id("orderId")?;
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let is_wanted = |order: &&Order| {
        order.asked.market == market
            && order.hidden_until <= call.now
            && from.is_none_or(|from| order.id >= from)
            && start.is_none_or(|start| order.created >= start)
            && end.is_none_or(|end| order.created <= end)
    };
    let orders = call.engine.orders.values().filter(is_wanted);
    let rows: Vec<Value> = orders.map(|order| order_json(call.engine, order)).collect();
    Ok(first_or_last(rows, limit, from.is_some() || start.is_some()))
}

pub(super) fn my_trades(call: &mut Call) -> Outcome<Value> {
    let market = if call.venue == Venue::Spot { Some(call.market()?) } else { call.maybe_market()? };
    let limit = call.params.limit(500, 1_000)?;
    let (order_id, from) = (call.params.id("orderId")?, call.params.id("fromId")?);
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let venue = call.venue;
    let is_seen = |id| call.engine.orders.get(&id).is_none_or(|order| order.hidden_until <= call.now);
    let fills = call.engine.fills.iter().filter(|fill| {
        market.is_none_or(|market| fill.market == market)
            && call.engine.markets[fill.market].venue == venue
            && is_seen(fill.order_id)
            && order_id.is_none_or(|id| fill.order_id == id)
            && from.is_none_or(|from| fill.trade_id >= from)
            && start.is_none_or(|start| fill.at >= start)
            && end.is_none_or(|end| fill.at <= end)
    });
    let rows: Vec<Value> = fills.map(|fill| my_trade(call.engine, fill)).collect();
    Ok(first_or_last(rows, limit, from.is_some() || start.is_some()))
}

/// The exchange counts a limit from the start when one was given, else from the end.
fn first_or_last(mut rows: Vec<Value>, limit: usize, from_start: bool) -> Value {
    if from_start {
        rows.truncate(limit);
    } else {
        rows.drain(..rows.len().saturating_sub(limit));
    }
    Value::Array(rows)
}
