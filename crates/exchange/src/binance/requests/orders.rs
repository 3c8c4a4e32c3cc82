//! Requests about orders.

use super::super::book::{Book, Target};
use super::super::endpoints::find;
use super::{Draft, of_market};
use crate::base::Query;
use crate::model::{MarginMode, Market, OrderType, Side, TimeInForce};
use crate::{
    Call, Context, Decimal, Error, ErrorClass, OrderRef, OrderRequest, Page, Request, amount_to_precision,
    cost_to_precision, price_to_precision,
};

pub(super) fn draft(request: &Request, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    let book = target.book;
    let conditional = request.scope.trigger && book.is_contract();
    let either = |plain, algo| if conditional { algo } else { plain };
    match &request.call {
        Call::FetchOrder(order) => one(either("order", "algoOrder"), order, target, conditional),
        Call::CancelOrder(order) => one(either("cancelOrder", "cancelAlgoOrder"), order, target, conditional),
        Call::CancelAllOrders { .. } => {
            Ok((find(book, either("cancelAllOrders", "cancelAllAlgoOrders"))?, of_market(target)?))
        }
        Call::CancelOrders { ids, .. } => cancel_several(ids, target),
        Call::FetchOpenOrders { .. } => {
            let mut query = Query::new();
            query.set_some("symbol", target.market.map(|market| &market.id));
            Ok((find(book, either("openOrders", "openAlgoOrders"))?, query))
        }
        Call::FetchOrders { page, .. } => all(page, page.limit, target),
        // The exchange has no list of closed orders: a limit would count open ones, too.
        Call::FetchClosedOrders { page, .. } => all(page, None, target),
        Call::CreateOrder(order) => create(order, target, context),
        Call::CreateOrders(orders) => create_several(orders, target, context),
        Call::EditOrder { order, change } => edit(order, change, target, context),
        other => Err(Error::not_supported(other.method())),
    }
}

/// Names an order by our id, which goes first, or by the exchange's.
fn one(name: &str, order: &OrderRef, target: &Target<'_>, conditional: bool) -> Result<Draft, Error> {
    let mut query = of_market(target)?;
    let (own, theirs) =
        if conditional { ("clientAlgoId", "algoId") } else { ("origClientOrderId", "orderId") };
    match (&order.client_order_id, &order.id) {
        (Some(id), _) => query.set(own, id),
        (None, Some(id)) => query.set(theirs, id),
        (None, None) => return Err(Error::arguments_required("an order needs an id")),
    }
    Ok((find(target.book, name)?, query))
}

fn cancel_several(ids: &[String], target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = of_market(target)?;
    if !target.book.is_contract() {
        return Err(Error::new(ErrorClass::BadRequest, "several orders at once are for contracts only"));
    }
    if !ids.iter().all(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Error::new(ErrorClass::BadRequest, "an order id is a whole number"));
    }
    query.set("orderidlist", format!("[{}]", ids.join(",")));
    Ok((find(target.book, "cancelOrders")?, query))
}

fn all(page: &Page, limit: Option<u32>, target: &Target<'_>) -> Result<Draft, Error> {
    let mut query = of_market(target)?;
    query.set_some("startTime", page.since);
    query.set_some("limit", limit);
    query.set_some("endTime", page.until);
    Ok((find(target.book, "allOrders")?, query))
}

fn create(order: &OrderRequest, target: &Target<'_>, context: &Context<'_>) -> Result<Draft, Error> {
    let plan = Plan::of(order, target)?;
    let name = match plan {
        Plan { algo: true, .. } => "createAlgoOrder",
        _ if order.margin_mode.is_some() && !target.book.is_contract() => "createMarginOrder",
        _ => "createOrder",
    };
    let query = order_query(order, &plan, target, context.new_client_order_id)?;
    Ok((find(target.book, name)?, query))
}

/// What an order becomes at Binance.
struct Plan {
    /// Binance's type.
    kind: &'static str,
    /// What wakes it.
    trigger: Option<Decimal>,
    /// Whether it belongs into the book of conditional orders.
    algo: bool,
}

