//! Position adjustment: adding to a trade, and taking a part of it out.

use super::Simulation;
use super::exit::Exit;
use super::pair::Row;
use crate::money::{Precise, amount_to_precision};

impl Simulation<'_> {
    /// Asks the strategy and does what it says, as far as market and wallet allow.
    pub(super) fn adjust_position(&mut self, pair: usize, row: &Row) {
        let limits = self.limits(pair);
        let min_stake = limits.min_stake(row.open, -0.1, 1.0);
        let available = self.wallet.available(self.settings, &self.slots);
        let max_stake = limits.max_stake(row.open, 1.0).min(available);
        let Some(request) = self.exit_request(pair, row, row.open, "") else { return };
        let entries = request.trade.nr_of_successful_entries();
        let Some(change) = self.strategy.adjust_trade_position(&request, min_stake, max_stake) else {
            return;
        };
        if change.stake > 0.0 {
            let allowed = self.settings.max_entry_position_adjustment.is_none_or(|limit| entries <= limit);
            if allowed && self.add_to_position(pair, row, change.stake, &change.tag) {
                self.update_wallet(pair);
            }
        } else if change.stake < 0.0 {
            self.partial_exit(pair, row, change.stake, change.tag, min_stake);
        }
    }

    fn partial_exit(&mut self, pair: usize, row: &Row, stake: f64, tag: String, min_stake: Option<f64>) {
        let Some(position) = self.slots.get(pair) else { return };
        let trade = &position.trade;
        let share = (Precise::new(stake) * Precise::new(trade.amount)).div(Precise::new(trade.stake_amount));
        let amount = amount_to_precision(share.to_f64().abs(), position.amount_step, position.contract_size);
        if amount == 0.0 {
            return;
        }
        let remaining = (trade.amount - amount) * row.open;
        let too_small = min_stake.is_some_and(|min_stake| min_stake != 0.0 && remaining < min_stake);
        if remaining != 0.0 && too_small {
            return;
        }
        if self.exit(pair, row, &Exit::Partial(tag), Some(amount)) {
            let last = self.slots.get(pair).and_then(|position| position.trade.orders.len().checked_sub(1));
            if let Some(last) = last {
                self.process_exit_order(pair, last, row);
            }
        }
    }
}
