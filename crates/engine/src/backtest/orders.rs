//! Orders that wait: fills, timeouts, cancellation, new prices.

use tradai_domain::Millis;
use tradai_strategy::{Order, OrderPrice, TradingMode};

use super::entry::Replacement;
use super::pair::Row;
use super::protections::Closes;
use super::wallet::Wallet;
use super::{Simulation, protections};
use crate::risk::{FundingHistory, liquidation_price};

/// What became of a waiting order.
enum Checked {
    /// It waits on.
    Active,
    /// It is gone; the trade stays.
    Cancelled,
    /// It was the only one: the trade goes too.
    DeleteTrade,
}

impl Simulation<'_> {
    /// Cancels and replaces waiting orders. Returns whether the trade is to be dropped.
    pub(super) fn manage_open_orders(&mut self, pair: usize, row: &Row) -> bool {
        let Some(position) = self.slots.get(pair) else { return false };
        let waiting: Vec<u64> =
            position.trade.orders.iter().filter(|order| order.is_open).map(|order| order.id).collect();
        for id in waiting {
            match self.check_timeout(pair, id, row) {
                Checked::DeleteTrade => return true,
                Checked::Cancelled => {}
                Checked::Active => {
                    if self.check_replace(pair, id, row) {
                        self.counters.canceled_trade_entries += 1;
                        return true;
                    }
                }
            }
        }
        false
    }

    fn order(&self, pair: usize, id: u64) -> Option<&Order> {
        self.slots.get(pair)?.trade.orders.iter().find(|order| order.id == id)
    }

    fn drop_order(&mut self, pair: usize, id: u64) {
        if let Some(position) = self.slots.get_mut(pair) {
            position.trade.orders.retain(|order| order.id != id);
        }
    }

    fn check_timeout(&mut self, pair: usize, id: u64, row: &Row) -> Checked {
        let Some(order) = self.order(pair, id).cloned() else { return Checked::Active };
        if !self.is_timed_out(pair, &order, row) {
            return Checked::Active;
        }
        if order.is_entry {
            self.counters.timedout_entry_orders += 1;
            let first = self.slots.get(pair).is_some_and(|p| p.trade.nr_of_successful_entries() == 0);
            if first {
                return Checked::DeleteTrade;
            }
        } else {
            self.counters.timedout_exit_orders += 1;
        }
        self.drop_order(pair, id);
        Checked::Cancelled
    }

    fn is_timed_out(&self, pair: usize, order: &Order, row: &Row) -> bool {
        let timeouts = self.settings.unfilledtimeout;
        let timeout = if order.is_entry { timeouts.entry_ms } else { timeouts.exit_ms };
        if timeout.is_some_and(|timeout| order.order_date <= row.time - timeout) {
            return true;
        }
        let asks =
            if order.is_entry { self.hooks.check_entry_timeout } else { self.hooks.check_exit_timeout };
        if !asks {
            return false;
        }
        let Some(request) = self.order_price(pair, order, row) else { return false };
        if order.is_entry {
            self.strategy.check_entry_timeout(&request)
        } else {
            self.strategy.check_exit_timeout(&request)
        }
    }

    fn order_price<'r>(&'r self, pair: usize, order: &'r Order, row: &Row) -> Option<OrderPrice<'r>> {
        let trade = &self.slots.get(pair)?.trade;
        let frame = self.view(pair, row);
        Some(OrderPrice { trade, order, now: row.time, proposed_rate: row.open, frame })
    }

    /// Asks for a new price. Returns whether the trade is to be dropped.
    fn check_replace(&mut self, pair: usize, id: u64, row: &Row) -> bool {
        if !self.hooks.adjust_order_price {
            return false;
        }
        let Some(order) = self.order(pair, id).cloned() else { return false };
        if row.time <= order.order_date {
            return false;
        }
        let Some(request) = self.order_price(pair, &order, row) else { return false };
        let wanted = self.strategy.adjust_order_price(&request);
        if wanted == Some(order.price) {
            return false;
        }
        self.drop_order(pair, id);
        if order.is_entry {
            self.counters.canceled_entry_orders += 1;
        }
        let unfilled = self.slots.get(pair).is_none_or(|p| p.trade.nr_of_successful_entries() == 0);
        let Some(rate) = wanted.filter(|rate| *rate != 0.0 && rate.is_finite()) else { return unfilled };
        if !order.is_entry {
            self.place_exit(pair, row, rate, order.amount, &order.tag);
            return false;
        }
        let leverage = self.slots.get(pair).map_or(1.0, |position| position.trade.leverage);
        let stake = order.amount * order.price / leverage;
        self.replace_entry(pair, row, Replacement { rate, stake });
        self.counters.replaced_entry_orders += 1;
        self.slots.get(pair).is_none_or(|position| {
            !position.trade.has_open_orders() && position.trade.nr_of_successful_entries() == 0
        })
    }

    /// Whether an order like this one waits already; any other waiting order is cancelled.
    pub(super) fn handle_similar_order(
        &mut self,
        pair: usize,
        price: f64,
        amount: f64,
        is_entry: bool,
    ) -> bool {
        let Some(position) = self.slots.get_mut(pair) else { return false };
        let same = position.open_order(is_entry).map(|index| &position.trade.orders[index]);
        if same.is_some_and(|order| order.price == price && order.amount == amount) {
            return true;
        }
        let cancelled = position.trade.orders.iter().filter(|order| order.is_open && order.is_entry).count();
        position.trade.orders.retain(|order| !order.is_open);
        self.counters.canceled_entry_orders += cancelled as u64;
        false
    }

    /// Fills an order if the candle holds its price. Returns whether it did.
    pub(super) fn try_fill(&mut self, pair: usize, index: usize, row: &Row) -> bool {
        let Some(position) = self.slots.get_mut(pair) else { return false };
        let Some(order) = position.trade.orders.get(index) else { return false };
        if !row.contains(order.price) {
            return false;
        }
        position.fill_order(index, row.time);
        self.update_funding(pair, row.time, true);
        self.after_fill(pair, index, row);
        true
    }

    fn after_fill(&mut self, pair: usize, index: usize, row: &Row) {
        let Some(position) = self.slots.get(pair) else { return };
        let order = &position.trade.orders[index];
        if self.hooks.order_filled {
            self.strategy.order_filled(&position.trade, order, row.time);
        }
        let closes = !order.is_entry && order.amount == position.trade.amount;
        let price = order.price;
        if closes {
            return;
        }
        self.update_liquidation_price(pair);
        if self.hooks.custom_stoploss_after_fill {
            self.adjust_stop_after_fill(pair, price, row);
        }
    }

    fn update_liquidation_price(&mut self, pair: usize) {
        if self.settings.trading_mode != TradingMode::Futures {
            return;
        }
        let tiers = &self.pairs[pair].tiers;
        let buffer = self.settings.liquidation_buffer;
        let Some(position) = self.slots.get_mut(pair) else { return };
        let trade = &position.trade;
        let price = liquidation_price(
            tiers,
            trade.open_rate,
            trade.is_short,
            trade.amount,
            trade.stake_amount,
            buffer,
        );
        if let Some(price) = price {
            let nearest = crate::money::Rounding::Nearest;
            position.trade.liquidation_price =
                Some(crate::money::price_to_precision(price, position.tick, nearest));
        }
    }

    /// Counts funding since the last fill: at full hours, and at every fill.
    pub(super) fn update_funding(&mut self, pair: usize, now: Millis, force: bool) {
        if self.settings.trading_mode != TradingMode::Futures
            || !(force || now % crate::risk::FUNDING_INTERVAL_MS == 0)
        {
            return;
        }
        let funding: &FundingHistory = &self.pairs[pair].funding;
        let Some(position) = self.slots.get_mut(pair) else { return };
        let trade = &position.trade;
        let fees = funding.fees(trade.amount, trade.is_short, trade.date_last_filled(), now);
        position.set_funding_fees(fees);
    }

    /// Fills an exit order if the candle holds its price, and closes the trade with the last one.
    pub(super) fn process_exit_order(&mut self, pair: usize, index: usize, row: &Row) {
        if !self.try_fill(pair, index, row) {
            return;
        }
        let Some(position) = self.slots.get_mut(pair) else { return };
        let (amount, price) = (position.trade.orders[index].amount, position.trade.orders[index].price);
        let direction = position.trade.direction();
        if amount == position.trade.amount {
            position.trade.close_date = Some(row.time);
            position.trade.close_rate = Some(price);
            position.trade.is_open = false;
            position.recalc_from_orders(true);
            self.archive(pair);
        } else {
            position.recalc_from_orders(false);
        }
        self.update_wallet(pair);
        self.run_protections(pair, row.time, direction);
    }

    fn archive(&mut self, pair: usize) {
        let Some(position) = self.slots.remove(pair) else { return };
        self.wallet.closed_profit += position.trade.close_profit_abs.unwrap_or_default();
        self.closed.push(position.trade);
    }

    fn run_protections(&mut self, pair: usize, now: Millis, side: &'static str) {
        if !self.settings.enable_protections {
            return;
        }
        let closes = Closes {
            trades: &self.closed,
            pair: &self.pairs[pair].symbol,
            side,
            now,
            starting_balance: Wallet::starting_balance(self.settings),
        };
        protections::run(&self.settings.protections, &closes, &mut self.locks);
    }

    /// Closes what is open after the last candle, at the open of each pair's last row.
    pub(super) fn close_left_open(&mut self) {
        let mut open: Vec<usize> = self.slots.pairs().to_vec();
        // Freqtrade goes pair by pair in the order in which the loop first met them.
        open.sort_by_key(|&pair| (self.step_of_row(pair, self.pairs[pair].first_row + 1).max(1), pair));
        for pair in open {
            let data = &self.pairs[pair];
            let has_position =
                self.slots.get(pair).is_some_and(|position| position.trade.has_open_position());
            let Some(last_row) = data.frame.len().checked_sub(1).filter(|&row| row > 0 && has_position)
            else {
                self.slots.remove(pair);
                self.update_wallet(pair);
                continue;
            };
            let row = data.row(last_row, data.frame.candles().open_time()[last_row]);
            let amount = self.slots.get(pair).map_or(0.0, |position| position.trade.amount);
            self.place_exit(pair, &row, row.open, amount, "force_exit");
            if let Some(position) = self.slots.get_mut(pair) {
                position.trade.exit_reason = "force_exit".to_owned();
                let last = position.trade.orders.len().saturating_sub(1);
                self.process_exit_order(pair, last, &row);
            }
        }
    }
}
