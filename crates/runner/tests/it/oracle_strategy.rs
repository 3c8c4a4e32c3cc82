//! Strategies of made-up cases: given signals, and hooks from a small family.
//!
//! `strategy.py` of a case says the same in Python words (`examples/oracle_fuzz/python.rs` writes it); here the
//! parameters come from `case.json`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tradai_domain::{Millis, Symbol};
use tradai_engine::GivenSignal;
use tradai_strategy::{
    Adjustment, CandleSource, EntryRequest, ExitRequest, Frame, Hooks, OrderPrice, Signals, StakeProposal,
    StopRequest, Strategy, StrategyError, Trade,
};

/// One of several answers, chosen by pair and minute: as good as random, and the same in both languages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Choice<T> {
    pub(crate) salt: u64,
    pub(crate) of: Vec<T>,
}

impl<T> Choice<T> {
    fn at(&self, pair: &Symbol, now: Millis, shift: u64) -> &T {
        let minutes = u64::try_from(now / 60_000).unwrap_or_default();
        let letter = u64::from(pair.as_str().as_bytes()[0]);
        let mixed = (minutes * 2_654_435_761 + letter * 40_503 + (self.salt + shift) * 97) % (1 << 32);
        let place = (mixed >> 8) % self.of.len() as u64;
        &self.of[usize::try_from(place).unwrap_or_default()]
    }
}

/// `custom_stoploss`: the first step whose profit is passed gives the stop.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StopRule {
    pub(crate) steps: Vec<(f64, f64)>,
    pub(crate) otherwise: Option<f64>,
    pub(crate) wants_after_fill: bool,
    pub(crate) after_fill: Option<f64>,
}

/// `custom_exit`: after some minutes, if the profit is on one side of a bound. An empty reason stands for `True`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExitRule {
    pub(crate) after_minutes: i64,
    pub(crate) above: Option<f64>,
    pub(crate) below: Option<f64>,
    pub(crate) reason: String,
}

/// `custom_stake_amount`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Stake {
    Proposed(f64),
    Min(f64),
    Max(f64),
    Fixed(f64),
}

/// `confirm_trade_exit`: the choice counts for these reasons; for all when there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConfirmExit {
    pub(crate) allow: Choice<bool>,
    pub(crate) reasons: Vec<String>,
}

/// What `adjust_trade_position` does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Change {
    Nothing,
    /// Share of the trade's stake to add (negative: to take out).
    Share(f64),
    /// Money to add.
    Money(f64),
}

/// `adjust_trade_position`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct AdjustRule {
    pub(crate) change: Choice<Change>,
    pub(crate) above: Option<f64>,
    pub(crate) below: Option<f64>,
    /// Whether nothing happens while an order waits.
    pub(crate) waits: bool,
    pub(crate) tag: String,
}

/// What `adjust_order_price` says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reprice {
    Keep,
    Cancel,
    /// Relative distance from the candle's open.
    FromOpen(f64),
    /// Relative distance from the order's price.
    FromOrder(f64),
}

/// The hooks of a case.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Callbacks {
    pub(crate) bot_loop_start: bool,
    pub(crate) custom_stoploss: Option<StopRule>,
    pub(crate) custom_roi: Option<Choice<Option<f64>>>,
    pub(crate) custom_exit: Option<ExitRule>,
    pub(crate) custom_entry_price: Option<Choice<f64>>,
    pub(crate) custom_exit_price: Option<Choice<f64>>,
    pub(crate) custom_stake_amount: Option<Choice<Stake>>,
    pub(crate) leverage: Option<Choice<f64>>,
    pub(crate) confirm_trade_entry: Option<Choice<bool>>,
    pub(crate) confirm_trade_exit: Option<ConfirmExit>,
    pub(crate) adjust_trade_position: Option<AdjustRule>,
    pub(crate) adjust_order_price: Option<Choice<Reprice>>,
    /// Minutes.
    pub(crate) check_entry_timeout: Option<i64>,
    /// Minutes.
    pub(crate) check_exit_timeout: Option<i64>,
}

/// Given signals and the hooks of a case.
#[derive(Debug, Clone, Default)]
pub(crate) struct CaseStrategy {
    pub(crate) callbacks: Callbacks,
    /// Empty where the engine is given them.
    pub(crate) signals: BTreeMap<Symbol, Vec<GivenSignal>>,
}

impl CaseStrategy {
    fn set_signals(&self, frame: &Frame, signals: &mut Signals, bits: u8) {
        let times = frame.candles().open_time();
        for given in self.signals.get(frame.pair()).into_iter().flatten() {
            let Ok(row) = times.binary_search(&given.time) else { continue };
            signals.set(row, given.flags & bits);
            let is_entry = bits & tradai_strategy::flag::ENTER_LONG != 0;
            let tag = signals.tag(if is_entry { &given.enter_tag } else { &given.exit_tag });
            match (tag, is_entry) {
                (0, _) => {}
                (tag, true) => signals.set_enter_tag(row, tag),
                (tag, false) => signals.set_exit_tag(row, tag),
            }
        }
    }
}

fn between(value: f64, above: Option<f64>, below: Option<f64>) -> bool {
    above.is_none_or(|bound| value > bound) && below.is_none_or(|bound| value < bound)
}

impl Strategy for CaseStrategy {
    fn name(&self) -> &str {
        "Case"
    }

