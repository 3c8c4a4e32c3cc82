//! `strategy.py` of a case: the hooks of `oracle_strategy.rs` in Python words.

use serde_json::{Map, Value};

use crate::oracle_strategy::{AdjustRule, Callbacks, Change, Choice, ExitRule, Reprice, Stake, StopRule};

/// Settings that a strategy class holds; the rest is configuration.
const ATTRIBUTES: [&str; 20] = [
    "timeframe",
    "can_short",
    "startup_candle_count",
    "minimal_roi",
    "stoploss",
    "trailing_stop",
    "trailing_stop_positive",
    "trailing_stop_positive_offset",
    "trailing_only_offset_is_reached",
    "use_custom_stoploss",
    "use_custom_roi",
    "order_types",
    "use_exit_signal",
    "exit_profit_only",
    "exit_profit_offset",
    "ignore_roi_if_entry_signal",
    "ignore_buying_expired_candle_after",
    "position_adjustment_enable",
    "max_entry_position_adjustment",
    "protections",
];

pub(crate) fn is_attribute(key: &str) -> bool {
    ATTRIBUTES.contains(&key)
}

const HEAD: &str = r#"from datetime import timedelta
from pathlib import Path

import pandas as pd
from freqtrade.strategy import IStrategy

SIGNALS = pd.read_parquet(Path(__file__).with_name("signals.parquet"))


def choose(pair, now, salt, answers):
    minutes = int(now.timestamp()) // 60
    mixed = (minutes * 2654435761 + ord(pair[0]) * 40503 + salt * 97) % (1 << 32)
    return answers[(mixed >> 8) % len(answers)]


def column(df, pair, name):
    own = SIGNALS[SIGNALS["pair"] == pair].set_index("timestamp")[name]
    return df["date"].dt.as_unit("ms").astype("int64").map(own)


class Case(IStrategy):
    INTERFACE_VERSION = 3
"#;

const SIGNALS: &str = r#"
    def populate_indicators(self, df, metadata):
        return df

    def populate_entry_trend(self, df, metadata):
        for name in ("enter_long", "enter_short"):
            df[name] = column(df, metadata["pair"], name).fillna(0).astype(int)
        df["enter_tag"] = column(df, metadata["pair"], "enter_tag").fillna("")
        return df

    def populate_exit_trend(self, df, metadata):
        for name in ("exit_long", "exit_short"):
            df[name] = column(df, metadata["pair"], name).fillna(0).astype(int)
        df["exit_tag"] = column(df, metadata["pair"], "exit_tag").fillna("")
        return df
"#;

/// Returns the text of the strategy.
pub(crate) fn strategy(settings: &Map<String, Value>, callbacks: &Callbacks) -> String {
    let mut text = HEAD.to_owned();
    for (key, value) in settings.iter().filter(|(key, _)| is_attribute(key)) {
        let value = literal(value);
        let line = match key.as_str() {
            // Freqtrade looks for a property.
            "protections" => format!("\n    @property\n    def protections(self):\n        return {value}\n"),
            _ => format!("    {key} = {value}\n"),
        };
        text.push_str(&line);
    }
    text.push_str(SIGNALS);
    for hook in hooks(callbacks) {
        text.push('\n');
        text.push_str(&hook);
    }
    text
}

