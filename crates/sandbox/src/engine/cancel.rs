//! Orders that end before they are filled.

use rust_decimal::Decimal;
use serde_json::json;

use super::Engine;
use crate::order::{AlgoStatus, Order, Status};
use crate::refusal::{Outcome, Refusal};

impl Engine {
    /// Ends an open order, gives back what it held, and tells.
    pub(super) fn end(&mut self, id: u64, status: Status) {
        let Some(order) = self.orders.get_mut(&id).filter(|order| order.status.is_open()) else { return };
        order.status = status;
        order.updated = self.now;
        self.open[order.asked.market].remove(&id);
        self.adjust_lock(id);
        self.events.log(self.now, "order_ended", json!({"order_id": id, "status": status.name()}));
        self.tell_order(id, if status == Status::Canceled { "CANCELED" } else { "EXPIRED" }, None);
        self.finish_algo_of(id);
        self.check();
    }

    /// Executes a share of what is left of an open limit order at its price, as if the market had been faster than
    /// who is about to cancel it (a fault).
    pub(crate) fn fill_before_cancel(
        &mut self,
        market: usize,
        id: Option<u64>,
        client_id: Option<&str>,
        share: Decimal,
    ) {
        let Some(order) = self.seen_order(market, id, client_id) else { return };
        if !order.is_working || !order.asked.kind.is_limit {
            return;
        }
        let step = self.markets[market].filters.step;
        let quantity = (order.remaining() * share / step).trunc() * step;
        let (id, price) = (order.id, order.asked.price);
        self.fill(id, price, quantity, true);
        self.check();
    }

    /// Ends all that is open on a market that is no more.
    pub(crate) fn end_market(&mut self, market: usize) {
        let orders: Vec<u64> = self.open[market].iter().copied().collect();
        orders.into_iter().for_each(|id| self.end(id, Status::Expired));
        self.cancel_all_algos(market);
    }

    /// Cancels an open order.
    pub(crate) fn cancel(
        &mut self,
        market: usize,
        id: Option<u64>,
        client_id: Option<&str>,
    ) -> Outcome<Order> {
        let order = self.seen_order(market, id, client_id).filter(|order| order.status.is_open());
        let id = order.ok_or_else(Refusal::unknown_order)?.id;
        self.end(id, Status::Canceled);
        self.orders.get(&id).cloned().ok_or_else(Refusal::unknown_order)
    }

    /// Cancels all open orders of a market, oldest first, and returns them.
    pub(crate) fn cancel_all(&mut self, market: usize) -> Vec<Order> {
        let ids: Vec<u64> = self.open[market].iter().copied().collect();
        for id in &ids {
            self.end(*id, Status::Canceled);
        }
        ids.iter().filter_map(|id| self.orders.get(id).cloned()).collect()
    }

    /// Cancels a waiting algo order.
    pub(crate) fn cancel_algo(&mut self, id: Option<u64>, client_id: Option<&str>) -> Outcome<u64> {
        let waiting = self.find_algo(id, client_id).filter(|algo| algo.status == AlgoStatus::New);
        let id = waiting.ok_or_else(Refusal::unknown_order)?.id;
        self.set_algo_status(id, AlgoStatus::Canceled);
        Ok(id)
    }

    /// Cancels all waiting algo orders of a market.
    pub(crate) fn cancel_all_algos(&mut self, market: usize) {
        let ids: Vec<u64> = self.open_algos[market].iter().copied().collect();
        for id in ids {
            self.set_algo_status(id, AlgoStatus::Canceled);
        }
    }
}
