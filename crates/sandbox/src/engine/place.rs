//! Accepting orders: every check in the exchange's order, then the book.

use rust_decimal::Decimal;
use serde_json::json;

use super::Engine;
use crate::market::Venue;
use crate::number;
use crate::order::{NewOrder, Order, PositionSide, Side, Status, TimeInForce};
use crate::refusal::{Outcome, Refusal};

impl Engine {
    /// Accepts an order and executes what can be executed at once. Returns its number.
    pub(crate) fn place(&mut self, asked: NewOrder) -> Outcome<u64> {
        let order = self.check_new(asked, None)?;
        Ok(self.accept(order))
    }

    /// Checks an order without placing it.
    pub(crate) fn test(&self, asked: NewOrder) -> Outcome<()> {
        self.check_new(asked, None).map(drop)
    }

    /// Places what an algo order became.
    pub(super) fn place_for_algo(&mut self, mut asked: NewOrder, algo_id: u64) -> Outcome<u64> {
        if asked.closes_position {
            asked.quantity = self.account.position(asked.market, asked.position_side).amount.abs();
        }
        let order = self.check_new(asked, Some(algo_id))?;
        let id = self.accept(order);
        if let Some(algo) = self.algos.get_mut(&algo_id) {
            algo.order_id = Some(id);
        }
        self.tell_algo(algo_id);
        Ok(id)
    }

    fn check_new(&self, asked: NewOrder, algo_id: Option<u64>) -> Outcome<Order> {
        let market = &self.markets[asked.market];
        let venue = market.venue;
        self.check_trading(asked.market)?;
        let of_client = self.find_order(asked.market, None, Some(&asked.client_id));
        if of_client.is_some_and(|order| order.status.is_open()) {
            return Err(Refusal::duplicate(venue));
        }
        self.check_position_side(&asked)?;
        self.check_form(&asked)?;
        self.check_count(&asked)?;
        let order = self.draft(asked, algo_id);
        if self.closable(&order).is_some_and(|closable| closable.is_zero()) {
            return Err(Refusal::reduce_only());
        }
        self.check_book(&order)?;
        self.check_funds(&order)?;
        Ok(order)
    }

    /// Changes price and quantity of an open limit order, as if it were canceled and placed anew under its number.
    pub(crate) fn modify(&mut self, id: u64, price: Decimal, quantity: Decimal) -> Outcome<()> {
        let known = self.orders.get(&id).filter(|order| order.status.is_open() && order.asked.kind.is_limit);
        let known = known.cloned().ok_or_else(Refusal::unknown_order)?;
        if known.asked.price == price && known.quantity == quantity {
            return Err(Refusal::new(-5027, "No need to modify the order."));
        }
        let asked = NewOrder { price, quantity, ..known.asked.clone() };
        self.check_form(&asked)?;
        if quantity <= known.executed {
            self.end(id, Status::Canceled);
            return Ok(());
        }
        let changed = Order { quantity, updated: self.now, asked, ..known.clone() };
        self.check_book(&changed)?;
        self.open[changed.asked.market].remove(&id);
        let funds = self.check_funds(&changed);
        self.open[changed.asked.market].insert(id);
        funds?;
        self.forget_band(changed.asked.market);
        self.orders.insert(id, changed);
        self.tell_order(id, "AMENDMENT", None);
        self.work(id);
        self.check();
        Ok(())
    }

    fn draft(&self, asked: NewOrder, algo_id: Option<u64>) -> Order {
        Order {
            id: 0,
            quantity: asked.quantity,
            executed: Decimal::ZERO,
            cost: Decimal::ZERO,
            status: Status::New,
            created: self.now,
            updated: self.now,
            is_working: asked.kind.trigger.is_none(),
            locked: Decimal::ZERO,
            algo_id,
            extreme: None,
            hidden_until: self.now.saturating_add(self.hiding[asked.market].orders),
            asked,
        }
    }

    fn accept(&mut self, mut order: Order) -> u64 {
        let id = self.next_id();
        order.id = id;
        let (market, client_id) = (order.asked.market, order.asked.client_id.clone());
        let (venue, symbol) = (self.markets[market].venue, self.markets[market].id.clone());
        let is_working = order.is_working;
        self.audit.accepted(venue, &client_id);
        self.by_client_id.insert((market, client_id.clone()), id);
        self.open[market].insert(id);
        self.forget_band(market);
        self.orders.insert(id, order);
        self.forget();
        self.adjust_lock(id);
        let details = json!({"venue": venue, "symbol": symbol, "order_id": id, "client_id": client_id});
        self.events.log(self.now, "accepted", details);
        self.tell_order(id, "NEW", None);
        if is_working {
            self.work(id);
        }
        self.check();
        id
    }

