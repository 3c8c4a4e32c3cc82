//! The arithmetic of one trade: values, profit, averages, the stop.

use tradai_strategy::{Order, Trade};

use crate::money::{Precise, Rounding, amount_to_precision, price_to_precision, round8};

/// A trade and what only the engine knows about it.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    pub(crate) trade: Trade,
    /// Tick at the opening; prices of the trade keep to it for good.
    pub(crate) tick: Option<f64>,
    pub(crate) amount_step: Option<f64>,
    pub(crate) contract_size: Option<f64>,
    /// The exit fee, exactly; every profit needs it.
    pub(crate) fee_close: Precise,
    /// Whether close values count funding.
    pub(crate) is_futures: bool,
    /// Funding since the last fill.
    pub(crate) funding_fee_running: f64,
}

/// Profit of (a part of) a position at a price.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Profit {
    /// In stake currency, eight decimals.
    pub(crate) abs: f64,
}

impl Position {
    /// Value of an amount at a price with the entry fee (a short receives it, less the fee).
    pub(crate) fn open_value(&self, amount: f64, rate: f64) -> f64 {
        self.open_value_exact(Precise::new(amount), Precise::new(rate))
    }

    fn open_value_exact(&self, amount: Precise, rate: Precise) -> f64 {
        let value = amount * rate;
        let fee = value * Precise::new(self.trade.fee_open);
        if self.trade.is_short { (value - fee).to_f64() } else { (value + fee).to_f64() }
    }

    /// Value of an amount at a price with the exit fee and funding.
    pub(crate) fn close_value(&self, rate: f64, amount: f64) -> f64 {
        let value = Precise::new(amount) * Precise::new(rate);
        let fee = value * self.fee_close;
        let close = if self.trade.is_short { (value + fee).to_f64() } else { (value - fee).to_f64() };
        if !self.is_futures {
            return close;
        }
        if self.trade.is_short { close - self.trade.funding_fees } else { close + self.trade.funding_fees }
    }

    /// Profit at a price as a fraction of the stake, eight decimals.
    pub(crate) fn profit_ratio(&self, rate: f64) -> f64 {
        let open = self.trade.open_trade_value;
        if open == 0.0 {
            return 0.0;
        }
        let close = self.close_value(rate, self.trade.amount);
        let ratio = if self.trade.is_short { 1.0 - (close / open) } else { (close / open) - 1.0 };
        round8(ratio * self.trade.leverage)
    }

    fn profit_of(&self, rate: f64, amount: f64, open_rate: f64) -> Profit {
        let close = self.close_value(rate, amount);
        let open = self.open_value(amount, open_rate);
        let abs = if self.trade.is_short { open - close } else { close - open };
        Profit { abs: round8(abs) }
    }

    /// Price at which the profit ratio is `roi`.
    pub(crate) fn close_rate_for_roi(&self, roi: f64) -> f64 {
        let deleveraged = roi / self.trade.leverage;
        let open = self.open_value(self.trade.amount, self.trade.open_rate);
        let at_zero = self.close_value(0.0, self.trade.amount);
        let at_one = self.close_value(1.0, self.trade.amount);
        let side = if self.trade.is_short { -1.0 } else { 1.0 };
        let adjusted = 1.0 + (deleveraged / side);
        (adjusted * open - at_zero) / (at_one - at_zero)
    }

    /// Recomputes amounts, averages, stakes and realised profit from the filled orders.
    pub(crate) fn recalc_from_orders(&mut self, is_closing: bool) {
        let mut sums = OrderSums::default();
        let orders = std::mem::take(&mut self.trade.orders);
        self.trade.funding_fees = 0.0;
        for order in orders.iter().filter(|order| order.is_filled()) {
            self.add_order(&mut sums, order);
        }
        self.trade.orders = orders;
        self.apply_sums(&sums, is_closing);
    }

    fn add_order(&mut self, sums: &mut OrderSums, order: &Order) {
        sums.funding_since_exit += order.funding_fee;
        sums.funding += order.funding_fee;
        let (amount, price) = (Precise::new(order.amount), Precise::new(order.price));
        if order.is_entry {
            sums.amount = sums.amount + amount;
            sums.stake = sums.stake + price * amount;
            if order.amount > 0.0 {
                sums.average = sums.stake.div(sums.amount);
            }
            sums.total_stake += self.open_value_exact(amount, price);
            sums.max_stake = sums.max_stake + amount * price;
            return;
        }
        sums.amount = sums.amount - amount;
        sums.stake = sums.stake - sums.average * amount;
        // Funding up to this exit belongs to its profit.
        self.trade.funding_fees = sums.funding_since_exit;
        let profit = self.profit_of(order.price, order.amount, sums.average.to_f64());
        sums.profit_abs += profit.abs;
        sums.last_profit_abs = profit.abs;
        if sums.total_stake > 0.0 {
            sums.profit = (sums.profit_abs / sums.total_stake) * self.trade.leverage;
        }
        sums.funding_since_exit = 0.0;
    }

