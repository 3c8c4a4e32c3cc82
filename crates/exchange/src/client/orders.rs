//! Placing, changing and canceling orders so that none is ever placed twice.
//!
//! An order whose outcome got lost is looked for by its client id, again and again. Only when the exchange has denied
//! knowing it several times in a row, the last time after the lost request had become too old to be taken in, is the
//! same order sent once more, under the same id. What cannot be decided ends in an error that says so
//! ([`Error::is_order_unknown`]).
//!
//! Client ids alone do not protect: Binance and OKX take an id again once the order that had it is done. What does is
//! that a signed request carries its time, and is refused when it arrives later than the exchange allows.

use std::time::Duration;

use tradai_domain::Millis;

use super::Client;
use super::order_ids::{Known, Placing};
use super::round::{Failure, Fate};
use crate::model::{Market, Order, OrderStatus, OrderType};
use crate::{Call, Error, ErrorClass, OrderRef, OrderRequest, Reply, Request, Scope, prepare_order};

/// What to do before an order is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing, if this process knows nothing of its id.
    Send,
    /// Look for it: an earlier process may have sent it.
    Look,
}

/// How long after a lost request's last moment the exchange is still asked: clocks drift between measurements.
const CLOCK_MARGIN_MS: Millis = 1_000;
/// The pause before the first look, and what it doubles from.
const FIRST_LOOK: Duration = Duration::from_millis(200);
/// How often a cancellation is sent when the order turns out to be open still.
const CANCEL_ATTEMPTS: u32 = 3;

/// An order that is looked for.
struct Search {
    /// In each of its books; none when it cannot be looked up.
    looks: Vec<Request>,
    named: OrderRef,
    window: Duration,
}

/// What looking came to.
enum Found {
    Order(Box<Order>),
    /// The exchange denies knowing it, and can no longer get it.
    Nothing,
    Undecided,
}

/// A request that may have placed the order.
struct Loose {
    error: Error,
    expires: Millis,
    last: Last,
}

/// What the exchange said to the last request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// Nothing that tells what happened.
    Unclear,
    /// A clear no; what is open is whether an earlier one got through.
    Refused,
    /// That the client id is taken: the order is there, seen or unseen.
    Duplicate,
}