impl Plan {
    fn of(order: &OrderRequest, target: &Target<'_>) -> Result<Self, Error> {
        if order.stop_loss.is_some() || order.take_profit.is_some() {
            return Err(Error::not_supported("Binance attaches no stop-loss or take-profit to an order"));
        }
        let market = target.market()?;
        let limit = match &order.kind {
            OrderType::Limit => true,
            OrderType::Market => false,
            OrderType::Other(kind) => {
                return Err(Error::invalid_order(format!("{kind} is no order type of {}", market.symbol)));
            }
        };
        let trigger = order.stop_loss_price.or(order.take_profit_price).or(order.trigger_price);
        let profit = order.stop_loss_price.is_none() && order.take_profit_price.is_some();
        let contract = target.book.is_contract();
        let kind = match (contract, limit, trigger.is_some(), profit) {
            _ if order.trailing_percent.is_some() => trailing(contract)?,
            (_, true, false, _) if order.is_post_only() && !contract => "LIMIT_MAKER",
            (_, true, false, _) => "LIMIT",
            (_, false, false, _) => "MARKET",
            (true, true, true, false) => "STOP",
            (true, true, true, true) => "TAKE_PROFIT",
            (true, false, true, false) => "STOP_MARKET",
            (true, false, true, true) => "TAKE_PROFIT_MARKET",
            (false, true, true, false) => "STOP_LOSS_LIMIT",
            (false, true, true, true) => "TAKE_PROFIT_LIMIT",
            (false, false, true, false) => "STOP_LOSS",
            (false, false, true, true) => "TAKE_PROFIT",
        };
        check_kind(kind, market)?;
        let algo = contract && (trigger.is_some() || order.trailing_percent.is_some());
        Ok(Self { kind, trigger, algo })
    }

    /// Whether the order has a limit price.
    fn priced(&self, order: &OrderRequest) -> bool {
        order.kind == OrderType::Limit
    }
}

fn trailing(contract: bool) -> Result<&'static str, Error> {
    if contract { Ok("TRAILING_STOP_MARKET") } else { Err(Error::not_supported("spot orders do not trail")) }
}

/// Markets list the types they take.
fn check_kind(kind: &str, market: &Market) -> Result<(), Error> {
    if market.order_types.is_empty() || market.order_types.iter().any(|known| known == kind) {
        return Ok(());
    }
    Err(Error::invalid_order(format!("{kind} is no order type of {}", market.symbol)))
}

fn order_query(order: &OrderRequest, plan: &Plan, target: &Target<'_>, new_id: &str) -> Result<Query, Error> {
    let market = target.market()?;
    let contract = target.book.is_contract();
    let mut query = of_market(target)?;
    query.set("side", side(order.side));
    query.set_some("callbackRate", order.trailing_percent);
    let id_name = if plan.algo { "clientAlgoId" } else { "newClientOrderId" };
    query.set(id_name, client_id(order.client_order_id.as_deref().unwrap_or(new_id))?);
    if !contract && order.margin_mode == Some(MarginMode::Isolated) {
        query.set("isIsolated", true);
    }
    query.set("newOrderRespType", if contract { "RESULT" } else { "FULL" });
    query.set("type", plan.kind);
    set_amount(&mut query, order, target)?;
    if plan.priced(order) {
        query.set("price", limit_price(order, market)?);
    }
    if let Some(trigger) = plan.trigger {
        query.set(if contract { "triggerPrice" } else { "stopPrice" }, price_to_precision(market, trigger)?);
    }
    query.set_some("timeInForce", time_in_force(order, plan, contract));
    if contract {
        set_position(&mut query, order);
    }
    if plan.algo {
        query.set("algoType", "CONDITIONAL");
    }
    Ok(query)
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// Checks a client order id by Binance's rule: 1 to 36 of `.A-Z:/a-z0-9_-`.
pub(in super::super) fn client_id(id: &str) -> Result<&str, Error> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
    if (1..=36).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(id);
    }
    Err(Error::invalid_order("a client order id has 1 to 36 of the characters A-Z a-z 0-9 . : / _ -"))
}

fn limit_price(order: &OrderRequest, market: &Market) -> Result<String, Error> {
    let missing = || Error::invalid_order("a limit order needs a price");
    price_to_precision(market, order.price.ok_or_else(missing)?)
}

