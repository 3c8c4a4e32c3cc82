//! Conditional orders of USD-M: a book of their own.

use serde_json::{Value, json};

use super::Call;
use super::order_json::algo_json;
use super::orders::parse;
use crate::engine::Engine;
use crate::order::AlgoStatus;
use crate::refusal::{Outcome, Refusal};

pub(super) fn create(call: &mut Call) -> Outcome<Value> {
    if call.params.need("algoType")? != "CONDITIONAL" {
        return Err(Refusal::malformed("algoType"));
    }
    let asked = parse(call, call.params, true)?;
    if asked.kind.trigger.is_none() {
        return Err(Refusal::new(-1116, "Invalid orderType."));
    }
    let id = call.engine.place_algo(asked)?;
    let algo = call.engine.algos.get(&id).ok_or_else(Refusal::no_order)?;
    Ok(algo_json(call.engine, algo))
}

fn named(call: &Call) -> Outcome<(Option<u64>, Option<String>)> {
    let id = call.params.id("algoId")?;
    let client_id = call.params.get("clientAlgoId").map(str::to_owned);
    if id.is_none() && client_id.is_none() {
        let text = "Param 'clientAlgoId' or 'algoId' must be sent, but both were empty/null!";
        return Err(Refusal::new(-1102, text));
    }
    Ok((id, client_id))
}

pub(super) fn find(call: &mut Call) -> Outcome<Value> {
    let (id, client_id) = named(call)?;
    let algo = call.engine.find_algo(id, client_id.as_deref()).ok_or_else(Refusal::no_order)?;
    Ok(algo_json(call.engine, algo))
}

pub(super) fn cancel(call: &mut Call) -> Outcome<Value> {
    let (id, client_id) = named(call)?;
    let id = call.engine.cancel_algo(id, client_id.as_deref())?;
    let client_id = call.engine.algos.get(&id).map(|algo| algo.asked.client_id.clone());
    Ok(json!({"algoId": id, "clientAlgoId": client_id, "code": "200", "msg": "success"}))
}

pub(super) fn cancel_all(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    call.engine.cancel_all_algos(market);
    Ok(json!({"code": 200, "msg": "The operation of cancel all open order is done."}))
}

pub(super) fn open(call: &mut Call) -> Outcome<Value> {
    let markets = call.maybe_market()?.map_or_else(|| call.markets(), |market| vec![market]);
    let engine: &Engine = call.engine;
    let waiting = markets.into_iter().flat_map(|market| engine.waiting_algos(market));
    Ok(waiting.filter(|algo| algo.hidden_until <= call.now).map(|algo| algo_json(engine, algo)).collect())
}

pub(super) fn all(call: &mut Call) -> Outcome<Value> {
    let market = call.market()?;
    let limit = call.params.limit(500, 1_000)?;
    let (start, end) = (call.params.integer("startTime")?, call.params.integer("endTime")?);
    let of = call.engine.algos.values().filter(|algo| {
        algo.asked.market == market
            && (algo.status != AlgoStatus::New || algo.hidden_until <= call.now)
            && start.is_none_or(|start| algo.created >= start)
            && end.is_none_or(|end| algo.created <= end)
    });
    let rows: Vec<Value> = of.map(|algo| algo_json(call.engine, algo)).collect();
    Ok(Value::Array(rows[rows.len().saturating_sub(limit)..].to_vec()))
}