impl Client {
    /// Places an order.
    pub(super) async fn place(
        &self,
        order: &OrderRequest,
        scope: Scope,
        before: Before,
    ) -> Result<Order, Error> {
        let markets = self.load_markets(false).await?;
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

    /// Looks for an order until it is found, or surely is not there.
    async fn search(&self, search: &Search, lost: &Loose) -> Found {
        let policy = self.0.order_policy;
        // An order whose id is taken is there: however often that is denied, it is looked for to the end.
        let window = if lost.last == Last::Duplicate { policy.give_up_after } else { search.window };
        if search.looks.is_empty() {
            return Found::Undecided;
        }
        let started = self.0.clock.now_ms();
        let (mut looks, mut denials) = (0, 0);
        loop {
            self.0.timer.sleep(look_pause(looks, policy.longest_pause)).await;
            looks += 1;
            let answer = self.look(search).await;
            let now = self.0.clock.now_ms();
            let waited = elapsed(started, now);
            match answer {
                Ok(order) => return Found::Order(Box::new(order)),
                Err(error) if error.class == ErrorClass::OrderNotFound => denials += 1,
                // No answer is no denial, and breaks a row of them.
                Err(_) => denials = 0,
            }
            let passed = self.0.gate.server_time(|time| time.passed(now)).unwrap_or(Millis::MIN);
            let too_late = passed > lost.expires.saturating_add(CLOCK_MARGIN_MS);
            if denials >= policy.denials.max(1) && too_late && waited >= window {
                return Found::Nothing;
            }
            if waited >= policy.give_up_after.max(window) {
                return Found::Undecided;
            }
        }
    }

    fn search_for(&self, market: &Market, order: &OrderRequest, id: &str) -> Search {
        let symbol = Some(order.symbol.clone());
        let named = OrderRef { id: None, client_order_id: Some(id.to_owned()), symbol };
        let policy = self.0.order_policy;
        let look = |scope| Request { call: Call::FetchOrder(named.clone()), scope };
        Search {
            looks: self.0.adapter.books_of(market, order).into_iter().map(look).collect(),
            named: named.clone(),
            window: if order.is_conditional() { policy.conditional_window } else { policy.not_found_window },
        }
    }

    /// Looks into an order's books. `OrderNotFound` when each of them denies it.
    async fn look(&self, search: &Search) -> Result<Order, Error> {
        let mut denied = Error::not_supported("an order of this kind cannot be looked up");
        for look in &search.looks {
            match self.read(look).await {
                Ok(Reply::Order(order)) => return Ok(*order),
                Ok(_) => return Err(Error::bad_response("the reply holds no order")),
                Err(error) if error.class == ErrorClass::OrderNotFound => denied = error,
                Err(error) => return Err(error),
            }
        }
        Err(denied)
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

    /// Places several orders at once. A lost outcome is looked into order by order; nothing is sent again.
    pub(super) async fn place_several(
        &self,
        orders: &[OrderRequest],
        scope: Scope,
    ) -> Result<Vec<Order>, Error> {
        let markets = self.load_markets(false).await?;
        let (mut prepared, mut searches) = (Vec::new(), Vec::new());
        for order in orders {
            let market = markets.get(&order.symbol)?;
            let order = prepare_order(market, order)?;
            searches.push(self.search_for(market, &order, &self.client_id(&order)?));
            prepared.push(order);
        }
        let marks = self.mark_several(&searches)?;
        let request = Request { call: Call::CreateOrders(prepared.clone()), scope };
        match self.change_once(&request).await {
            Ok(Reply::Orders(placed)) => {
                // Which of them were refused, replies do not always say: those are looked for when they come again.
                let is_there = |mark: &Placing| placed.iter().any(|order| mark.is_of(order));
                marks.into_iter().filter(is_there).for_each(Placing::placed);
                Ok(placed)
            }
            Ok(_) => Err(Error::bad_response("the reply holds no orders")),
            Err(failure) if failure.fate == Fate::Unknown => {
                let found = self.find_several(&prepared, &searches, failure).await?;
                marks.into_iter().for_each(Placing::placed);
                Ok(found)
            }
            Err(failure) => {
                marks.into_iter().for_each(Placing::not_placed);
                Err(failure.error)
            }
        }
    }

    /// Marks orders as being placed, all of them or none.
    fn mark_several(&self, searches: &[Search]) -> Result<Vec<Placing>, Error> {
        let mut marks = Vec::with_capacity(searches.len());
        for OrderRef { client_order_id, symbol, .. } in searches.iter().map(|search| &search.named) {
            let (Some(id), Some(symbol)) = (client_order_id, symbol) else { continue };
            let refused = match Placing::begin(self, symbol, id) {
                Ok((mark, Known::New)) => {
                    marks.push(mark);
                    continue;
                }
                Ok((mark, known)) => {
                    mark.back_to(known);
                    let text = format!("order {id} of {symbol} was sent before; place it alone");
                    Error::new(ErrorClass::DuplicateOrderId, text)
                }
                Err(error) => error,
            };
            marks.into_iter().for_each(Placing::not_placed);
            return Err(refused);
        }
        Ok(marks)
    }

    async fn find_several(
        &self,
        orders: &[OrderRequest],
        searches: &[Search],
        failure: Failure,
    ) -> Result<Vec<Order>, Error> {
        let lost = Loose { error: failure.error, expires: failure.expires, last: Last::Unclear };
        let mut found = Vec::with_capacity(orders.len());
        for (order, search) in orders.iter().zip(searches) {
            let id = search.named.client_order_id.as_deref().unwrap_or_default();
            match self.search(search, &lost).await {
                Found::Order(one) => found.push(same_order(*one, order, id)?),
                Found::Nothing | Found::Undecided => {
                    return Err(lost.error.with_unresolved(search.named.clone()));
                }
            }
        }
        Ok(found)
    }

    /// Changes an order. Sent once; whether a change whose outcome got lost happened is not guessed.
    pub(super) async fn edit(
        &self,
        order: &OrderRef,
        change: &OrderRequest,
        scope: Scope,
    ) -> Result<Order, Error> {
        let markets = self.load_markets(false).await?;
        let change = prepare_order(markets.get(&change.symbol)?, change)?;
        if change.client_order_id.is_some() {
            self.client_id(&change)?;
        }
        let request = Request { call: Call::EditOrder { order: order.clone(), change }, scope };
        match self.change_once(&request).await {
            Ok(Reply::Order(changed)) => Ok(*changed),
            Ok(_) => Err(Error::bad_response("the reply holds no order").with_unresolved(order.clone())),
            Err(failure) if failure.fate == Fate::Unknown => {
                Err(failure.error.with_unresolved(order.clone()))
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Cancels an order. When the outcome got lost, the order is looked at, and only if it is open still is the
    /// cancellation sent again: it names one order, so that a second one can do no harm.
    pub(super) async fn cancel(&self, order: &OrderRef, scope: Scope) -> Result<Order, Error> {
        let request = Request { call: Call::CancelOrder(order.clone()), scope };
        let look = Request { call: Call::FetchOrder(order.clone()), scope };
        let mut attempt = 0;
        loop {
            attempt += 1;
            let failure = match self.change_once(&request).await {
                Ok(Reply::Order(canceled)) => return Ok(*canceled),
                Ok(_) => {
                    return Err(
                        Error::bad_response("the reply holds no order").with_unresolved(order.clone())
                    );
                }
                Err(failure) => failure,
            };
            // After a lost cancellation "there is no such order" may be its doing.
            let gone = attempt > 1 && failure.error.class == ErrorClass::OrderNotFound;
            if failure.fate == Fate::Undone && !gone {
                return Err(if attempt > 1 {
                    failure.error.with_unresolved(order.clone())
                } else {
                    failure.error
                });
            }
            match self.look_after_cancel(&look).await {
                Some(found) if is_done(&found) => return Ok(found),
                Some(_) if attempt < CANCEL_ATTEMPTS => {}
                _ => return Err(failure.error.with_unresolved(order.clone())),
            }
        }
    }

    /// Looks at an order until it is done or has stayed open for a while; `None` when it cannot be seen.
    async fn look_after_cancel(&self, look: &Request) -> Option<Order> {
        let policy = self.0.order_policy;
        let (started, mut looks, mut seen) = (self.0.clock.now_ms(), 0, None);
        loop {
            self.0.timer.sleep(look_pause(looks, policy.longest_pause)).await;
            looks += 1;
            if let Ok(Reply::Order(order)) = self.read(look).await {
                if is_done(&order) || looks >= policy.denials {
                    return Some(*order);
                }
                seen = Some(*order);
            }
            if elapsed(started, self.0.clock.now_ms()) >= policy.give_up_after {
                return seen;
            }
        }
    }
}

impl Loose {
    fn of_another_try(expires: Millis) -> Self {
        let error = Error::new(ErrorClass::RequestTimeout, "an order of this id may have been sent before");
        Self { error, expires, last: Last::Unclear }
    }
}

/// Returns whether nothing more can happen to an order.
fn is_done(order: &Order) -> bool {
    use OrderStatus::{Canceled, Closed, Expired, Rejected};
    matches!(order.status, Some(Canceled | Closed | Expired | Rejected))
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

fn look_pause(looks: u32, longest: Duration) -> Duration {
    FIRST_LOOK.saturating_mul(1 << looks.min(16)).min(longest)
}

fn elapsed(since: Millis, now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(since)).unwrap_or(0))
}
