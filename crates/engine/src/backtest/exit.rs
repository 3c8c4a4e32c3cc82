//! When and at what price a trade closes.

use tradai_strategy::settings::OrderType;
use tradai_strategy::{ExitRequest, Order, StopRequest, flag};

use super::Simulation;
use super::pair::Row;
use crate::money::{Rounding, amount_to_precision, price_to_precision};
use crate::position::{Position, StopChange};

/// Why a trade may close.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exit {
    /// An exit signal; the row's tag, if any, becomes the reason.
    Signal,
    /// `custom_exit` said so.
    Custom(String),
    /// The stop where it was set first.
    StopLoss,
    /// The stop after it moved.
    TrailingStop,
    /// The exchange's own stop.
    Liquidation,
    /// `minimal_roi`.
    Roi,
    /// `adjust_trade_position` takes money out.
    Partial(String),
}

impl Exit {
    fn reason(&self) -> &str {
        match self {
            Self::Signal => "exit_signal",
            Self::Custom(reason) if reason.is_empty() => "custom_exit",
            Self::Partial(tag) if tag.is_empty() => "partial_exit",
            Self::Custom(reason) | Self::Partial(reason) => reason,
            Self::StopLoss => "stop_loss",
            Self::TrailingStop => "trailing_stop_loss",
            Self::Liquidation => "liquidation",
            Self::Roi => "roi",
        }
    }
}

/// Longest reason that `custom_exit` may give.
const CUSTOM_TAG_MAX_LENGTH: usize = 255;