    pub(super) fn check_trading(&self, market: usize) -> Outcome<()> {
        let market = &self.markets[market];
        match (market.is_halted, market.venue) {
            (false, _) => Ok(()),
            (true, Venue::Spot) => Err(Refusal::new(-1013, "Market is closed.")),
            (true, Venue::UsdM) => Err(Refusal::new(-4140, "Invalid symbol status for opening position.")),
        }
    }

    pub(super) fn check_position_side(&self, asked: &NewOrder) -> Outcome<()> {
        let is_two_sided = asked.position_side != PositionSide::Both;
        if self.markets[asked.market].venue == Venue::UsdM && is_two_sided != self.account.is_hedged {
            return Err(Refusal::new(-4061, "Order's position side does not match user's setting."));
        }
        if is_two_sided && asked.is_reduce_only {
            return Err(Refusal::new(-1106, "Parameter 'reduceonly' sent when not required."));
        }
        Ok(())
    }

    /// Checks prices, quantity and value against the market's filters.
    pub(super) fn check_form(&self, asked: &NewOrder) -> Outcome<()> {
        let market = &self.markets[asked.market];
        let (venue, filters) = (market.venue, &market.filters);
        let reference =
            if venue == Venue::Spot { market.last_price(self.now) } else { market.mark_price(self.now) };
        if asked.kind.is_limit {
            filters.check_price(venue, "price", asked.price, reference)?;
        }
        if !asked.trigger_price.is_zero() {
            filters.check_price(venue, "stopPrice", asked.trigger_price, Decimal::ZERO)?;
        }
        if let Some(quote) = asked.quote_quantity {
            return filters.check_notional(venue, quote, false);
        }
        if asked.closes_position && asked.quantity.is_zero() {
            return Ok(());
        }
        filters.check_quantity(venue, asked.quantity, !asked.kind.is_limit)?;
        let price = if asked.kind.is_limit { asked.price } else { reference };
        let is_reducing = asked.is_reduce_only || asked.closes_position || self.account.is_hedged;
        filters.check_notional(venue, price * asked.quantity, is_reducing && venue == Venue::UsdM)
    }

    fn check_count(&self, asked: &NewOrder) -> Outcome<()> {
        let market = &self.markets[asked.market];
        let waiting = self.open_orders(asked.market).filter(|order| !order.is_working).count();
        if self.open[asked.market].len() >= market.filters.max_orders {
            return Err(match market.venue {
                Venue::Spot => Refusal::filter("MAX_NUM_ORDERS"),
                Venue::UsdM => Refusal::new(-2025, "Reach max open order limit."),
            });
        }
        if asked.kind.trigger.is_some() && waiting >= market.filters.max_algo_orders {
            return Err(Refusal::filter("MAX_NUM_ALGO_ORDERS"));
        }
        Ok(())
    }

    /// Checks what the book would do to an order: take where it must not, or set it off at once.
    fn check_book(&self, order: &Order) -> Outcome<()> {
        let venue = self.markets[order.asked.market].venue;
        if order.asked.kind.trigger.is_some() {
            let price = self.trigger_reference(&order.asked);
            let is_set_off = order.asked.is_set_off(price, &mut order.extreme.clone());
            return if is_set_off { Err(Refusal::would_trigger(venue)) } else { Ok(()) };
        }
        let is_post_only = order.asked.kind.is_maker_only || order.asked.time_in_force == TimeInForce::Gtx;
        if is_post_only && !self.takes(order, Some(order.asked.price)).is_empty() {
            return Err(Refusal::would_take(venue));
        }
        if order.asked.quote_quantity.is_some() && self.takes(order, None).is_empty() {
            return Err(Refusal::filter("LOT_SIZE"));
        }
        Ok(())
    }

    pub(super) fn check_funds(&self, order: &Order) -> Outcome<()> {
        let market = &self.markets[order.asked.market];
        if market.venue == Venue::UsdM {
            return self.check_margin(order);
        }
        let waits_or_rests = order.asked.kind.is_limit || !order.is_working;
        let (asset, needed) = match order.asked.side {
            Side::Buy if waits_or_rests => (market.quote(), order.needed_lock()),
            Side::Buy => {
                let takes = self.takes(order, None);
                (market.quote(), takes.iter().map(|&(price, quantity)| number::cost(price, quantity)).sum())
            }
            Side::Sell if order.asked.quote_quantity.is_some() => {
                (market.base(), self.takes(order, None).iter().map(|(_, quantity)| *quantity).sum())
            }
            Side::Sell => (market.base(), order.remaining()),
        };
        if self.account.balance(Venue::Spot, asset).free < needed {
            return Err(Refusal::insufficient(Venue::Spot));
        }
        Ok(())
    }
}
