//! Orders meeting the book, and what each execution does to the account.

use rust_decimal::Decimal;
use serde_json::json;

use super::Engine;
use crate::account::{Cause, Why};
use crate::market::Venue;
use crate::number;
use crate::order::{Fill, Order, PositionSide, Side, Status, TimeInForce};
use crate::tape::Book;

/// What an order would take from the book: prices and quantities, best first.
pub(super) type Takes = Vec<(Decimal, Decimal)>;

impl Engine {
    /// Returns what an order would take: up to a quantity, or as much as an amount of quote currency is worth.
    pub(super) fn takes(&self, order: &Order, limit: Option<Decimal>) -> Takes {
        let Some(book) = self.book(order.asked.market) else { return Takes::new() };
        let is_buy = order.asked.side == Side::Buy;
        let mut left = order.remaining();
        let mut quote_left = order.asked.quote_quantity;
        let mut takes = Takes::new();
        for (price, offered) in book.side(is_buy, crate::tape::LEVELS) {
            let is_beyond = limit.is_some_and(|limit| if is_buy { price > limit } else { price < limit });
            let wanted = match quote_left {
                Some(quote) => (quote / price / book.step).trunc() * book.step,
                None => left,
            };
            let quantity = wanted.min(offered);
            if is_beyond || quantity <= Decimal::ZERO {
                break;
            }
            left -= quantity;
            quote_left = quote_left.map(|quote| quote - price * quantity);
            takes.push((price, quantity));
        }
        takes
    }

    /// Executes an order that starts to work, as its type and time in force say; what may rest stays open.
    pub(super) fn work(&mut self, id: u64) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.is_working = true;
        let market = order.asked.market;
        let (is_limit, time_in_force) = (order.asked.kind.is_limit, order.asked.time_in_force);
        let order = order.clone();
        self.forget_band(market);
        let takes = self.takes(&order, is_limit.then_some(order.asked.price));
        let takable: Decimal = takes.iter().map(|(_, quantity)| *quantity).sum();
        if is_limit && time_in_force == TimeInForce::Fok && takable < order.remaining() {
            self.end(id, Status::Expired);
            return;
        }
        if order.asked.quote_quantity.is_some()
            && let Some(order) = self.orders.get_mut(&id)
        {
            order.quantity = takable;
        }
        for (price, quantity) in takes {
            self.take(order.asked.market, price, quantity);
            self.fill(id, price, quantity, false);
        }
        let may_rest = is_limit && !matches!(time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if !may_rest && self.orders.get(&id).is_some_and(|order| order.status.is_open()) {
            self.end(id, Status::Expired);
        }
    }

    fn take(&mut self, market: usize, price: Decimal, quantity: Decimal) {
        let Some(Book { epoch, .. }) = self.book(market) else { return };
        let taken = &mut self.taken[market];
        if taken.0 != epoch {
            *taken = (epoch, Default::default());
        }
        *taken.1.entry(price).or_default() += quantity;
    }

    /// Executes part of an order. A reduce-only order executes no more than there is to close, and ends there.
    pub(super) fn fill(&mut self, id: u64, price: Decimal, quantity: Decimal, is_maker: bool) {
        let Some(order) = self.orders.get(&id).filter(|order| order.status.is_open()).cloned() else {
            return;
        };
        let closable = self.closable(&order);
        let quantity = closable.map_or(quantity, |closable| quantity.min(closable)).min(order.remaining());
        if quantity > Decimal::ZERO {
            self.book_fill(&order, price, quantity, is_maker);
        }
        if closable.is_some_and(|closable| closable <= quantity)
            && self.orders.get(&id).is_some_and(|order| order.status.is_open())
        {
            self.end(id, Status::Expired);
        }
    }

    /// Returns how much of a position an order that may only reduce can close; `None` for other orders.
    pub(super) fn closable(&self, order: &Order) -> Option<Decimal> {
        let asked = &order.asked;
        if self.markets[asked.market].venue == Venue::Spot {
            return None;
        }
        let held = self.account.position(asked.market, asked.position_side).amount;
        let is_opposite = if asked.side == Side::Buy { held < Decimal::ZERO } else { held > Decimal::ZERO };
        let must_reduce = match asked.position_side {
            PositionSide::Both => asked.is_reduce_only || asked.closes_position,
            PositionSide::Long => asked.side == Side::Sell,
            PositionSide::Short => asked.side == Side::Buy,
        };
        must_reduce.then(|| if is_opposite { held.abs() } else { Decimal::ZERO })
    }