    fn apply_sums(&mut self, sums: &OrderSums, is_closing: bool) {
        let trade = &mut self.trade;
        trade.funding_fees = sums.funding;
        trade.max_stake_amount = sums.max_stake.to_f64() / trade.leverage;
        if sums.profit != 0.0 {
            trade.close_profit = Some(sums.profit);
            trade.realized_profit = sums.profit_abs;
            trade.close_profit_abs = Some(sums.last_profit_abs);
        }
        let amount = amount_to_precision(sums.amount.to_f64(), self.amount_step, self.contract_size);
        if amount > 0.0 {
            let average = sums.stake.div(sums.amount).to_f64();
            trade.open_rate = price_to_precision(average, self.tick, Rounding::Nearest);
            trade.amount = amount;
            trade.stake_amount = sums.stake.to_f64() / trade.leverage;
            let (amount, open_rate, stop) = (trade.amount, trade.open_rate, trade.stop_loss_pct);
            self.trade.open_trade_value = self.open_value(amount, open_rate);
            self.adjust_stop_loss(open_rate, stop, StopChange::Tighten);
        } else if is_closing && sums.total_stake > 0.0 {
            trade.close_profit = Some((sums.profit_abs / sums.total_stake) * trade.leverage);
            trade.close_profit_abs = Some(sums.profit_abs);
        }
    }

    /// Moves the stop to `stoploss` (a fraction of the stake) away from `rate`, as `change` allows.
    pub(crate) fn adjust_stop_loss(&mut self, rate: f64, stoploss: Option<f64>, change: StopChange) {
        let Some(stoploss) = stoploss else { return };
        let trade = &mut self.trade;
        if change == StopChange::Initial && trade.stop_loss != 0.0 {
            return;
        }
        let distance = (stoploss / trade.leverage).abs();
        let (new_stop, rounding) = if trade.is_short {
            (rate * (1.0 + distance), Rounding::Down)
        } else {
            (rate * (1.0 - distance), Rounding::Up)
        };
        let stop = price_to_precision(new_stop, self.tick, rounding);
        if trade.initial_stop_loss_pct.is_none() {
            trade.stop_loss = stop;
            trade.stop_loss_pct = Some(-stoploss.abs());
            trade.initial_stop_loss = price_to_precision(stop, self.tick, rounding);
            trade.initial_stop_loss_pct = Some(-stoploss.abs());
            return;
        }
        let better = if trade.is_short { stop < trade.stop_loss } else { stop > trade.stop_loss };
        if change == StopChange::Refresh || better {
            if change != StopChange::Refresh {
                trade.is_stop_loss_trailing = true;
            }
            if trade.stop_loss == 0.0 {
                trade.initial_stop_loss = stop;
            }
            trade.stop_loss = stop;
            trade.stop_loss_pct = Some(-stoploss.abs());
        }
    }

    /// Notes the extremes of a candle.
    pub(crate) fn adjust_min_max_rates(&mut self, high: f64, low: f64) {
        let trade = &mut self.trade;
        let or_open = |rate: f64| if rate == 0.0 { trade.open_rate } else { rate };
        let (max_rate, min_rate) = (high.max(or_open(trade.max_rate)), low.min(or_open(trade.min_rate)));
        trade.max_rate = max_rate;
        trade.min_rate = min_rate;
    }

    /// Sets what funding came to since the last fill.
    pub(crate) fn set_funding_fees(&mut self, fees: f64) {
        self.funding_fee_running = fees;
        let prior: f64 = self.trade.orders.iter().map(|order| order.funding_fee).sum();
        self.trade.funding_fees = prior + fees;
    }

    /// Marks an order as filled at its price.
    pub(crate) fn fill_order(&mut self, index: usize, now: i64) {
        let order = &mut self.trade.orders[index];
        order.filled_date = Some(now);
        order.is_open = false;
        order.funding_fee = self.funding_fee_running;
        self.funding_fee_running = 0.0;
        let (is_entry, price) = (order.is_entry, order.price);
        if is_entry && price != 0.0 {
            self.trade.open_rate = price;
            self.recalc_from_orders(false);
            if self.trade.nr_of_successful_entries() == 1 {
                self.trade.initial_stop_loss_pct = None;
                self.trade.is_stop_loss_trailing = false;
            }
            let (open_rate, stop) = (self.trade.open_rate, self.trade.stop_loss_pct);
            self.adjust_stop_loss(open_rate, stop, StopChange::Tighten);
        }
    }

    /// Returns the place of the newest open order of a side.
    pub(crate) fn open_order(&self, is_entry: bool) -> Option<usize> {
        self.trade.orders.iter().rposition(|order| order.is_open && order.is_entry == is_entry)
    }
}

/// How a stop may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopChange {
    /// Only if there is none yet.
    Initial,
    /// Only in the trade's favour.
    Tighten,
    /// Either way, and it does not count as trailing.
    Refresh,
}

/// Running sums over the filled orders of a trade.
#[derive(Debug)]
struct OrderSums {
    amount: Precise,
    stake: Precise,
    average: Precise,
    max_stake: Precise,
    total_stake: f64,
    profit: f64,
    profit_abs: f64,
    last_profit_abs: f64,
    funding: f64,
    funding_since_exit: f64,
}

impl Default for OrderSums {
    fn default() -> Self {
        Self {
            amount: Precise::ZERO,
            stake: Precise::ZERO,
            average: Precise::ZERO,
            max_stake: Precise::ZERO,
            total_stake: 0.0,
            profit: 0.0,
            profit_abs: 0.0,
            last_profit_abs: 0.0,
            funding: 0.0,
            funding_since_exit: 0.0,
        }
    }
}
