//! A position: what is held of a perpetual and what it cost.

use rust_decimal::Decimal;
use tradai_domain::Millis;

use crate::number::PLACES;
use crate::order::Side;

/// A position in average-cost accounting. The cost is kept instead of the entry price, so that nothing is lost
/// to a division.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Position {
    /// Base currency; negative when short.
    pub(crate) amount: Decimal,
    /// Amount times entry price; has the sign of the amount.
    pub(crate) cost: Decimal,
    /// Margin set aside for it, in isolated mode.
    pub(crate) isolated_wallet: Decimal,
    pub(crate) updated: Millis,
}

impl Position {
    /// Trades, and returns the profit of what was closed.
    ///
    /// Invariant: the profits of all trades are `cost - sum of (signed quantity times price)`.
    pub(crate) fn trade(&mut self, side: Side, price: Decimal, quantity: Decimal) -> Decimal {
        let sign = if side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
        let closes = !self.amount.is_zero() && self.amount.is_sign_positive() != (side == Side::Buy);
        let closing = if closes { quantity.min(self.amount.abs()) } else { Decimal::ZERO };
        let mut realized = Decimal::ZERO;
        if !closing.is_zero() {
            let is_all = closing == self.amount.abs();
            let removed = if is_all {
                self.cost
            } else {
                (self.cost * closing / self.amount.abs()).trunc_with_scale(PLACES)
            };
            realized = -(removed + sign * closing * price);
            self.cost -= removed;
            self.amount += sign * closing;
        }
        let opening = quantity - closing;
        self.amount += sign * opening;
        self.cost += sign * opening * price;
        realized
    }

    pub(crate) fn is_open(&self) -> bool {
        !self.amount.is_zero()
    }

    pub(crate) fn entry_price(&self) -> Decimal {
        if self.is_open() { self.cost / self.amount } else { Decimal::ZERO }
    }

    pub(crate) fn unrealized(&self, mark: Decimal) -> Decimal {
        self.amount * mark - self.cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn closing_realizes_and_turning_around_opens() {
        let mut position = Position::default();
        let dec = Decimal::from;
        assert_eq!(position.trade(Side::Buy, dec(100), dec(2)), dec(0));
        assert_eq!(position.trade(Side::Buy, dec(130), dec(1)), dec(0));
        assert_eq!(position.entry_price(), dec(110));
        assert_eq!(position.trade(Side::Sell, dec(120), dec(1)), dec(10));
        assert_eq!(position.trade(Side::Sell, dec(100), dec(3)), dec(-20));
        assert_eq!((position.amount, position.entry_price()), (dec(-1), dec(100)));
        assert_eq!(position.trade(Side::Buy, dec(90), dec(1)), dec(10));
        assert_eq!((position.is_open(), position.cost), (false, dec(0)));
    }

    proptest! {
        /// The identity that the ledger's audit rests on.
        #[test]
        fn profits_are_cost_less_what_was_paid(trades in prop::collection::vec((any::<bool>(), 1_i64..5_000_000, 1_i64..9_000), 1..60)) {
            let mut position = Position::default();
            let (mut realized, mut paid) = (Decimal::ZERO, Decimal::ZERO);
            for (is_buy, price, quantity) in trades {
                let (price, quantity) = (Decimal::new(price, 2), Decimal::new(quantity, 3));
                let side = if is_buy { Side::Buy } else { Side::Sell };
                realized += position.trade(side, price, quantity);
                paid += if is_buy { price * quantity } else { -(price * quantity) };
            }
            prop_assert_eq!(realized, position.cost - paid);
        }
    }
}