fn hooks(own: &Callbacks) -> Vec<String> {
    let mut hooks = Vec::new();
    if own.bot_loop_start {
        hooks.push(method("bot_loop_start(self, current_time, **kwargs)", "pass"));
    }
    hooks.extend(own.custom_stoploss.as_ref().map(custom_stoploss));
    hooks.extend(own.custom_roi.as_ref().map(|rule| {
        let body = format!("return {}", choose(rule, "pair", |roi| optional(*roi)));
        method(
            "custom_roi(self, pair, trade, current_time, trade_duration, entry_tag, side, **kwargs)",
            &body,
        )
    }));
    hooks.extend(own.custom_exit.as_ref().map(custom_exit));
    hooks.extend(own.custom_entry_price.as_ref().map(|rule| {
        let body = format!("return proposed_rate * (1.0 + {})", choose(rule, "pair", number));
        method(
            "custom_entry_price(self, pair, trade, current_time, proposed_rate, entry_tag, side, **kwargs)",
            &body,
        )
    }));
    hooks.extend(own.custom_exit_price.as_ref().map(|rule| {
        let body = format!("return proposed_rate * (1.0 + {})", choose(rule, "pair", number));
        let head = "custom_exit_price(self, pair, trade, current_time, proposed_rate, current_profit, exit_tag, \
                    **kwargs)";
        method(head, &body)
    }));
    hooks.extend(own.custom_stake_amount.as_ref().map(custom_stake_amount));
    hooks.extend(own.leverage.as_ref().map(|rule| {
        let shifted = choose_with(rule, "pair", "int(side == \"short\")", number);
        let head = "leverage(self, pair, current_time, current_rate, proposed_leverage, max_leverage, entry_tag, \
                    side, **kwargs)";
        method(head, &format!("return {shifted}"))
    }));
    hooks.extend(own.confirm_trade_entry.as_ref().map(|rule| {
        let head = "confirm_trade_entry(self, pair, order_type, amount, rate, time_in_force, current_time, \
                    entry_tag, side, **kwargs)";
        method(head, &format!("return {}", choose(rule, "pair", truth)))
    }));
    hooks.extend(own.confirm_trade_exit.as_ref().map(|rule| {
        let head = "confirm_trade_exit(self, pair, trade, order_type, amount, rate, time_in_force, exit_reason, \
                    current_time, **kwargs)";
        let asked = if rule.reasons.is_empty() {
            String::new()
        } else {
            format!("exit_reason not in {:?} or ", rule.reasons)
        };
        method(head, &format!("return {asked}{}", choose(&rule.allow, "pair", truth)))
    }));
    hooks.extend(own.adjust_trade_position.as_ref().map(adjust_trade_position));
    hooks.extend(own.adjust_order_price.as_ref().map(adjust_order_price));
    for (side, minutes) in [("entry", own.check_entry_timeout), ("exit", own.check_exit_timeout)] {
        hooks.extend(minutes.map(|minutes| {
            let body = format!("return current_time - order.order_date_utc > timedelta(minutes={minutes})");
            method(&format!("check_{side}_timeout(self, pair, trade, order, current_time, **kwargs)"), &body)
        }));
    }
    hooks
}

fn method(head: &str, body: &str) -> String {
    let mut text = format!("    def {head}:\n");
    for line in body.lines() {
        text.push_str(&format!("        {line}"));
        text.push('\n');
    }
    text
}

fn custom_stoploss(rule: &StopRule) -> String {
    let named = if rule.wants_after_fill { "after_fill, " } else { "" };
    let mut body = String::new();
    if let Some(stop) = rule.after_fill.filter(|_| rule.wants_after_fill) {
        body.push_str(&format!("if after_fill:\n    return {stop:?}"));
        body.push('\n');
    }
    for (profit, stop) in &rule.steps {
        body.push_str(&format!("if current_profit > {profit:?}:\n    return {stop:?}"));
        body.push('\n');
    }
    body.push_str(&format!("return {}", optional(rule.otherwise)));
    body.push('\n');
    let head = format!(
        "custom_stoploss(self, pair, trade, current_time, current_rate, current_profit, {named}**kwargs)"
    );
    method(&head, &body)
}

fn custom_exit(rule: &ExitRule) -> String {
    let mut condition =
        format!("current_time - trade.open_date_utc >= timedelta(minutes={})", rule.after_minutes);
    condition.push_str(&bounds(rule.above, rule.below));
    let reason = if rule.reason.is_empty() { "True".to_owned() } else { format!("{:?}", rule.reason) };
    let body = format!("if {condition}:\n    return {reason}\nreturn None");
    method("custom_exit(self, pair, trade, current_time, current_rate, current_profit, **kwargs)", &body)
}

