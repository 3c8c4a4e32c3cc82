//! Looking for an order until it is found, or surely is not there.

use std::time::Duration;

use tradai_domain::Millis;

use crate::client::Client;
use crate::model::{Market, Order};
use crate::{Call, Error, ErrorClass, OrderRef, OrderRequest, Reply, Request};

/// Exchanges take requests that are up to a second ahead of their clock: a look that was answered proves their time
/// up to that second.
const CLOCK_MARGIN_MS: Millis = 1_000;
/// The pause before the first look, and what it doubles from.
const FIRST_LOOK: Duration = Duration::from_millis(200);

/// An order that is looked for.
pub(super) struct Search {
    /// In each of its books; none when it cannot be looked up.
    looks: Vec<Request>,
    pub(super) named: OrderRef,
    window: Duration,
}

/// What looking came to.
pub(super) enum Found {
    Order(Box<Order>),
    /// The exchange denies knowing it, and can no longer get it.
    Nothing,
    Undecided,
}

/// A request that may have placed the order.
pub(super) struct Loose {
    pub(super) error: Error,
    pub(super) expires: Millis,
    pub(super) last: Last,
}

/// What the exchange said to the last request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    /// Nothing that tells what happened.
    Unclear,
    /// A clear no; what is open is whether an earlier one got through.
    Refused,
    /// That the client id is taken: the order is there, seen or unseen.
    Duplicate,
}

impl Client {
    /// Looks for an order until it is found, or surely is not there.
    pub(super) async fn search(&self, search: &Search, lost: &Loose) -> Found {
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
            let asked = self.0.clock.now_ms();
            let answer = self.look(search).await;
            let waited = elapsed(started, asked);
            match answer {
                Ok(order) => return Found::Order(Box::new(order)),
                Err(error) if error.class == ErrorClass::OrderNotFound => denials += 1,
                // No answer is no denial, and breaks a row of them.
                Err(_) => denials = 0,
            }
            // What counts is when the question was asked: its answer may have been under way for long.
            let passed = self.0.gate.server_time(|time| time.passed(asked)).unwrap_or(Millis::MIN);
            let too_late = passed > lost.expires.saturating_add(CLOCK_MARGIN_MS);
            if denials >= policy.denials.max(1) && too_late && waited >= window {
                return Found::Nothing;
            }
            if waited >= policy.give_up_after.max(window) {
                return Found::Undecided;
            }
        }
    }

    pub(super) fn search_for(&self, market: &Market, order: &OrderRequest, id: &str) -> Search {
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
    pub(super) async fn look(&self, search: &Search) -> Result<Order, Error> {
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
}

impl Loose {
    pub(super) fn of_another_try(expires: Millis) -> Self {
        let error = Error::new(ErrorClass::RequestTimeout, "an order of this id may have been sent before");
        Self { error, expires, last: Last::Unclear }
    }
}

pub(super) fn look_pause(looks: u32, longest: Duration) -> Duration {
    FIRST_LOOK.saturating_mul(1 << looks.min(16)).min(longest)
}

pub(super) fn elapsed(since: Millis, now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(now.saturating_sub(since)).unwrap_or(0))
}
