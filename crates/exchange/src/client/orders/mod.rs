//! Placing, changing and canceling orders so that none is ever placed twice.
//!
//! An order whose outcome got lost is looked for by its client id, again and again. Only when the exchange has denied
//! knowing it several times in a row, the last time after the lost request had become too old to be taken in, is the
//! same order sent once more, under the same id. What cannot be decided ends in an error that says so
//! ([`Error::is_order_unknown`]).
//!
//! Client ids alone do not protect: Binance and OKX take an id again once the order that had it is done. What does is
//! that a signed request carries its time, and is refused when it arrives later than the exchange allows.

mod cancel;
mod search;
mod several;

use search::{Found, Last, Loose, Search};

use super::Client;
use super::order_ids::{Known, Placing};
use super::round::{Failure, Fate};
use crate::model::{Order, OrderType};
use crate::{Call, Error, ErrorClass, OrderRef, OrderRequest, Reply, Request, Scope, prepare_order};

/// What to do before an order is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing, if this process knows nothing of its id.
    Send,
    /// Look for it: an earlier process may have sent it.
    Look,
}

impl Client {
    /// Places an order.
    pub(super) async fn place(
        &self,
        order: &OrderRequest,
        scope: Scope,
        before: Before,
    ) -> Result<Order, Error> {
        let markets = self.markets_with(&order.symbol).await?;
        let market = markets.get(&order.symbol)?;
        let order = prepare_order(market, order)?;
        let id = self.client_id(&order)?;
        let search = self.search_for(market, &order, &id);
        let (placing, known) = Placing::begin(self, &order.symbol, &id)?;
        let placed = self.place_marked(&order, scope, &search, known, before).await;
        match &placed {
            Ok(_) => placing.placed(),
            // Left marked: who tries again is made to look first.
            Err(error) if error.is_order_unknown() => drop(placing),
            // The id is taken, by this order or by another.
            Err(error) if known == Known::Placed || error.class == ErrorClass::DuplicateOrderId => {
                placing.placed()
            }
            Err(_) => placing.not_placed(),
        }
        placed
    }

    async fn place_marked(
        &self,
        order: &OrderRequest,
        scope: Scope,
        search: &Search,
        known: Known,
        before: Before,
    ) -> Result<Order, Error> {
        let id = search.named.client_order_id.as_deref().unwrap_or_default();
        let request = Request { call: Call::CreateOrder(order.clone()), scope };
        let (mut sends, mut loose) = (0, None);
        let sent_earlier = known != Known::New || before == Before::Look;
        match (known, before) {
            (Known::Placed, _) => return self.placed_before(search, order, id).await,
            (Known::Loose { expires }, _) => loose = Some(Loose::of_another_try(expires)),
            (Known::New, Before::Look) => {
                loose = Some(Loose::of_another_try(self.exchange_now().saturating_add(self.accepted_for())));
            }
            (Known::New, Before::Send) => {}
        }
        loop {
            if let Some(lost) = loose.take() {
                tracing::warn!(
                    exchange = self.0.adapter.key(), symbol = %order.symbol, client_order_id = id,
                    error = %lost.error, "an order's outcome is unknown; looking for it"
                );
                let may_send = sends <= self.0.order_policy.resends;
                match (self.search(search, &lost).await, lost.last) {
                    (Found::Order(found), _) => return same_order(*found, order, id),
                    (Found::Nothing, Last::Refused) => return Err(lost.error),
                    (Found::Nothing, Last::Unclear) if may_send => {}
                    (Found::Nothing | Found::Undecided, _) => {
                        return Err(lost.error.with_unresolved(search.named.clone()));
                    }
                }
            }
            sends += 1;
            match self.change_once(&request).await {
                Ok(Reply::Order(placed)) => return Ok(with_client_id(*placed, id)),
                Ok(_) => {
                    return Err(
                        Error::bad_response("the reply holds no order").with_unresolved(search.named.clone())
                    );
                }
                Err(failure) => match self.may_be_there(failure, sent_earlier || sends > 1) {
                    Ok(lost) => loose = Some(lost),
                    Err(error) => return Err(error),
                },
            }
        }
    }

