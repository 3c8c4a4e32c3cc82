//! Prices between which no order of a market does anything: most points of a tape need no look at the orders.
//!
//! A band is made when it is asked for and forgotten when an order comes, starts to work or changes. Orders that go
//! only make the true band wider, so that the known one stays right. The crate's own tests look at every order all
//! the same, and compare.

use rust_decimal::Decimal;
use tradai_domain::Millis;

use super::Engine;
use crate::order::{NewOrder, Side, TimeInForce, Trigger, WorkingType};

/// Strictly between the two prices nothing happens.
#[derive(Debug, Clone, Copy, Default)]
struct Range {
    below: Option<Decimal>,
    above: Option<Decimal>,
}

/// What a market's orders wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Band {
    traded: Range,
    mark: Range,
    /// Whether an order looks at mark prices.
    looks_at_mark: bool,
    /// When the first dated order is over.
    until: Millis,
    /// Whether an order follows the price, so that every point matters.
    follows: bool,
}

impl Range {
    fn falls_to(&mut self, price: Decimal) {
        self.below = Some(self.below.map_or(price, |known| known.max(price)));
    }

    fn rises_to(&mut self, price: Decimal) {
        self.above = Some(self.above.map_or(price, |known| known.min(price)));
    }

    fn holds(&self, price: Decimal) -> bool {
        self.below.is_none_or(|below| price > below) && self.above.is_none_or(|above| price < above)
    }

    /// Adds a price at or beyond which a waiting order is set off.
    fn add_trigger(&mut self, asked: &NewOrder) {
        let is_stop = asked.kind.trigger == Some(Trigger::Stop);
        if is_stop == (asked.side == Side::Buy) {
            self.rises_to(asked.trigger_price);
        } else {
            self.falls_to(asked.trigger_price);
        }
    }
}

impl Engine {
    /// Forgets what is known of a market's orders: one of them comes, starts to work or changes.
    pub(super) fn forget_band(&mut self, market: usize) {
        self.bands[market] = None;
    }

    /// Returns whether no order of a market has anything to do at a price, now.
    pub(super) fn is_quiet(&mut self, market: usize, price: Decimal) -> bool {
        let band = match self.bands[market] {
            Some(band) => band,
            None => self.make_band(market),
        };
        self.bands[market] = Some(band);
        let is_quiet = !band.follows
            && self.now < band.until
            && band.traded.holds(price)
            && (!band.looks_at_mark || band.mark.holds(self.markets[market].mark_price(self.now)));
        // Invariant: a band is never wider than what the orders say.
        #[cfg(test)]
        assert!(!is_quiet || self.would_be_quiet(market, price), "at {} {price}: {band:?}", self.now);
        is_quiet
    }

    fn make_band(&self, market: usize) -> Band {
        let (traded, mark) = (Range::default(), Range::default());
        let mut band = Band { traded, mark, looks_at_mark: false, until: Millis::MAX, follows: false };
        for order in self.open_orders(market) {
            let asked = &order.asked;
            if asked.time_in_force == TimeInForce::Gtd {
                band.until = band.until.min(asked.good_till);
            }
            match (order.is_working, asked.side) {
                (false, _) => {
                    band.follows |= asked.kind.trigger == Some(Trigger::Trailing);
                    band.traded.add_trigger(asked);
                }
                (true, Side::Buy) => band.traded.falls_to(asked.price),
                (true, Side::Sell) => band.traded.rises_to(asked.price),
            }
        }
        for algo in self.waiting_algos(market) {
            let asked = &algo.asked;
            band.follows |= asked.kind.trigger == Some(Trigger::Trailing);
            if asked.working_type == WorkingType::Mark {
                band.looks_at_mark = true;
                band.mark.add_trigger(asked);
            } else {
                band.traded.add_trigger(asked);
            }
        }
        band
    }

    /// Asks every order.
    #[cfg(test)]
    fn would_be_quiet(&self, market: usize, price: Decimal) -> bool {
        let mark = self.markets[market].mark_price(self.now);
        let orders_are_quiet = self.open_orders(market).all(|order| {
            let asked = &order.asked;
            let is_over = asked.time_in_force == TimeInForce::Gtd && asked.good_till <= self.now;
            let acts = match (order.is_working, asked.side) {
                (false, _) => asked.is_set_off(price, &mut order.extreme.clone()),
                (true, Side::Buy) => asked.kind.is_limit && price <= asked.price,
                (true, Side::Sell) => asked.kind.is_limit && price >= asked.price,
            };
            !is_over && !acts
        });
        let algos_are_quiet = self.waiting_algos(market).all(|algo| {
            let seen = if algo.asked.working_type == WorkingType::Mark { mark } else { price };
            !algo.asked.is_set_off(seen, &mut algo.extreme.clone())
        });
        orders_are_quiet && algos_are_quiet
    }
}
