//! Requests about orders.

use super::super::target::Target;
use super::{Draft, get, post, set_page};
use crate::base::Query;
use crate::body::Body;
use crate::model::{OrderType, Side, TimeInForce};
use crate::{
    Attached, Call, Context, Error, Json, OrderRef, OrderRequest, Request, TriggerDirection,
    amount_to_precision, cost_to_precision, price_to_precision,
};

pub(super) fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    let trigger = request.scope.trigger;
    match &request.call {
        Call::FetchOpenOrders { page, .. } => {
            let mut query = Query::new();
            match target.market {
                Some(market) => query.set("symbol", &market.id),
                None if target.category == "linear" => query.set("settleCoin", "USDT"),
                None => {}
            }
            query.set("category", target.category);
            query.set_some("limit", page.limit);
            query.set_some("orderFilter", trigger.then_some("StopOrder"));
            get("openOrders", query)
        }
        Call::FetchClosedOrders { page, .. } | Call::FetchOrders { page, .. } => {
            let mut query = Query::new();
            query.set_some("symbol", target.market.map(|market| &market.id));
            query.set("category", target.category);
            set_page(&mut query, page);
            let closed = matches!(request.call, Call::FetchClosedOrders { .. });
            query.set_some("orderStatus", closed.then_some("Filled"));
            get("orderHistory", query)
        }
        Call::FetchOrder(order) => {
            let mut query = Query::new();
            query.set("symbol", &target.market()?.id);
            match (&order.client_order_id, &order.id) {
                (Some(id), _) => query.set("orderLinkId", id),
                (None, Some(id)) => query.set("orderId", id),
                (None, None) => return Err(Error::arguments_required("an order needs an id")),
            }
            query.set("category", target.category);
            query.set_some("orderFilter", trigger.then_some("StopOrder"));
            get("openOrders", query)
        }
        Call::CancelOrder(order) => cancel(order, target, trigger),
        Call::CancelOrders { ids, .. } => {
            let one = |id: &String| {
                let mut body = Body::default();
                body.text("symbol", target.market.map(|market| market.id.as_str()).unwrap_or_default());
                body.text("orderId", id.as_str());
                body.into_json()
            };
            target.market()?;
            several("cancelOrders", target, ids.iter().map(one).collect())
        }
        Call::CancelAllOrders { .. } => {
            let mut body = Body::default();
            match target.market {
                Some(market) => body.text("symbol", market.id.as_str()),
                None => body.text("settleCoin", "USDT"),
            }
            body.text("category", target.category);
            body.some_text("orderFilter", trigger.then_some("StopOrder"));
            post("cancelAllOrders", body)
        }
        Call::CreateOrder(order) => post("createOrder", order_body(order, target, true)?),
        Call::CreateOrders(orders) => {
            let mut list = Vec::with_capacity(orders.len());
            for order in orders {
                let market = context.markets.get(&order.symbol)?;
                let own = Target { category: super::super::target::category(market), market: Some(market) };
                if own.category != target.category {
                    return Err(Error::not_supported("orders placed at once belong to one category"));
                }
                list.push(order_body(order, &own, false)?.into_json());
            }
            several("createOrders", target, list)
        }
        Call::EditOrder { order, change } => edit(order, change, target),
        other => Err(Error::not_supported(other.method())),
    }
}

fn several(name: &str, target: &Target<'_>, list: Vec<Json<'static>>) -> Result<Draft, Error> {
    let mut body = Body::default();
    body.text("category", target.category);
    body.value("request", Json::List(list));
    post(name, body)
}

fn set_id(body: &mut Body, order: &OrderRef) -> Result<(), Error> {
    match (&order.client_order_id, &order.id) {
        (Some(id), _) => body.text("orderLinkId", id.as_str()),
        (None, Some(id)) => body.text("orderId", id.as_str()),
        (None, None) => return Err(Error::arguments_required("an order needs an id")),
    }
    Ok(())
}

/// On spot, plain and conditional orders are two books.
fn cancel(order: &OrderRef, target: &Target<'_>, trigger: bool) -> Result<Draft, Error> {
    let mut body = Body::default();
    body.text("symbol", target.market()?.id.as_str());
    if target.is_spot() {
        body.text("orderFilter", if trigger { "StopOrder" } else { "Order" });
    }
    set_id(&mut body, order)?;
    body.text("category", target.category);
    post("cancelOrder", body)
}

fn edit(order: &OrderRef, change: &OrderRequest, target: &Target<'_>) -> Result<Draft, Error> {
    let market = target.market()?;
    let mut body = Body::default();
    body.text("symbol", market.id.as_str());
    set_id(&mut body, order)?;
    body.text("category", target.category);
    if let Some(amount) = change.amount {
        body.text("qty", amount_to_precision(market, amount)?);
    }
    if let Some(price) = change.price {
        body.text("price", price_to_precision(market, price)?);
    }
    post("editOrder", body)
}