    fn hooks(&self) -> Hooks {
        let own = &self.callbacks;
        Hooks {
            bot_loop_start: own.bot_loop_start,
            custom_stoploss: own.custom_stoploss.is_some(),
            custom_stoploss_after_fill: own
                .custom_stoploss
                .as_ref()
                .is_some_and(|rule| rule.wants_after_fill),
            custom_roi: own.custom_roi.is_some(),
            custom_exit: own.custom_exit.is_some(),
            custom_entry_price: own.custom_entry_price.is_some(),
            custom_exit_price: own.custom_exit_price.is_some(),
            custom_stake_amount: own.custom_stake_amount.is_some(),
            leverage: own.leverage.is_some(),
            confirm_trade_entry: own.confirm_trade_entry.is_some(),
            confirm_trade_exit: own.confirm_trade_exit.is_some(),
            adjust_trade_position: own.adjust_trade_position.is_some(),
            adjust_order_price: own.adjust_order_price.is_some(),
            check_entry_timeout: own.check_entry_timeout.is_some(),
            check_exit_timeout: own.check_exit_timeout.is_some(),
            order_filled: false,
        }
    }

    fn populate_indicators(&self, _: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        Ok(())
    }

    fn populate_entry_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError> {
        self.set_signals(frame, signals, 0b0101);
        Ok(())
    }

    fn populate_exit_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError> {
        self.set_signals(frame, signals, 0b1010);
        Ok(())
    }

    fn custom_stoploss(&self, request: &StopRequest<'_>) -> Option<f64> {
        let rule = self.callbacks.custom_stoploss.as_ref()?;
        if request.after_fill && rule.after_fill.is_some() {
            return rule.after_fill;
        }
        let step = rule.steps.iter().find(|(profit, _)| request.profit > *profit);
        step.map(|&(_, stop)| stop).or(rule.otherwise)
    }

    fn custom_roi(&self, trade: &Trade, now: Millis, _: i64) -> Option<f64> {
        *self.callbacks.custom_roi.as_ref()?.at(&trade.pair, now, 0)
    }

    fn custom_exit(&self, request: &ExitRequest<'_>) -> Option<String> {
        let rule = self.callbacks.custom_exit.as_ref()?;
        let late = request.now - request.trade.open_date >= rule.after_minutes * 60_000;
        (late && between(request.profit, rule.above, rule.below)).then(|| rule.reason.clone())
    }

    fn custom_entry_price(&self, request: &EntryRequest<'_>) -> f64 {
        let offsets = self.callbacks.custom_entry_price.as_ref();
        offsets
            .map_or(request.rate, |offsets| request.rate * (1.0 + offsets.at(request.pair, request.now, 0)))
    }

    fn custom_exit_price(&self, request: &ExitRequest<'_>) -> f64 {
        let offsets = self.callbacks.custom_exit_price.as_ref();
        let pair = &request.trade.pair;
        offsets.map_or(request.rate, |offsets| request.rate * (1.0 + offsets.at(pair, request.now, 0)))
    }

    fn custom_stake_amount(&self, request: &EntryRequest<'_>, stake: &StakeProposal) -> f64 {
        let Some(rule) = &self.callbacks.custom_stake_amount else { return stake.proposed_stake };
        match *rule.at(request.pair, request.now, 0) {
            Stake::Proposed(factor) => stake.proposed_stake * factor,
            Stake::Min(factor) => stake.min_stake * factor,
            Stake::Max(factor) => stake.max_stake * factor,
            Stake::Fixed(money) => money,
        }
    }

    fn leverage(&self, request: &EntryRequest<'_>, _: f64) -> f64 {
        let shift = u64::from(request.is_short);
        self.callbacks.leverage.as_ref().map_or(1.0, |rule| *rule.at(request.pair, request.now, shift))
    }

    fn confirm_trade_entry(&self, request: &EntryRequest<'_>, _: f64) -> bool {
        let rule = self.callbacks.confirm_trade_entry.as_ref();
        rule.is_none_or(|rule| *rule.at(request.pair, request.now, 0))
    }

    fn confirm_trade_exit(&self, request: &ExitRequest<'_>, _: f64) -> bool {
        let Some(rule) = &self.callbacks.confirm_trade_exit else { return true };
        let asked =
            rule.reasons.is_empty() || rule.reasons.iter().any(|reason| reason == request.exit_reason);
        !asked || *rule.allow.at(&request.trade.pair, request.now, 0)
    }

    fn adjust_trade_position(&self, request: &ExitRequest<'_>, _: Option<f64>, _: f64) -> Option<Adjustment> {
        let rule = self.callbacks.adjust_trade_position.as_ref()?;
        if (rule.waits && request.trade.has_open_orders()) || !between(request.profit, rule.above, rule.below)
        {
            return None;
        }
        let stake = match *rule.change.at(&request.trade.pair, request.now, 0) {
            Change::Nothing => return None,
            Change::Share(share) => request.trade.stake_amount * share,
            Change::Money(money) => money,
        };
        Some(Adjustment { stake, tag: rule.tag.clone() })
    }

    fn adjust_order_price(&self, request: &OrderPrice<'_>) -> Option<f64> {
        let Some(rule) = &self.callbacks.adjust_order_price else { return Some(request.order.price) };
        match *rule.at(&request.trade.pair, request.now, u64::from(request.order.is_entry)) {
            Reprice::Keep => Some(request.order.price),
            Reprice::Cancel => None,
            Reprice::FromOpen(offset) => Some(request.proposed_rate * (1.0 + offset)),
            Reprice::FromOrder(offset) => Some(request.order.price * (1.0 + offset)),
        }
    }

    fn check_entry_timeout(&self, request: &OrderPrice<'_>) -> bool {
        waits_longer(self.callbacks.check_entry_timeout, request)
    }

    fn check_exit_timeout(&self, request: &OrderPrice<'_>) -> bool {
        waits_longer(self.callbacks.check_exit_timeout, request)
    }
}

fn waits_longer(minutes: Option<i64>, request: &OrderPrice<'_>) -> bool {
    minutes.is_some_and(|minutes| request.now - request.order.order_date > minutes * 60_000)
}
