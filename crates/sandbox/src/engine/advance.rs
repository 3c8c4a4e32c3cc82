//! Time passing: prices come, orders meet them, positions pay funding or are liquidated.

use rust_decimal::Decimal;
use serde_json::json;
use tradai_domain::Millis;

use super::Engine;
use crate::account::{Cause, Why};
use crate::market::Venue;
use crate::number;
use crate::order::{Side, Status, TimeInForce};
use crate::tape::Point;

/// Time taken at a time, so that a long step needs little memory.
const SLICE_MS: Millis = 86_400_000;

/// Something that time brings to a market. Funding comes before the price of the same moment.
enum Happening {
    Funding(Decimal),
    Price(Point),
}

impl Engine {
    /// Moves time on to a moment; earlier ones are ignored. Prices of all markets are taken in the order of their
    /// times, then of the list of markets.
    pub(crate) fn advance(&mut self, to: Millis) {
        while self.now < to {
            let active: Vec<usize> =
                (0..self.markets.len()).filter(|&market| self.is_active(market)).collect();
            if active.is_empty() {
                self.now = to;
                return;
            }
            let until = to.min(self.now.saturating_add(SLICE_MS));
            for (at, market, happening) in self.happenings(&active, until) {
                self.now = at;
                match happening {
                    Happening::Funding(rate) => self.pay_funding(market, rate),
                    Happening::Price(point) => self.meet(market, &point),
                }
            }
            self.now = until;
        }
    }

    fn is_active(&self, market: usize) -> bool {
        let has_position =
            self.account.positions.iter().any(|((of, _), held)| *of == market && held.is_open());
        !self.open[market].is_empty() || !self.open_algos[market].is_empty() || has_position
    }

    fn happenings(&self, active: &[usize], until: Millis) -> Vec<(Millis, usize, Happening)> {
        let mut all = Vec::new();
        for &market in active {
            let of = &self.markets[market];
            let due = of.funding.iter().filter(|(at, _)| *at > self.now && *at <= until);
            all.extend(due.map(|&(at, rate)| (at, market, Happening::Funding(rate))));
            let points = of.tape.points(self.now, until);
            all.extend(points.map(|point| (point.at, market, Happening::Price(point))));
        }
        all.sort_by_key(|&(at, market, ref happening)| {
            (at, market, matches!(happening, Happening::Price(_)))
        });
        all
    }

    /// A price: resting orders are filled, waiting ones set off, weak positions closed.
    fn meet(&mut self, market: usize, point: &Point) {
        let price = number::from_e8(point.price);
        if !self.is_quiet(market, price) {
            self.meet_orders(market, price, point);
        }
        if self.markets[market].venue == Venue::UsdM {
            self.liquidate_weak();
        }
    }

    fn meet_orders(&mut self, market: usize, price: Decimal, point: &Point) {
        self.expire_dated(market);
        if !self.markets[market].is_halted {
            let traded = self.markets[market].tape.quantity(u128::from(point.units));
            self.fill_resting(market, price, traded);
            self.set_off_orders(market, price);
            self.set_off_algos(market, price);
        }
    }

    fn expire_dated(&mut self, market: usize) {
        let now = self.now;
        let is_over = |order: &&crate::order::Order| {
            order.asked.time_in_force == TimeInForce::Gtd && order.asked.good_till <= now
        };
        let over: Vec<u64> = self.open_orders(market).filter(is_over).map(|order| order.id).collect();
        for id in over {
            self.end(id, Status::Expired);
        }
    }

    /// A resting order is filled whole when the price goes through it. At its very price it shares in what was
    /// traded, the earliest order first.
    fn fill_resting(&mut self, market: usize, price: Decimal, mut traded: Decimal) {
        let resting: Vec<(u64, Side, Decimal, Decimal)> = self
            .open_orders(market)
            .filter(|order| order.is_working && order.asked.kind.is_limit)
            .map(|order| (order.id, order.asked.side, order.asked.price, order.remaining()))
            .collect();
        for (id, side, limit, remaining) in resting {
            let is_through = if side == Side::Buy { price < limit } else { price > limit };
            let quantity = if is_through {
                remaining
            } else if price == limit {
                let step = self.markets[market].filters.step;
                (remaining.min(traded) / step).trunc() * step
            } else {
                continue;
            };
            if price == limit {
                traded -= quantity;
            }
            self.fill(id, limit, quantity, true);
            self.check();
        }
    }

    fn pay_funding(&mut self, market: usize, rate: Decimal) {
        let of = &self.markets[market];
        let (mark, settle) = (of.mark_price(self.now), of.quote().to_owned());
        let held: Vec<Decimal> = self
            .account
            .positions
            .iter()
            .filter(|((of, _), position)| *of == market && position.is_open())
            .map(|(_, position)| position.amount)
            .collect();
        for amount in held {
            let payment = -number::cost(amount * mark, rate);
            let why = Why { cause: Cause::Funding, market: Some(market) };
            self.account.change(self.now, (Venue::UsdM, &settle), payment, why);
            self.audit.funded(&settle, payment);
            let details = json!({"symbol": self.markets[market].id, "amount": number::plain(payment)});
            self.events.log(self.now, "funding", details);
            self.tell_account("FUNDING_FEE", Some(market));
        }
        self.check();
    }
}
