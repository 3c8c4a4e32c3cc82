//! Taking an order back.

use super::search::{elapsed, look_pause};
use crate::client::Client;
use crate::client::round::Fate;
use crate::model::{Order, OrderStatus};
use crate::{Call, Error, ErrorClass, OrderRef, Reply, Request, Scope};

/// How often a cancellation is sent when the order turns out to be open still.
const CANCEL_ATTEMPTS: u32 = 3;

impl Client {
    /// Cancels an order. When the outcome got lost, the order is looked at, and only if it is open still is the
    /// cancellation sent again: it names one order, so that a second one can do no harm.
    pub(in crate::client) async fn cancel(&self, order: &OrderRef, scope: Scope) -> Result<Order, Error> {
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

/// Returns whether nothing more can happen to an order.
fn is_done(order: &Order) -> bool {
    use OrderStatus::{Canceled, Closed, Expired, Rejected};
    matches!(order.status, Some(Canceled | Closed | Expired | Rejected))
}
