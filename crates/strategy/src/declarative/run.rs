//! A declared strategy as the engine sees it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use tradai_domain::{Millis, SeriesKey, Symbol};

use super::hook_compile::{CompiledCase, CompiledHook, CompiledPiece};
use super::hooks::Hook;
use super::knowledge::Moment;
use super::plan::PlannedRule;
use super::strategy::DeclarativeStrategy;
use crate::expression::evaluate::{Column, Frames, evaluate};
use crate::frame::{CandleSource, Frame};
use crate::strategy::{Strategy, StrategyError};
use crate::{
    Adjustment, EntryRequest, ExitRequest, Hooks, OrderPrice, Signals, StakeProposal, StopRequest, Trade,
};

/// Longest exit reason and tag that the engine takes.
const MAX_TAG: usize = 64;

impl DeclarativeStrategy {
    fn hook(&self, hook: Hook) -> Option<&CompiledHook> {
        self.plan.hooks.iter().find(|compiled| compiled.hook == hook)
    }

    /// Returns the case that answers, if any does.
    fn case(&self, hook: Hook, moment: &Moment<'_>) -> Option<&CompiledCase> {
        let holds = |case: &&CompiledCase| case.when.as_ref().is_none_or(|when| when.holds(moment));
        self.hook(hook)?.cases.iter().find(holds)
    }

    /// Returns a hook's number; nothing when no case holds or the number is unknown.
    fn number(&self, hook: Hook, moment: &Moment<'_>) -> Option<f64> {
        let value = self.case(hook, moment)?.value.as_ref()?.evaluate(moment);
        (!value.is_nan()).then_some(value)
    }

    /// Returns a hook's answer to a yes-or-no question, or what holds without the hook.
    fn flag(&self, hook: Hook, moment: &Moment<'_>, otherwise: bool) -> bool {
        let value = self.case(hook, moment).and_then(|case| case.value.as_ref());
        value.map_or(otherwise, |value| value.holds(moment))
    }

    fn populate(
        &self,
        rules: &[PlannedRule],
        frame: &Frame,
        mut apply: impl FnMut(&[bool], &PlannedRule),
    ) -> Result<(), StrategyError> {
        let frames = Frames::own(frame);
        let roots: Vec<usize> = rules.iter().map(|rule| rule.condition).collect();
        let columns = evaluate(&self.plan.graph, &roots, &self.plan.columns, &frames)?;
        for (rule, column) in rules.iter().zip(columns) {
            match column {
                Column::Flags(flags) => apply(&flags, rule),
                Column::Always(true) => apply(&vec![true; frame.len()], rule),
                _ => {}
            }
        }
        Ok(())
    }
}

fn tag_text(pieces: &[CompiledPiece], moment: &Moment<'_>) -> String {
    let mut tag = String::new();
    for piece in pieces {
        match piece {
            CompiledPiece::Text(text) => tag.push_str(text),
            CompiledPiece::Number(number) => tag.push_str(&number.evaluate(moment).to_string()),
        }
    }
    match tag.char_indices().nth(MAX_TAG) {
        Some((end, _)) => tag[..end].to_owned(),
        None => tag,
    }
}

impl Strategy for DeclarativeStrategy {
    fn name(&self) -> &str {
        &self.file.strategy.name
    }

    fn settings(&self) -> Map<String, Json> {
        (*self.settings).clone()
    }

    fn hooks(&self) -> Hooks {
        let has = |hook: Hook| self.hook(hook).is_some();
        Hooks {
            bot_loop_start: false,
            custom_stoploss: has(Hook::CustomStoploss),
            custom_stoploss_after_fill: self
                .hook(Hook::CustomStoploss)
                .is_some_and(|compiled| compiled.asks_after_fill),
            custom_roi: has(Hook::CustomRoi),
            custom_exit: has(Hook::CustomExit),
            custom_entry_price: has(Hook::CustomEntryPrice),
            custom_exit_price: has(Hook::CustomExitPrice),
            custom_stake_amount: has(Hook::CustomStakeAmount),
            leverage: has(Hook::Leverage),
            confirm_trade_entry: has(Hook::ConfirmTradeEntry),
            confirm_trade_exit: has(Hook::ConfirmTradeExit),
            adjust_trade_position: has(Hook::AdjustTradePosition),
            adjust_order_price: has(Hook::AdjustOrderPrice),
            check_entry_timeout: has(Hook::CheckEntryTimeout),
            check_exit_timeout: has(Hook::CheckExitTimeout),
            order_filled: false,
        }
    }

    fn informative_pairs(&self, whitelist: &[Symbol]) -> Vec<SeriesKey> {
        let own = self.source.timeframe;
        let mut keys = BTreeSet::new();
        for series in &self.plan.informative {
            let timeframe = series.timeframe.unwrap_or(own);
            let pairs = match &series.pair {
                Some(pair) => std::slice::from_ref(pair),
                None => whitelist,
            };
            keys.extend(pairs.iter().map(|pair| SeriesKey::traded(pair, timeframe)));
        }
        keys.into_iter().collect()
    }