fn custom_stake_amount(rule: &Choice<Stake>) -> String {
    let answer = |stake: &Stake| match stake {
        Stake::Proposed(factor) => format!("proposed_stake * {factor:?}"),
        Stake::Min(factor) => format!("min_stake * {factor:?}"),
        Stake::Max(factor) => format!("max_stake * {factor:?}"),
        Stake::Fixed(money) => format!("{money:?}"),
    };
    let head = "custom_stake_amount(self, pair, current_time, current_rate, proposed_stake, min_stake, max_stake, \
                leverage, entry_tag, side, **kwargs)";
    method(head, &format!("return {}", choose(rule, "pair", answer)))
}

fn adjust_trade_position(rule: &AdjustRule) -> String {
    let mut body = String::new();
    if rule.waits {
        body.push_str("if trade.has_open_orders:\n    return None\n");
    }
    let condition = bounds(rule.above, rule.below);
    if !condition.is_empty() {
        let condition = condition.trim_start_matches(" and ");
        body.push_str(&format!("if not ({condition}):\n    return None"));
        body.push('\n');
    }
    let answer = |change: &Change| match change {
        Change::Nothing => "None".to_owned(),
        Change::Share(share) => format!("trade.stake_amount * {share:?}"),
        Change::Money(money) => format!("{money:?}"),
    };
    body.push_str(&format!("stake = {}", choose(&rule.change, "trade.pair", answer)));
    body.push('\n');
    let tagged = if rule.tag.is_empty() { "stake".to_owned() } else { format!("(stake, {:?})", rule.tag) };
    body.push_str(&format!("return None if stake is None else {tagged}"));
    body.push('\n');
    let head = "adjust_trade_position(self, trade, current_time, current_rate, current_profit, min_stake, \
                max_stake, current_entry_rate, current_exit_rate, current_entry_profit, current_exit_profit, \
                **kwargs)";
    method(head, &body)
}

fn adjust_order_price(rule: &Choice<Reprice>) -> String {
    let answer = |reprice: &Reprice| match reprice {
        Reprice::Keep => "current_order_rate".to_owned(),
        Reprice::Cancel => "None".to_owned(),
        Reprice::FromOpen(offset) => format!("proposed_rate * (1.0 + {offset:?})"),
        Reprice::FromOrder(offset) => format!("current_order_rate * (1.0 + {offset:?})"),
    };
    let head = "adjust_order_price(self, trade, order, pair, current_time, proposed_rate, current_order_rate, \
                entry_tag, side, is_entry, **kwargs)";
    method(head, &format!("return {}", choose_with(rule, "pair", "int(is_entry)", answer)))
}

fn bounds(above: Option<f64>, below: Option<f64>) -> String {
    let mut text = String::new();
    if let Some(above) = above {
        text.push_str(&format!(" and current_profit > {above:?}"));
    }
    if let Some(below) = below {
        text.push_str(&format!(" and current_profit < {below:?}"));
    }
    text
}

fn choose<T>(choice: &Choice<T>, pair: &str, answer: impl Fn(&T) -> String) -> String {
    let answers: Vec<String> = choice.of.iter().map(answer).collect();
    format!("choose({pair}, current_time, {}, [{}])", choice.salt, answers.join(", "))
}

fn choose_with<T>(choice: &Choice<T>, pair: &str, shift: &str, answer: impl Fn(&T) -> String) -> String {
    let answers: Vec<String> = choice.of.iter().map(answer).collect();
    format!("choose({pair}, current_time, {} + {shift}, [{}])", choice.salt, answers.join(", "))
}

fn number(value: &f64) -> String {
    format!("{value:?}")
}

fn truth(value: &bool) -> String {
    if *value { "True".to_owned() } else { "False".to_owned() }
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "None".to_owned(), |value| format!("{value:?}"))
}

/// A JSON value as Python writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(flag) => truth(flag),
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(map) => {
            let items = map.iter().map(|(key, value)| format!("{key:?}: {}", literal(value)));
            format!("{{{}}}", items.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