/// Spot market orders may say what to spend: as a cost, or as an amount and the price to count it at.
fn set_amount(query: &mut Query, order: &OrderRequest, target: &Target<'_>) -> Result<(), Error> {
    let market = target.market()?;
    let spending = target.book == Book::Spot && order.kind == OrderType::Market && !order.is_conditional();
    let by_price = || order.amount?.checked_mul(order.price?);
    if let Some(cost) = order.cost.or_else(by_price).filter(|_| spending) {
        query.set("quoteOrderQty", cost_to_precision(market, cost));
        return Ok(());
    }
    let amount = order.amount.ok_or_else(|| Error::invalid_order("an order needs an amount"))?;
    query.set("quantity", amount_to_precision(market, amount)?);
    Ok(())
}

/// Conditional contract orders rest by default; only spot wants to be told how long.
fn time_in_force(order: &OrderRequest, plan: &Plan, contract: bool) -> Option<String> {
    if !plan.priced(order) || plan.kind == "LIMIT_MAKER" {
        return None;
    }
    if contract && order.is_post_only() {
        return Some("GTX".to_owned());
    }
    match &order.time_in_force {
        Some(word) => Some(word.as_str().to_owned()),
        None if plan.algo => None,
        None => Some(TimeInForce::Gtc.as_str().to_owned()),
    }
}

/// In a hedged account an order names the position it is for; that it only reduces follows from the side.
fn set_position(query: &mut Query, order: &OrderRequest) {
    if order.hedged {
        let opens_long = (order.side == Side::Buy) != order.reduce_only;
        query.set("positionSide", if opens_long { "LONG" } else { "SHORT" });
    } else if order.reduce_only {
        query.set("reduceOnly", true);
    }
}

fn create_several(
    orders: &[OrderRequest],
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    if !target.book.is_contract() {
        return Err(Error::not_supported("several orders at once are for contracts only"));
    }
    let mut list = Vec::with_capacity(orders.len());
    for (index, order) in orders.iter().enumerate() {
        let target = Target { book: target.book, market: Some(context.markets.get(&order.symbol)?) };
        if Book::of(target.market()?)? != target.book {
            return Err(Error::new(ErrorClass::BadRequest, "orders placed at once belong to one book"));
        }
        let plan = Plan::of(order, &target)?;
        if plan.algo {
            return Err(Error::not_supported("conditional orders are placed one by one"));
        }
        let new_id = format!("{}-{index}", context.new_client_order_id);
        list.push(order_query(order, &plan, &target, &new_id)?.to_json());
    }
    let mut query = Query::new();
    query.set("batchOrders", format!("[{}]", list.join(",")));
    Ok((find(target.book, "createOrders")?, query))
}

fn edit(
    order: &OrderRef,
    change: &OrderRequest,
    target: &Target<'_>,
    context: &Context<'_>,
) -> Result<Draft, Error> {
    let market = target.market()?;
    let endpoint = find(target.book, "editOrder")?;
    let mut query = of_market(target)?;
    query.set("side", side(change.side));
    if target.book.is_contract() {
        match (&order.client_order_id, &order.id) {
            (Some(id), _) => query.set("origClientOrderId", id),
            (None, id) => query.set_some("orderId", id.as_ref()),
        }
        let amount = change.amount.ok_or_else(|| Error::invalid_order("an order needs an amount"))?;
        query.set("quantity", amount_to_precision(market, amount)?);
        query.set("price", limit_price(change, market)?);
        return Ok((endpoint, query));
    }
    // Spot replaces: the old order goes, and only if that worked the new one comes.
    let plan = Plan::of(change, target)?;
    query.set("type", plan.kind);
    let created = order_query(change, &plan, target, context.new_client_order_id)?;
    for (name, value) in created.iter() {
        query.set(name.to_owned(), value);
    }
    query.set("cancelReplaceMode", "STOP_ON_FAILURE");
    query.set_some("cancelOrderId", order.id.as_ref());
    if order.id.is_none() {
        query.set_some("cancelOrigClientOrderId", order.client_order_id.as_ref());
    }
    Ok((endpoint, query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_ids_by_the_rule() {
        assert!(client_id("tradai-0001.a:b/c_D").is_ok());
        for id in ["", "with space", "\u{fc}", &"x".repeat(37)] {
            assert!(client_id(id).is_err(), "{id}");
        }
    }
}
