//! Orders that wait for a price: stop and take-profit orders of spot, algo orders of USD-M.

use rust_decimal::Decimal;
use serde_json::json;

use super::Engine;
use crate::market::Venue;
use crate::order::{AlgoOrder, AlgoStatus, NewOrder, Status, WorkingType};
use crate::refusal::{Outcome, Refusal};

impl Engine {
    /// Accepts a conditional order of USD-M. Margin is asked for when its price comes, not now.
    pub(crate) fn place_algo(&mut self, asked: NewOrder) -> Outcome<u64> {
        let key = (asked.market, asked.client_id.clone());
        let known = self.algo_by_client_id.get(&key).and_then(|id| self.algos.get(id));
        if known.is_some_and(|algo| algo.status == AlgoStatus::New) {
            return Err(Refusal::duplicate(Venue::UsdM));
        }
        self.check_trading(asked.market)?;
        self.check_position_side(&asked)?;
        self.check_form(&asked)?;
        if self.open_algos[asked.market].len() >= self.markets[asked.market].filters.max_algo_orders {
            return Err(Refusal::new(-4045, "Reach max stop order limit."));
        }
        let price = self.trigger_reference(&asked);
        let mut extreme = None;
        if asked.is_set_off(price, &mut extreme) {
            return Err(Refusal::would_trigger(Venue::UsdM));
        }
        let hidden_until = self.now.saturating_add(self.hiding[asked.market].algos);
        let id = self.next_id();
        self.open_algos[asked.market].insert(id);
        self.forget_band(asked.market);
        self.audit.accepted(Venue::UsdM, &asked.client_id);
        self.algo_by_client_id.insert(key, id);
        let symbol = self.markets[asked.market].id.clone();
        let details = json!({"symbol": symbol, "algo_id": id, "client_id": asked.client_id});
        self.events.log(self.now, "algo_accepted", details);
        let algo = AlgoOrder {
            id,
            asked,
            status: AlgoStatus::New,
            created: self.now,
            updated: self.now,
            triggered: 0,
            order_id: None,
            extreme,
            hidden_until,
        };
        self.algos.insert(id, algo);
        self.forget();
        self.tell_algo(id);
        Ok(id)
    }

    /// Returns the price that an order waits on.
    pub(super) fn trigger_reference(&self, asked: &NewOrder) -> Decimal {
        let market = &self.markets[asked.market];
        match asked.working_type {
            WorkingType::Contract => market.last_price(self.now),
            WorkingType::Mark => market.mark_price(self.now),
        }
    }

    /// Sets off waiting spot orders.
    pub(super) fn set_off_orders(&mut self, market: usize, price: Decimal) {
        let waiting: Vec<u64> =
            self.open_orders(market).filter(|order| !order.is_working).map(|order| order.id).collect();
        for id in waiting {
            let Some(order) = self.orders.get_mut(&id) else { continue };
            if order.asked.is_set_off(price, &mut order.extreme) {
                self.events.log(self.now, "triggered", json!({"order_id": id}));
                self.set_off(id);
                self.check();
            }
        }
    }

    /// A market order can cost more than it held back; then it ends unfilled.
    fn set_off(&mut self, id: u64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.is_working = true;
        let order = order.clone();
        self.adjust_lock(id);
        if !order.asked.kind.is_limit && self.check_funds(&order).is_err() {
            self.end(id, Status::Expired);
            return;
        }
        self.work(id);
    }

    /// Sets off waiting algo orders: each becomes an order, or is rejected with that order.
    pub(super) fn set_off_algos(&mut self, market: usize, price: Decimal) {
        let waiting: Vec<u64> = self.open_algos[market].iter().copied().collect();
        let mark = self.markets[market].mark_price(self.now);
        for id in waiting {
            let Some(algo) = self.algos.get_mut(&id) else { continue };
            let seen = if algo.asked.working_type == WorkingType::Mark { mark } else { price };
            if !algo.asked.is_set_off(seen, &mut algo.extreme) {
                continue;
            }
            algo.triggered = self.now;
            let asked = NewOrder {
                kind: algo.asked.kind.once_triggered(),
                trigger_price: Decimal::ZERO,
                ..algo.asked.clone()
            };
            self.events.log(self.now, "triggered", json!({"algo_id": id}));
            self.set_algo_status(id, AlgoStatus::Triggered);
            if self.place_for_algo(asked, id).is_err() {
                self.set_algo_status(id, AlgoStatus::Rejected);
            }
            self.check();
        }
    }

    /// Finishes the algo order that an order came from, once that is done.
    pub(super) fn finish_algo_of(&mut self, order_id: u64) {
        let Some(algo_id) = self.orders.get(&order_id).and_then(|order| order.algo_id) else { return };
        if self.algos.get(&algo_id).is_some_and(|algo| algo.status == AlgoStatus::Triggered) {
            self.set_algo_status(algo_id, AlgoStatus::Finished);
        }
    }

    pub(super) fn set_algo_status(&mut self, id: u64, status: AlgoStatus) {
        let Some(algo) = self.algos.get_mut(&id) else { return };
        algo.status = status;
        algo.updated = self.now;
        if status != AlgoStatus::New {
            self.open_algos[algo.asked.market].remove(&id);
        }
        self.events.log(self.now, "algo", json!({"algo_id": id, "status": status.name()}));
        self.tell_algo(id);
    }
}
