//! Requests about orders.

use super::super::sign::Payload;
use super::super::target::Target;
use super::{Draft, get, of_market, post};
use crate::base::Query;
use crate::body::Body;
use crate::model::{MarginMode, Market, OrderType, Side, TimeInForce};
use crate::{
    Attached, Call, Context, Decimal, Error, Json, OrderRef, OrderRequest, Request, amount_to_precision,
    cost_to_precision, price_to_precision,
};

/// What OKX calls a price of "whatever there is".
const AT_MARKET: &str = "-1";

pub(super) fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    let trigger = request.scope.trigger;
    match &request.call {
        Call::FetchOpenOrders { page, .. } => {
            let mut query = Query::new();
            query.set_some("instId", target.market.map(|market| &market.id));
            query.set_some("limit", page.limit);
            query.set_some("ordType", trigger.then_some("trigger"));
            get(if trigger { "openAlgoOrders" } else { "openOrders" }, query)
        }
        Call::FetchClosedOrders { page, .. } => {
            let mut query = Query::new();
            query.set_some("instId", target.market.map(|market| &market.id));
            query.set("instType", target.kind);
            query.set_some("limit", page.limit);
            query.set_some("begin", page.since);
            query.set_some("end", page.until);
            query.set("state", "filled");
            get("orderHistory", query)
        }
        Call::FetchOrder(order) => {
            let mut query = of_market(target)?;
            let (name, id) = identify(order, trigger)?;
            query.set(name, id);
            get(if trigger { "algoOrder" } else { "order" }, query)
        }
        Call::CancelOrder(order) => cancel(order, target, trigger),
        Call::CancelOrders { ids, .. } => {
            let market = target.market()?;
            let one = |id: &String| {
                let mut body = Body::default();
                body.text(if trigger { "algoId" } else { "ordId" }, id.as_str());
                body.text("instId", market.id.as_str());
                body.into_json()
            };
            let name = if trigger { "cancelAlgoOrders" } else { "cancelOrders" };
            several(name, ids.iter().map(one).collect())
        }
        Call::CreateOrder(order) => {
            let body = order_body(order, target, context.new_client_order_id)?;
            if order.is_conditional() {
                return post("createAlgoOrder", body);
            }
            several("createOrders", vec![body.into_json()])
        }
        Call::CreateOrders(orders) => {
            let mut list = Vec::with_capacity(orders.len());
            for (index, order) in orders.iter().enumerate() {
                if order.is_conditional() {
                    return Err(Error::not_supported("conditional orders are placed one by one"));
                }
                let market = context.markets.get(&order.symbol)?;
                let own = Target { kind: super::super::target::kind(market), market: Some(market) };
                let new_id = format!("{}{index}", context.new_client_order_id);
                list.push(order_body(order, &own, &new_id)?.into_json());
            }
            several("createOrders", list)
        }
        Call::EditOrder { order, change } => edit(order, change, target),
        other => Err(Error::not_supported(other.method())),
    }
}

fn several(name: &str, list: Vec<Json<'static>>) -> Result<Draft, Error> {
    Ok((super::find(name)?, Payload::Body(Json::List(list))))
}

/// Names an order by our id, which goes first, or by the exchange's.
fn identify(order: &OrderRef, trigger: bool) -> Result<(&'static str, &str), Error> {
    let (own, theirs) = if trigger { ("algoClOrdId", "algoId") } else { ("clOrdId", "ordId") };
    match (&order.client_order_id, &order.id) {
        (Some(id), _) => Ok((own, id)),
        (None, Some(id)) => Ok((theirs, id)),
        (None, None) => Err(Error::arguments_required("an order needs an id")),
    }
}

fn cancel(order: &OrderRef, target: &Target<'_>, trigger: bool) -> Result<Draft, Error> {
    let market = target.market()?;
    let (name, id) = identify(order, trigger)?;
    let mut body = Body::default();
    if trigger {
        body.text(name, id);
        body.text("instId", market.id.as_str());
        return several("cancelAlgoOrders", vec![body.into_json()]);
    }
    body.text("instId", market.id.as_str());
    body.text(name, id);
    post("cancelOrder", body)
}

fn edit(order: &OrderRef, change: &OrderRequest, target: &Target<'_>) -> Result<Draft, Error> {
    let market = target.market()?;
    let mut body = Body::default();
    body.text("instId", market.id.as_str());
    let (name, id) = identify(order, false)?;
    body.text(name, id);
    if let Some(amount) = change.amount {
        body.text("newSz", amount_to_precision(market, amount)?);
    }
    if let Some(price) = change.price {
        body.text("newPx", price_to_precision(market, price)?);
    }
    post("editOrder", body)
}