impl Simulation<'_> {
    /// Adjusts the position if asked to, and places an exit order if anything calls for it.
    pub(super) fn check_exit(&mut self, pair: usize, row: &Row) {
        self.update_funding(pair, row.time, false);
        if self.hooks.adjust_trade_position {
            self.adjust_position(pair, row);
        }
        if self.slots.get(pair).is_none() {
            return;
        }
        for exit in self.should_exit(pair, row).into_iter().flatten() {
            if self.exit(pair, row, &exit, None) {
                return;
            }
        }
    }

    /// Everything that calls for an exit, in the order in which it is tried.
    fn should_exit(&mut self, pair: usize, row: &Row) -> [Option<Exit>; 4] {
        let Some(position) = self.slots.get_mut(pair) else { return [const { None }; 4] };
        position.adjust_min_max_rates(row.high, row.low);
        let is_short = position.trade.is_short;
        let (enter, exit) = if is_short {
            (flag::ENTER_SHORT, flag::EXIT_SHORT)
        } else {
            (flag::ENTER_LONG, flag::EXIT_LONG)
        };
        let (enter, exit) = (row.flags & enter != 0, row.flags & exit != 0);
        let best = if is_short { row.low } else { row.high };
        let mut profit_best = None;
        let stop = self.stop_reached(pair, row, best, &mut profit_best);
        let waits = enter && self.settings.ignore_roi_if_entry_signal;
        let roi_reached = !waits && self.roi_reached(pair, row, best, &mut profit_best);
        let signal =
            if self.settings.use_exit_signal { self.exit_signal(pair, row, enter, exit) } else { None };
        let (trailing, plain) = if stop == Some(Exit::TrailingStop) { (stop, None) } else { (None, stop) };
        [signal, plain, roi_reached.then_some(Exit::Roi), trailing]
    }

    fn exit_signal(&self, pair: usize, row: &Row, enter: bool, exit: bool) -> Option<Exit> {
        let position = self.slots.get(pair)?;
        if exit && !enter {
            let in_profit = || position.profit_ratio(row.open) > self.settings.exit_profit_offset;
            return (!self.settings.exit_profit_only || in_profit()).then_some(Exit::Signal);
        }
        if !self.hooks.custom_exit {
            return None;
        }
        let request = self.exit_request(pair, row, row.open, "")?;
        let reason = self.strategy.custom_exit(&request)?;
        Some(Exit::Custom(reason.chars().take(CUSTOM_TAG_MAX_LENGTH).collect()))
    }

    pub(super) fn exit_request<'r>(
        &'r self,
        pair: usize,
        row: &Row,
        rate: f64,
        exit_reason: &'r str,
    ) -> Option<ExitRequest<'r>> {
        let position = self.slots.get(pair)?;
        let profit = position.profit_ratio(rate);
        let frame = self.view(pair, row);
        Some(ExitRequest { trade: &position.trade, now: row.time, rate, profit, exit_reason, frame })
    }

    /// Moves the stop as the candle's best price allows, then says whether the candle touches it.
    fn stop_reached(
        &mut self,
        pair: usize,
        row: &Row,
        best: f64,
        profit_best: &mut Option<f64>,
    ) -> Option<Exit> {
        self.adjust_stop(pair, row, best, profit_best);
        let trade = &self.slots.get(pair)?.trade;
        let touched = |price: f64| if trade.is_short { price <= row.high } else { price >= row.low };
        if touched(trade.stop_loss) {
            let trailing = trade.is_stop_loss_trailing;
            return Some(if trailing { Exit::TrailingStop } else { Exit::StopLoss });
        }
        let liquidation = trade.liquidation_price.filter(|price| *price != 0.0);
        liquidation.is_some_and(touched).then_some(Exit::Liquidation)
    }

    fn adjust_stop(&mut self, pair: usize, row: &Row, best: f64, profit_best: &mut Option<f64>) {
        let Some(position) = self.slots.get_mut(pair) else { return };
        let open_rate = position.trade.open_rate;
        position.adjust_stop_loss(open_rate, Some(self.settings.stoploss), StopChange::Initial);
        let trade = &position.trade;
        let outside = if trade.is_short { trade.stop_loss > row.high } else { trade.stop_loss < row.low };
        if !outside || !(self.hooks.custom_stoploss || self.settings.trailing_stop) {
            return;
        }
        let profit = *profit_best.get_or_insert_with(|| position.profit_ratio(best));
        self.move_stop(pair, row, best, profit, false);
    }

    /// The stop right after a fill at `price`.
    pub(super) fn adjust_stop_after_fill(&mut self, pair: usize, price: f64, row: &Row) {
        let Some(position) = self.slots.get_mut(pair) else { return };
        let profit = position.profit_ratio(price);
        let open_rate = position.trade.open_rate;
        position.adjust_stop_loss(open_rate, Some(self.settings.stoploss), StopChange::Initial);
        let trade = &position.trade;
        let outside = if trade.is_short { trade.stop_loss > price } else { trade.stop_loss < price };
        if !outside {
            return;
        }
        self.move_stop(pair, row, price, profit, true);
    }

    /// Asks for a custom stop, then trails: at the custom distance where there is one.
    fn move_stop(&mut self, pair: usize, row: &Row, rate: f64, profit: f64, after_fill: bool) {
        let custom = self.hooks.custom_stoploss;
        let custom = custom.then(|| self.ask_custom_stoploss(pair, row, rate, profit, after_fill)).flatten();
        if self.settings.trailing_stop {
            self.trail_stop(pair, rate, profit, custom.unwrap_or(self.settings.stoploss));
        }
    }

    fn ask_custom_stoploss(
        &mut self,
        pair: usize,
        row: &Row,
        rate: f64,
        profit: f64,
        after_fill: bool,
    ) -> Option<f64> {
        let frame = self.view(pair, row);
        let strategy = self.strategy;
        let position = self.slots.get_mut(pair)?;
        let request = StopRequest { trade: &position.trade, now: row.time, rate, profit, after_fill, frame };
        let stop = strategy.custom_stoploss(&request).filter(|stop| *stop != 0.0 && stop.is_finite());
        let change = if after_fill { StopChange::Refresh } else { StopChange::Tighten };
        position.adjust_stop_loss(rate, stop, change);
        stop
    }

    fn trail_stop(&mut self, pair: usize, rate: f64, profit: f64, distance: f64) {
        let settings = self.settings;
        let offset = settings.trailing_stop_positive_offset;
        if settings.trailing_only_offset_is_reached && profit < offset {
            return;
        }
        let positive = settings.trailing_stop_positive.filter(|_| profit > offset);
        let stop = positive.unwrap_or(distance);
        if let Some(position) = self.slots.get_mut(pair) {
            position.adjust_stop_loss(rate, Some(stop), StopChange::Tighten);
        }
    }

    fn roi_reached(&self, pair: usize, row: &Row, best: f64, profit_best: &mut Option<f64>) -> bool {
        let Some(position) = self.slots.get(pair) else { return false };
        let minutes = position.trade.duration_minutes(row.time);
        let Some((_, roi)) = self.roi_step(position, row, minutes) else { return false };
        *profit_best.get_or_insert_with(|| position.profit_ratio(best)) > roi
    }

    /// The ROI that counts now, and since which minute.
    fn roi_step(&self, position: &Position, row: &Row, minutes: i64) -> Option<(i64, f64)> {
        let table = self.settings.roi_at(minutes);
        if !self.hooks.custom_roi {
            return table;
        }
        let custom = self.strategy.custom_roi(&position.trade, row.time, minutes);
        match (custom.filter(|roi| roi.is_finite()), table) {
            (Some(custom), Some((_, roi))) if custom >= roi => table,
            (Some(custom), _) => Some((minutes, custom)),
            (None, _) => table,
        }
    }

    /// Places an exit order for `amount` (all without one). Returns whether one was placed.
    pub(super) fn exit(&mut self, pair: usize, row: &Row, exit: &Exit, amount: Option<f64>) -> bool {
        let Some(position) = self.slots.get(pair) else { return false };
        let minutes = position.trade.duration_minutes(row.time);
        let Some(rate) = self.close_rate(pair, position, row, exit, minutes) else { return false };
        let amount = amount.unwrap_or(position.trade.amount);
        let mut reason = exit.reason().to_owned();
        let tag = self.pairs[pair].exit_tag(row);
        if *exit == Exit::Signal && !tag.is_empty() {
            reason = tag.to_owned();
        }
        let rate = self.custom_exit_rate(pair, row, exit, rate, &reason);
        if !self.confirm_exit(pair, row, exit, rate, amount, &reason) {
            return false;
        }
        if let Some(position) = self.slots.get_mut(pair) {
            position.trade.exit_reason.clone_from(&reason);
        }
        self.place_exit(pair, row, rate, amount, &reason)
    }

    /// Price of signalled exits: limit orders may ask the strategy, and never wait on the side that fills at once.
    fn custom_exit_rate(&self, pair: usize, row: &Row, exit: &Exit, rate: f64, reason: &str) -> f64 {
        let signalled = matches!(exit, Exit::Signal | Exit::Custom(_) | Exit::Partial(_));
        if !signalled || self.settings.exit_order_type == OrderType::Market {
            return rate;
        }
        let mut wanted = rate;
        if self.hooks.custom_exit_price
            && let Some(request) = self.exit_request(pair, row, rate, reason)
        {
            let custom = self.strategy.custom_exit_price(&request);
            wanted = if custom.is_finite() { custom } else { rate };
        }
        let is_short = self.slots.get(pair).is_some_and(|position| position.trade.is_short);
        if is_short { wanted.min(row.high) } else { wanted.max(row.low) }
    }

    fn confirm_exit(
        &self,
        pair: usize,
        row: &Row,
        exit: &Exit,
        rate: f64,
        amount: f64,
        reason: &str,
    ) -> bool {
        let asked = self.hooks.confirm_trade_exit && !matches!(exit, Exit::Liquidation | Exit::Partial(_));
        if !asked {
            return true;
        }
        let request = self.exit_request(pair, row, rate, reason);
        request.is_some_and(|request| self.strategy.confirm_trade_exit(&request, amount))
    }

    /// Price at which the candle lets the trade close; `None` when it does not.
    fn close_rate(
        &self,
        pair: usize,
        position: &Position,
        row: &Row,
        exit: &Exit,
        minutes: i64,
    ) -> Option<f64> {
        match exit {
            Exit::StopLoss | Exit::TrailingStop | Exit::Liquidation => {
                Some(self.stop_rate(position, row, exit, minutes))
            }
            Exit::Roi => self.roi_rate(pair, position, row, minutes),
            Exit::Signal | Exit::Custom(_) | Exit::Partial(_) => Some(row.open),
        }
    }

    fn stop_rate(&self, position: &Position, row: &Row, exit: &Exit, minutes: i64) -> f64 {
        let trade = &position.trade;
        let liquidation = trade.liquidation_price.filter(|_| *exit == Exit::Liquidation);
        let stop = liquidation.unwrap_or(trade.stop_loss);
        // The whole candle lies beyond the stop: it was passed between two candles.
        let passed = if trade.is_short { stop < row.low } else { stop > row.high };
        if passed {
            return row.open;
        }
        if *exit != Exit::TrailingStop || minutes != 0 {
            return stop;
        }
        // Raised and hit in the candle of the entry: assume the price went just far enough to arm the stop.
        let side = if trade.is_short { -1.0 } else { 1.0 };
        let settings = self.settings;
        let positive = settings.trailing_stop_positive.filter(|positive| *positive != 0.0);
        let armed = !settings.use_custom_stoploss
            && settings.trailing_stop
            && settings.trailing_only_offset_is_reached;
        let rate = match positive.filter(|_| armed) {
            Some(positive) => {
                let offset = settings.trailing_stop_positive_offset.abs();
                row.open * (1.0 + side * offset - side * (positive / trade.leverage).abs())
            }
            None => {
                let distance = (trade.stop_loss_pct.unwrap_or_default() / trade.leverage).abs();
                row.open * (1.0 - side * distance)
            }
        };
        if trade.is_short { rate.min(row.high) } else { rate.max(row.low) }
    }

    fn roi_rate(&self, pair: usize, position: &Position, row: &Row, minutes: i64) -> Option<f64> {
        let Some((since, roi)) = self.roi_step(position, row, minutes) else { return Some(row.open) };
        let on_candle_open = since % self.timeframe.minutes() == 0;
        if roi == -1.0 && on_candle_open {
            return Some(row.open);
        }
        let trade = &position.trade;
        let rate = position.close_rate_for_roi(roi);
        let better_at_open = if trade.is_short { row.open < rate } else { row.open > rate };
        // The step came into effect at this open.
        if minutes > 0 && minutes == since && on_candle_open && better_at_open {
            return Some(row.open);
        }
        // An entry below the open of a falling candle came after the high.
        if minutes == 0 {
            let close = self.pairs[pair].close(row);
            let unreachable = if trade.is_short {
                row.open < close && trade.open_rate > row.open && rate < close
            } else {
                row.open > close && trade.open_rate < row.open && rate > close
            };
            if unreachable {
                return None;
            }
        }
        Some(rate.max(row.low).min(row.high))
    }

    /// Places an exit order, in place of any other. Returns whether it did: an equal one that waits is kept.
    pub(super) fn place_exit(
        &mut self,
        pair: usize,
        row: &Row,
        rate: f64,
        amount: f64,
        reason: &str,
    ) -> bool {
        let Some(position) = self.slots.get(pair) else { return false };
        let rate = price_to_precision(rate, position.tick, Rounding::Nearest);
        let amount = if amount == 0.0 { position.trade.amount } else { amount };
        let amount = amount_to_precision(amount, position.amount_step, position.contract_size);
        if self.handle_similar_order(pair, rate, amount, false) {
            return false;
        }
        self.order_count += 1;
        let (id, fee) = (self.order_count, self.fee());
        let Some(position) = self.slots.get_mut(pair) else { return false };
        position.trade.orders.push(Order {
            id,
            is_entry: false,
            is_open: true,
            amount,
            price: rate,
            cost: amount * rate * (1.0 + fee),
            order_date: row.time,
            filled_date: None,
            tag: reason.to_owned(),
            funding_fee: 0.0,
        });
        true
    }
}
