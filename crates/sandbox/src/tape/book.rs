//! An order book around the latest price.
//!
//! The best bid lies one tick below the price, the best ask one tick above, so that an order at the very price
//! is neither crossed nor crossing; further levels follow tick by tick. Quantities are drawn from the price level
//! and the latest trade, so that a book is the same whoever asks, and new with every trade. What our orders have
//! taken since then is missing from it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::number;
use crate::random;

/// Levels on each side.
pub(crate) const LEVELS: u32 = 500;

/// The book of a market at a moment.
#[derive(Debug, Clone)]
pub(crate) struct Book {
    /// The latest price.
    pub(crate) price: Decimal,
    /// Changes with every trade; what was taken is forgotten then.
    pub(crate) epoch: u64,
    pub(crate) tick: Decimal,
    pub(crate) step: Decimal,
    /// About how much a level holds, in quote currency.
    pub(crate) level_cost: Decimal,
    /// Taken by our orders in this epoch, by price.
    pub(crate) taken: BTreeMap<Decimal, Decimal>,
}

impl Book {
    /// Returns the price that a buyer pays.
    pub(crate) fn best_ask(&self) -> Decimal {
        self.price + self.tick
    }

    /// Returns the price that a seller gets.
    pub(crate) fn best_bid(&self) -> Decimal {
        (self.price - self.tick).max(self.tick)
    }

    /// Returns levels of price and quantity, best first; bids end at the lowest price above zero.
    pub(crate) fn side(&self, is_ask: bool, limit: u32) -> Vec<(Decimal, Decimal)> {
        let level = |depth: u32| {
            let away = self.tick * Decimal::from(depth + 1);
            let price = if is_ask { self.price + away } else { self.price - away };
            (price > Decimal::ZERO).then(|| (price, self.left_at(price, is_ask)))
        };
        let levels = (0..limit.min(LEVELS)).map_while(level);
        levels.filter(|(_, quantity)| *quantity > Decimal::ZERO).collect()
    }

    fn left_at(&self, price: Decimal, is_ask: bool) -> Decimal {
        let taken = self.taken.get(&price).copied().unwrap_or_default();
        self.full_at(price, is_ask) - taken
    }

    /// Half to one and a half of the usual quantity, one step at least.
    fn full_at(&self, price: Decimal, is_ask: bool) -> Decimal {
        let bits =
            random::mix(self.epoch ^ random::mix(number::to_e8(price).unsigned_abs() ^ u64::from(is_ask)));
        let share = Decimal::new(500 + i64::try_from(bits % 1_000).unwrap_or(0), 3);
        let usual = self.level_cost / price * share;
        ((usual / self.step).trunc() * self.step).max(self.step)
    }
}