    fn book_fill(&mut self, order: &Order, price: Decimal, quantity: Decimal, is_maker: bool) {
        let asked = &order.asked;
        let market = &self.markets[asked.market];
        let fee_rate = if is_maker { market.maker_fee } else { market.taker_fee };
        let (venue, base, quote) = (market.venue, market.base().to_owned(), market.quote().to_owned());
        let is_buy = asked.side == Side::Buy;
        let cost = number::cost(price, quantity);
        let pays_in_base = venue == Venue::Spot && is_buy;
        let commission = number::cost(if pays_in_base { quantity } else { cost }, fee_rate);
        self.last_trade_id += 1;
        let mut fill = Fill {
            trade_id: self.last_trade_id,
            order_id: order.id,
            market: asked.market,
            at: self.now,
            side: asked.side,
            price,
            quantity,
            commission,
            commission_asset: if pays_in_base { base.clone() } else { quote.clone() },
            is_maker,
            realized: Decimal::ZERO,
            position_side: asked.position_side,
        };
        self.update_order(order.id, quantity, cost);
        let why = |cause| Why { cause, market: Some(asked.market) };
        if venue == Venue::Spot {
            let (paid, got) = if is_buy {
                ((&quote, cost), (&base, quantity))
            } else {
                ((&base, quantity), (&quote, cost))
            };
            self.account.change(self.now, (venue, paid.0), -paid.1, why(Cause::Trade));
            self.account.change(self.now, (venue, got.0), got.1, why(Cause::Trade));
        } else {
            fill.realized = self.trade_position(order, price, quantity);
            self.account.change(self.now, (venue, &quote), fill.realized, why(Cause::RealizedPnl));
        }
        self.account.change(self.now, (venue, &fill.commission_asset), -commission, why(Cause::Fee));
        self.audit.filled(venue, (&base, &quote), &fill);
        self.log_fill(&fill);
        self.tell_order(order.id, "TRADE", Some(&fill));
        if venue == Venue::UsdM {
            self.tell_account("ORDER", Some(asked.market));
        }
        self.fills.push_back(fill);
    }

    fn trade_position(&mut self, order: &Order, price: Decimal, quantity: Decimal) -> Decimal {
        let key = (order.asked.market, order.asked.position_side);
        let settings = self.account.leverage_of(key.0);
        let position = self.account.positions.entry(key).or_default();
        let realized = position.trade(order.asked.side, price, quantity);
        position.updated = self.now;
        position.isolated_wallet = if settings.is_isolated {
            number::cost(position.cost.abs(), Decimal::ONE / Decimal::from(settings.leverage))
        } else {
            Decimal::ZERO
        };
        realized
    }

    fn update_order(&mut self, id: u64, quantity: Decimal, cost: Decimal) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.executed += quantity;
        order.cost += cost;
        order.updated = self.now;
        let is_done = order.executed >= order.quantity;
        order.status = if is_done { Status::Filled } else { Status::PartiallyFilled };
        if is_done {
            self.open[order.asked.market].remove(&id);
        }
        self.adjust_lock(id);
        if is_done {
            self.finish_algo_of(id);
        }
    }

    /// Returns what a spot order must hold back now: nothing when it is done, or a market order that executes at once.
    pub(super) fn lock_of(&self, order: &Order) -> Decimal {
        let waits = order.asked.kind.trigger.is_some() && !order.is_working;
        if order.asked.kind.is_limit || waits { order.needed_lock() } else { Decimal::ZERO }
    }

    /// Makes an order hold back what it needs now.
    pub(super) fn adjust_lock(&mut self, id: u64) {
        let Some(order) = self.orders.get(&id) else { return };
        let market = &self.markets[order.asked.market];
        if market.venue == Venue::UsdM {
            return;
        }
        let needed = self.lock_of(order);
        let asset = if order.asked.side == Side::Buy { market.quote() } else { market.base() };
        self.account.lock(asset, needed - order.locked);
        if let Some(order) = self.orders.get_mut(&id) {
            order.locked = needed;
        }
    }

    fn log_fill(&mut self, fill: &Fill) {
        let market = &self.markets[fill.market];
        let details = json!({
            "venue": market.venue, "symbol": market.id, "order_id": fill.order_id, "trade_id": fill.trade_id,
            "side": fill.side.name(), "price": number::plain(fill.price), "quantity": number::plain(fill.quantity),
            "is_maker": fill.is_maker,
        });
        self.events.log(self.now, "fill", details);
    }
}