fn order_body(order: &OrderRequest, target: &Target<'_>, new_id: &str) -> Result<Body, Error> {
    let market = target.market()?;
    let spending = order.cost.filter(|_| market.is_spot() && order.kind == OrderType::Market);
    let mut body = Body::default();
    body.text("instId", market.id.as_str());
    body.text("side", if order.side == Side::Buy { "buy" } else { "sell" });
    body.text("ordType", kind(order, market)?);
    body.text(
        "sz",
        match (spending, order.amount) {
            (Some(cost), _) => cost_to_precision(market, cost),
            (None, Some(amount)) => amount_to_precision(market, amount)?,
            (None, None) => return Err(Error::invalid_order("an order needs an amount")),
        },
    );
    set_mode(&mut body, order, market, spending.is_some());
    let missing = || Error::invalid_order("a limit order needs a price");
    let limit = match order.kind {
        OrderType::Limit => Some(price_to_precision(market, order.price.ok_or_else(missing)?)?),
        _ => None,
    };
    if order.is_conditional() {
        set_trigger(&mut body, order, market, limit)?;
    } else {
        body.some_text("px", limit);
        attach(&mut body, order, market)?;
    }
    let id_name = if order.is_conditional() { "algoClOrdId" } else { "clOrdId" };
    body.text(id_name, order.client_order_id.as_deref().unwrap_or(new_id));
    if order.reduce_only && !order.hedged {
        body.value("reduceOnly", Json::Bool(true));
    }
    Ok(body)
}

fn kind(order: &OrderRequest, market: &Market) -> Result<&'static str, Error> {
    if let OrderType::Other(kind) = &order.kind {
        return Err(Error::invalid_order(format!("{kind} is no order type of {}", market.symbol)));
    }
    Ok(match (&order.kind, &order.time_in_force) {
        _ if order.trailing_percent.is_some() => "move_order_stop",
        _ if order.stop_loss_price.is_some() || order.take_profit_price.is_some() => "conditional",
        _ if order.trigger_price.is_some() => "trigger",
        _ if order.is_post_only() => "post_only",
        (OrderType::Limit, Some(TimeInForce::Ioc)) => "ioc",
        (OrderType::Limit, Some(TimeInForce::Fok)) => "fok",
        (OrderType::Limit, _) => "limit",
        _ => "market",
    })
}

/// Spot trades on cash; what closes a position, and contracts, on margin.
fn set_mode(body: &mut Body, order: &OrderRequest, market: &Market, spending: bool) {
    let closes = order.stop_loss_price.is_some() || order.take_profit_price.is_some();
    let mode = order.margin_mode.unwrap_or(MarginMode::Cross).as_str();
    if !market.is_spot() {
        if order.hedged {
            let opens_long = (order.side == Side::Buy) != order.reduce_only;
            body.text("posSide", if opens_long { "long" } else { "short" });
        }
        body.text("tdMode", mode);
        return;
    }
    if order.margin_mode == Some(MarginMode::Cross) {
        let held = if order.side == Side::Buy { &market.quote_id } else { &market.base_id };
        body.text("ccy", held.as_str());
    }
    let cash = order.margin_mode.is_none() && !closes;
    body.text("tdMode", if cash { "cash" } else { mode });
    if spending {
        body.text("tgtCcy", "quote_ccy");
    } else if cash || order.side == Side::Buy && order.margin_mode.is_none() {
        body.text("tgtCcy", "base_ccy");
    }
}

fn set_trigger(
    body: &mut Body,
    order: &OrderRequest,
    market: &Market,
    limit: Option<String>,
) -> Result<(), Error> {
    let then = limit.unwrap_or_else(|| AT_MARKET.to_owned());
    if let Some(percent) = order.trailing_percent {
        let ratio = percent.div(Decimal::from(100), 18);
        body.some_text("callbackRatio", ratio.map(|ratio| ratio.to_string()));
    } else if let Some(price) = order.stop_loss_price {
        body.text("slTriggerPx", price_to_precision(market, price)?);
        body.text("slOrdPx", then);
        body.text("slTriggerPxType", "last");
    } else if let Some(price) = order.take_profit_price {
        body.text("tpTriggerPx", price_to_precision(market, price)?);
        body.text("tpOrdPx", then);
        body.text("tpTriggerPxType", "last");
    } else if let Some(price) = order.trigger_price {
        body.text("triggerPx", price_to_precision(market, price)?);
        body.text("orderPx", then);
    }
    Ok(())
}

fn attach(body: &mut Body, order: &OrderRequest, market: &Market) -> Result<(), Error> {
    let mut attached = Body::default();
    let mut add = |names: [&'static str; 3], order: &Attached| -> Result<(), Error> {
        attached.text(names[0], price_to_precision(market, order.trigger_price)?);
        let then = order.price.map(|price| price_to_precision(market, price)).transpose()?;
        attached.text(names[1], then.unwrap_or_else(|| AT_MARKET.to_owned()));
        attached.text(names[2], "last");
        Ok(())
    };
    if let Some(order) = &order.stop_loss {
        add(["slTriggerPx", "slOrdPx", "slTriggerPxType"], order)?;
    }
    if let Some(order) = &order.take_profit {
        add(["tpTriggerPx", "tpOrdPx", "tpTriggerPxType"], order)?;
    }
    if order.stop_loss.is_some() || order.take_profit.is_some() {
        body.value("attachAlgoOrds", Json::List(vec![attached.into_json()]));
    }
    Ok(())
}