    /// Returns what is to be looked into after a failure; `Err` when the order is surely not there.
    fn may_be_there(&self, failure: Failure, sent_earlier: bool) -> Result<Loose, Error> {
        let Failure { error, fate, expires } = failure;
        if fate == Fate::Unknown {
            return Ok(Loose { error, expires, last: Last::Unclear });
        }
        // A taken id means that it is there, maybe from before; after a resend any refusal may be the first one's
        // doing, such as that the money is gone.
        if self.0.adapter.is_duplicate_order(&error) {
            return Ok(Loose { error, expires: self.exchange_now(), last: Last::Duplicate });
        }
        if sent_earlier {
            return Ok(Loose { error, expires: self.exchange_now(), last: Last::Refused });
        }
        Err(error)
    }

    /// An order that this process has placed is never sent again, whatever the exchange says about it.
    async fn placed_before(&self, search: &Search, order: &OrderRequest, id: &str) -> Result<Order, Error> {
        same_order(self.look(search).await?, order, id)
    }

    /// Returns the order's client id, which has to be there and to fit the exchange's grammar.
    fn client_id(&self, order: &OrderRequest) -> Result<String, Error> {
        let Some(id) = &order.client_order_id else {
            return Err(Error::arguments_required(
                "an order needs a client order id that the caller has stored; see client_order_id",
            ));
        };
        self.0.adapter.check_client_order_id(id)?;
        Ok(id.clone())
    }

    /// Changes an order. Sent once; whether a change whose outcome got lost happened is not guessed.
    pub(super) async fn edit(
        &self,
        order: &OrderRef,
        change: &OrderRequest,
        scope: Scope,
    ) -> Result<Order, Error> {
        let markets = self.markets_with(&change.symbol).await?;
        let market = markets.get(&change.symbol)?;
        let change = prepare_order(market, change)?;
        if change.client_order_id.is_some() {
            self.client_id(&change)?;
        }
        let new_id = change.client_order_id.clone().filter(|_| self.0.adapter.edit_replaces(market));
        let symbol = change.symbol.clone();
        let request = Request { call: Call::EditOrder { order: order.clone(), change }, scope };
        let Some(id) = new_id else { return self.edit_once(&request, order.clone()).await };
        // An order of this id is on its way from now on: who places it by itself is made to look for it first. The
        // edit may be sent whatever is known of the id: the order it replaces can be taken back once only.
        let (placing, known) = Placing::begin(self, &symbol, &id)?;
        let named = OrderRef { id: None, client_order_id: Some(id), symbol: Some(symbol) };
        let edited = self.edit_once(&request, named).await;
        match &edited {
            Ok(_) => placing.placed(),
            Err(error) if error.is_order_unknown() && known != Known::Placed => drop(placing),
            Err(error) if self.0.adapter.is_duplicate_order(error) => placing.placed(),
            Err(_) => placing.back_to(known),
        }
        edited
    }

    /// Sends a change; `named` is the order to look for when its outcome gets lost.
    async fn edit_once(&self, request: &Request, named: OrderRef) -> Result<Order, Error> {
        match self.change_once(request).await {
            Ok(Reply::Order(changed)) => Ok(*changed),
            Ok(_) => Err(Error::bad_response("the reply holds no order").with_unresolved(named)),
            Err(failure) if failure.fate == Fate::Unknown => Err(failure.error.with_unresolved(named)),
            Err(failure) => Err(failure.error),
        }
    }
}

/// Returns the order that was found if it is the one that was meant.
fn same_order(found: Order, asked: &OrderRequest, id: &str) -> Result<Order, Error> {
    // What is to be spent, and what only reduces, the exchange turns into an amount of its own.
    let fixed = !asked.reduce_only && (asked.kind == OrderType::Limit || asked.price.is_none());
    let differs = found.side.is_some_and(|side| side != asked.side)
        || found.symbol.as_ref().is_some_and(|symbol| *symbol != asked.symbol)
        || matches!((found.amount, asked.amount), (Some(found), Some(asked)) if fixed && found != asked);
    if differs {
        let text = format!("client order id {id} belongs to another order of {}", asked.symbol);
        return Err(Error::new(ErrorClass::DuplicateOrderId, text));
    }
    Ok(with_client_id(found, id))
}

/// Some exchanges name the order that they took in by their own id alone.
fn with_client_id(mut order: Order, id: &str) -> Order {
    order.client_order_id.get_or_insert_with(|| id.to_owned());
    order
}
