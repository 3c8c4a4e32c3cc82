//! Opening trades and adding to them.

use tradai_strategy::settings::OrderType;
use tradai_strategy::{EntryRequest, Order, StakeProposal, Trade, TradingMode};

use super::pair::{Row, Side};
use super::wallet::validate_stake;
use super::{NEVER, Simulation};
use crate::money::{Precise, Rounding, amount_to_precision, price_to_precision};
use crate::position::{Position, StopChange};

/// Price and money of an entry order to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryTerms {
    rate: f64,
    stake: f64,
    leverage: f64,
    min_stake: f64,
}

/// What an order that replaces another is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replacement {
    pub(super) rate: f64,
    pub(super) stake: f64,
}

impl Simulation<'_> {
    /// Opens a trade. Returns whether there is one now.
    pub(super) fn enter(&mut self, pair: usize, row: &Row, side: Side) -> bool {
        let tag = self.pairs[pair].enter_tag(row).to_owned();
        let tick = self.tick(pair, row);
        let Some(terms) = self.entry_terms(pair, row, side == Side::Short, 0.0, tick, &tag) else {
            return false;
        };
        let Some(amount) = self.entry_amount(pair, &terms) else { return false };
        if !self.confirm_entry(pair, row, side == Side::Short, terms.rate, amount, &tag) {
            return false;
        }
        self.open_trade(pair, row, side, &terms, amount, tick, &tag);
        self.place_entry(pair, row, terms.rate, amount, tag);
        self.next_event[pair] = NEVER;
        true
    }

    /// Adds `stake` to an open trade. Returns whether the wallet has to be counted again.
    pub(super) fn add_to_position(&mut self, pair: usize, row: &Row, stake: f64, tag: &str) -> bool {
        let Some(position) = self.slots.get(pair) else { return false };
        let is_short = position.trade.is_short;
        let tag = if tag.is_empty() { self.pairs[pair].enter_tag(row).to_owned() } else { tag.to_owned() };
        let tick = self.tick(pair, row);
        let terms = self.entry_terms(pair, row, is_short, stake, tick, &tag);
        let Some(terms) = terms else { return true };
        let Some(amount) = self.entry_amount(pair, &terms) else { return true };
        if self.handle_similar_order(pair, terms.rate, amount, true) {
            return false;
        }
        self.place_entry(pair, row, terms.rate, amount, tag);
        true
    }

    /// Places an entry order in place of a cancelled one.
    pub(super) fn replace_entry(&mut self, pair: usize, row: &Row, replacement: Replacement) {
        let Some(position) = self.slots.get(pair) else { return };
        let (is_short, leverage) = (position.trade.is_short, position.trade.leverage);
        let tied = position.trade.stake_amount;
        let tag = self.pairs[pair].enter_tag(row).to_owned();
        let tick = self.tick(pair, row);
        // Asked as Freqtrade does; of the answer only the smallest stake counts.
        let rate = self.entry_rate(pair, row, is_short, tick, &tag);
        let min_stake = self.limits(pair).min_stake(rate, 0.0, leverage).unwrap_or(0.0);
        let stake = if replacement.stake == 0.0 { tied } else { replacement.stake };
        let terms = EntryTerms { rate: replacement.rate, stake, leverage, min_stake };
        let Some(amount) = self.entry_amount(pair, &terms) else { return };
        if !self.confirm_entry(pair, row, is_short, replacement.rate, amount, &tag)
            || self.handle_similar_order(pair, replacement.rate, amount, true)
        {
            return;
        }
        self.place_entry(pair, row, replacement.rate, amount, tag);
    }

    fn tick(&self, pair: usize, row: &Row) -> Option<f64> {
        let data = &self.pairs[pair];
        data.ticks.at(row.time).or(data.market.precision.price)
    }

    fn request<'r>(
        &'r self,
        pair: usize,
        row: &Row,
        rate: f64,
        is_short: bool,
        tag: &'r str,
    ) -> EntryRequest<'r> {
        EntryRequest {
            pair: &self.pairs[pair].symbol,
            now: row.time,
            rate,
            is_short,
            entry_tag: tag,
            trade: self.slots.get(pair).map(|position| &position.trade),
            frame: self.view(pair, row),
        }
    }

    /// Limit price of an entry: never beyond the candle on the side where it would fill at once.
    fn entry_rate(&self, pair: usize, row: &Row, is_short: bool, tick: Option<f64>, tag: &str) -> f64 {
        if self.settings.entry_order_type == OrderType::Market {
            return row.open;
        }
        let mut rate = row.open;
        if self.hooks.custom_entry_price {
            let custom = self.strategy.custom_entry_price(&self.request(pair, row, row.open, is_short, tag));
            if custom != rate && custom.is_finite() {
                rate = price_to_precision(custom, tick, Rounding::Nearest);
            }
        }
        if is_short { rate.max(row.low) } else { rate.min(row.high) }
    }

    /// Price, stake and leverage of an entry; `None` when no stake is possible. `stake` is what to add to an open
    /// trade.
    fn entry_terms(
        &self,
        pair: usize,
        row: &Row,
        is_short: bool,
        stake: f64,
        tick: Option<f64>,
        tag: &str,
    ) -> Option<EntryTerms> {
        let rate = self.entry_rate(pair, row, is_short, tick, tag);
        let limits = self.limits(pair);
        let added_to = self.slots.get(pair).map(|position| &position.trade);
        let (proposed, leverage) = match added_to {
            Some(trade) => (stake, trade.leverage),
            None => {
                let stake = self.wallet.trade_stake(self.settings, &self.slots)?;
                (stake, self.entry_leverage(pair, row, is_short, stake, tag))
            }
        };
        let reserve_stop = if added_to.is_some() { 0.0 } else { -0.05 };
        let min_stake = limits.min_stake(rate, reserve_stop, leverage).unwrap_or(0.0);
        let max_stake = limits.max_stake(rate, leverage);
        let available = self.wallet.available(self.settings, &self.slots);
        let mut wanted = proposed;
        if added_to.is_none() && self.hooks.custom_stake_amount {
            let proposal = StakeProposal {
                proposed_stake: proposed,
                min_stake,
                max_stake: available.min(max_stake),
                leverage,
            };
            wanted =
                self.strategy.custom_stake_amount(&self.request(pair, row, rate, is_short, tag), &proposal);
        }
        let tied = added_to.map(|trade| trade.stake_amount);
        let stake = validate_stake(wanted, min_stake, max_stake, available, tied);
        (stake != 0.0).then_some(EntryTerms { rate, stake, leverage, min_stake })
    }

    fn entry_leverage(&self, pair: usize, row: &Row, is_short: bool, stake: f64, tag: &str) -> f64 {
        if self.settings.trading_mode == TradingMode::Spot {
            return 1.0;
        }
        let max_leverage = self.limits(pair).max_leverage(stake);
        let wanted = if self.hooks.leverage {
            self.strategy.leverage(&self.request(pair, row, row.open, is_short, tag), max_leverage)
        } else {
            self.settings.leverage.unwrap_or(1.0)
        };
        // `max` and `min` also turn a NaN into 1.
        wanted.max(1.0).min(max_leverage)
    }

    /// Amount in base currency, cut to the market's step; `None` when it comes to nothing.
    fn entry_amount(&self, pair: usize, terms: &EntryTerms) -> Option<f64> {
        if terms.stake < terms.min_stake {
            return None;
        }
        let market = &self.pairs[pair].market;
        let amount = (terms.stake / terms.rate) * terms.leverage;
        let amount = amount_to_precision(amount, market.precision.amount, market.contract_size);
        (amount > 0.0).then_some(amount)
    }

    fn confirm_entry(
        &self,
        pair: usize,
        row: &Row,
        is_short: bool,
        rate: f64,
        amount: f64,
        tag: &str,
    ) -> bool {
        !self.hooks.confirm_trade_entry
            || self.strategy.confirm_trade_entry(&self.request(pair, row, rate, is_short, tag), amount)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one trade, each computed on its own")]
    fn open_trade(
        &mut self,
        pair: usize,
        row: &Row,
        side: Side,
        terms: &EntryTerms,
        amount: f64,
        tick: Option<f64>,
        tag: &str,
    ) {
        let data = &self.pairs[pair];
        self.trade_count += 1;
        let fee = self.fee();
        let trade = Trade {
            id: self.trade_count,
            pair: data.symbol.clone(),
            is_short: side == Side::Short,
            is_open: true,
            leverage: terms.leverage,
            stake_amount: amount * terms.rate / terms.leverage,
            max_stake_amount: 0.0,
            amount: 0.0,
            amount_requested: amount,
            open_rate: terms.rate,
            open_trade_value: 0.0,
            open_date: row.time,
            close_date: None,
            close_rate: None,
            fee_open: fee,
            fee_close: fee,
            enter_tag: tag.to_owned(),
            exit_reason: String::new(),
            stop_loss: 0.0,
            stop_loss_pct: None,
            initial_stop_loss: 0.0,
            initial_stop_loss_pct: None,
            is_stop_loss_trailing: false,
            liquidation_price: None,
            max_rate: 0.0,
            min_rate: 0.0,
            funding_fees: 0.0,
            realized_profit: 0.0,
            close_profit_abs: None,
            close_profit: None,
            orders: Vec::with_capacity(2),
        };
        let position = Position {
            trade,
            tick,
            amount_step: data.market.precision.amount,
            contract_size: data.market.contract_size,
            fee_close: Precise::new(fee),
            is_futures: self.settings.trading_mode == TradingMode::Futures,
            funding_fee_running: 0.0,
        };
        self.slots.insert(pair, position);
    }

    /// Fee of every fill: the configured one, or the worst of the first pair's.
    pub(super) fn fee(&self) -> f64 {
        let market = self.pairs.first().map(|pair| &pair.market);
        let worst =
            market.and_then(|market| [market.taker, market.maker].into_iter().flatten().reduce(f64::max));
        self.settings.fee.or(worst).unwrap_or_default()
    }

    /// Puts an entry order on an open trade and fills it if the candle holds its price.
    fn place_entry(&mut self, pair: usize, row: &Row, rate: f64, amount: f64, tag: String) {
        self.order_count += 1;
        let (id, fee, stoploss) = (self.order_count, self.fee(), self.settings.stoploss);
        let Some(position) = self.slots.get_mut(pair) else { return };
        let open_rate = position.trade.open_rate;
        position.adjust_stop_loss(open_rate, Some(stoploss), StopChange::Initial);
        position.trade.orders.push(Order {
            id,
            is_entry: true,
            is_open: true,
            amount,
            price: rate,
            cost: amount * rate * (1.0 + fee),
            order_date: row.time,
            filled_date: None,
            tag,
            funding_fee: 0.0,
        });
        let order = position.trade.orders.len() - 1;
        let filled = self.try_fill(pair, order, row);
        let settled = filled
            && self.settings.trading_mode == TradingMode::Spot
            && !self.hooks.custom_stoploss_after_fill;
        // A fill recalculates by itself; only funding or a stop moved after the fill make a second time differ.
        if let Some(position) = self.slots.get_mut(pair)
            && !settled
        {
            position.recalc_from_orders(false);
        }
    }
}