    fn populate_indicators(&self, frame: &mut Frame, source: &dyn CandleSource) -> Result<(), StrategyError> {
        let plan = &self.plan;
        let roots: Vec<usize> = plan.columns.keys().copied().collect();
        let reached = plan.graph.reachable(&roots, |_| false);
        let mut computed = Vec::with_capacity(roots.len());
        {
            let frames = Frames::load(&plan.graph, &reached, frame, source)?;
            let nothing_stored = std::collections::BTreeMap::new();
            let columns = evaluate(&plan.graph, &roots, &nothing_stored, &frames)?;
            for (name, column) in plan.columns.values().zip(columns) {
                if let Column::Numbers(values) = column {
                    computed.push((name, Cow::into_owned(values)));
                }
            }
        }
        for (name, values) in computed {
            frame.insert(name.as_str(), values)?;
        }
        Ok(())
    }

    fn populate_entry_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError> {
        self.populate(&self.plan.entry, frame, |flags, rule| signals.enter_where(flags, rule.bits, &rule.tag))
    }

    fn populate_exit_trend(&self, frame: &Frame, signals: &mut Signals) -> Result<(), StrategyError> {
        self.populate(&self.plan.exit, frame, |flags, rule| signals.exit_where(flags, rule.bits, &rule.tag))
    }

    fn custom_stoploss(&self, request: &StopRequest<'_>) -> Option<f64> {
        self.number(Hook::CustomStoploss, &Moment::of_stop(request))
    }

    fn custom_roi(&self, trade: &Trade, now: Millis, _duration_minutes: i64) -> Option<f64> {
        self.number(Hook::CustomRoi, &Moment::of_trade(trade, None, now))
    }

    fn custom_exit(&self, request: &ExitRequest<'_>) -> Option<String> {
        let moment = Moment::of_exit(request);
        self.case(Hook::CustomExit, &moment).map(|case| tag_text(&case.tag, &moment))
    }

    fn custom_entry_price(&self, request: &EntryRequest<'_>) -> f64 {
        self.number(Hook::CustomEntryPrice, &Moment::of_entry(request)).unwrap_or(request.rate)
    }

    fn custom_exit_price(&self, request: &ExitRequest<'_>) -> f64 {
        self.number(Hook::CustomExitPrice, &Moment::of_exit(request)).unwrap_or(request.rate)
    }

    fn custom_stake_amount(&self, request: &EntryRequest<'_>, stake: &StakeProposal) -> f64 {
        let moment = Moment::of_entry(request).with_stake(stake);
        self.number(Hook::CustomStakeAmount, &moment).unwrap_or(stake.proposed_stake)
    }

    fn leverage(&self, request: &EntryRequest<'_>, max_leverage: f64) -> f64 {
        let moment = Moment::of_entry(request).with_max_leverage(max_leverage);
        self.number(Hook::Leverage, &moment).unwrap_or(1.0)
    }

    fn confirm_trade_entry(&self, request: &EntryRequest<'_>, _amount: f64) -> bool {
        self.flag(Hook::ConfirmTradeEntry, &Moment::of_entry(request), true)
    }

    fn confirm_trade_exit(&self, request: &ExitRequest<'_>, _amount: f64) -> bool {
        self.flag(Hook::ConfirmTradeExit, &Moment::of_exit(request), true)
    }

    fn adjust_trade_position(
        &self,
        request: &ExitRequest<'_>,
        min_stake: Option<f64>,
        max_stake: f64,
    ) -> Option<Adjustment> {
        let moment = Moment::of_exit(request).with_stake_limits(min_stake, max_stake);
        let case = self.case(Hook::AdjustTradePosition, &moment)?;
        let stake = case.value.as_ref()?.evaluate(&moment);
        (!stake.is_nan()).then(|| Adjustment { stake, tag: tag_text(&case.tag, &moment) })
    }

    fn adjust_order_price(&self, request: &OrderPrice<'_>) -> Option<f64> {
        let moment = Moment::of_order(request);
        // No case keeps the order; a case that gives `none` cancels it.
        match self.case(Hook::AdjustOrderPrice, &moment) {
            None => Some(request.order.price),
            Some(_) => self.number(Hook::AdjustOrderPrice, &moment),
        }
    }

    fn check_entry_timeout(&self, request: &OrderPrice<'_>) -> bool {
        self.flag(Hook::CheckEntryTimeout, &Moment::of_order(request), false)
    }

    fn check_exit_timeout(&self, request: &OrderPrice<'_>) -> bool {
        self.flag(Hook::CheckExitTimeout, &Moment::of_order(request), false)
    }
}