fn order_body(order: &OrderRequest, target: &Target<'_>, alone: bool) -> Result<Body, Error> {
    let market = target.market()?;
    let kind = match &order.kind {
        OrderType::Limit => "Limit",
        OrderType::Market => "Market",
        OrderType::Other(kind) => {
            return Err(Error::invalid_order(format!("{kind} is no order type of {}", market.symbol)));
        }
    };
    if order.trailing_percent.is_some() {
        return Err(Error::not_supported("Bybit trails positions, by a distance, not orders"));
    }
    let trigger = trigger(order);
    if target.is_spot() && order.trigger_direction.is_some() {
        return Err(Error::not_supported("spot triggers have no direction"));
    }
    let mut body = Body::default();
    body.text("symbol", market.id.as_str());
    body.text("side", if order.side == Side::Buy { "Buy" } else { "Sell" });
    body.text("orderType", kind);
    body.some_text("timeInForce", time_in_force(order));
    body.some_text("orderLinkId", order.client_order_id.as_deref());
    if target.is_spot() && trigger.is_some() {
        body.text("orderFilter", if order.trigger_price.is_some() { "StopOrder" } else { "tpslOrder" });
    }
    if order.kind == OrderType::Limit {
        let missing = || Error::arguments_required("a limit order needs a price");
        body.text("price", price_to_precision(market, order.price.ok_or_else(missing)?)?);
    }
    if alone {
        body.text("category", target.category);
    }
    set_amount(&mut body, order, target)?;
    if order.hedged {
        let opens_long = (order.side == Side::Buy) != order.reduce_only;
        body.value("positionIdx", Json::Number(if opens_long { "1" } else { "2" }));
    }
    let closes = order.stop_loss_price.is_some() || order.take_profit_price.is_some();
    if let Some((price, direction)) = trigger {
        if let Some(direction) = direction {
            let ascending = direction == TriggerDirection::Ascending;
            body.value("triggerDirection", Json::Number(if ascending { "1" } else { "2" }));
        } else if !target.is_spot() {
            return Err(Error::arguments_required("a trigger on contracts needs a direction"));
        }
        body.text("triggerPrice", price_to_precision(market, price)?);
    }
    attach(&mut body, "stopLoss", "slOrderType", "slLimitPrice", order.stop_loss.as_ref(), target)?;
    attach(&mut body, "takeProfit", "tpOrderType", "tpLimitPrice", order.take_profit.as_ref(), target)?;
    if closes || (order.reduce_only && !order.hedged) {
        body.value("reduceOnly", Json::Bool(true));
    }
    Ok(body)
}

/// What wakes the order, and from which side: a stop-loss of a long lies below, its take-profit above.
fn trigger(order: &OrderRequest) -> Option<(crate::Decimal, Option<TriggerDirection>)> {
    let buys = order.side == Side::Buy;
    let direction =
        |ascending| if ascending { TriggerDirection::Ascending } else { TriggerDirection::Descending };
    if let Some(price) = order.stop_loss_price {
        return Some((price, Some(direction(buys))));
    }
    if let Some(price) = order.take_profit_price {
        return Some((price, Some(direction(!buys))));
    }
    order.trigger_price.map(|price| (price, order.trigger_direction))
}

fn time_in_force(order: &OrderRequest) -> Option<String> {
    if order.is_post_only() {
        return Some("PostOnly".to_owned());
    }
    order.time_in_force.as_ref().map(TimeInForce::as_str).map(str::to_owned)
}

/// Spot market orders count in quote currency unless told otherwise.
fn set_amount(body: &mut Body, order: &OrderRequest, target: &Target<'_>) -> Result<(), Error> {
    let market = target.market()?;
    let at_market = target.is_spot() && order.kind == OrderType::Market;
    let by_price = || order.amount?.checked_mul(order.price?).filter(|_| order.side == Side::Buy);
    if let Some(cost) = order.cost.or_else(by_price).filter(|_| at_market) {
        body.text("qty", cost_to_precision(market, cost));
        return Ok(());
    }
    if at_market {
        body.text("marketUnit", "baseCoin");
    }
    let amount = order.amount.ok_or_else(|| Error::invalid_order("an order needs an amount"))?;
    body.text("qty", amount_to_precision(market, amount)?);
    Ok(())
}

/// Spot wants to be told how an attached order is priced; contracts take the market by default.
fn attach(
    body: &mut Body,
    name: &'static str,
    kind_name: &'static str,
    price_name: &'static str,
    attached: Option<&Attached>,
    target: &Target<'_>,
) -> Result<(), Error> {
    let Some(attached) = attached else { return Ok(()) };
    let market = target.market()?;
    body.text(name, price_to_precision(market, attached.trigger_price)?);
    match attached.price {
        Some(price) => {
            body.text(kind_name, "Limit");
            body.text(price_name, price_to_precision(market, price)?);
        }
        None if target.is_spot() => body.text(kind_name, "Market"),
        None => {}
    }
    Ok(())
}
