//! `hooks`: answers to the engine's questions about single trades, as expressions.
//!
//! A hook is one expression, or a list of cases of which the first whose `when` holds gives the answer.

use super::error::Fault;
use super::section::{Faults, Located, Section, located};
use super::yaml::{Node, Value};
use crate::expression::did_you_mean;
use crate::expression::variable::group;

/// A hook that a file can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Hook {
    CustomStoploss,
    CustomRoi,
    CustomExit,
    CustomEntryPrice,
    CustomExitPrice,
    CustomStakeAmount,
    Leverage,
    ConfirmTradeEntry,
    ConfirmTradeExit,
    AdjustTradePosition,
    AdjustOrderPrice,
    CheckEntryTimeout,
    CheckExitTimeout,
}

/// What a hook answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A number under this key.
    Number(&'static str),
    /// A number under this key, and a tag.
    Tagged(&'static str),
    /// A tag alone.
    Tag,
    /// Yes or no.
    Flag,
}

impl Hook {
    pub(crate) const ALL: [Self; 13] = [
        Self::CustomStoploss,
        Self::CustomRoi,
        Self::CustomExit,
        Self::CustomEntryPrice,
        Self::CustomExitPrice,
        Self::CustomStakeAmount,
        Self::Leverage,
        Self::ConfirmTradeEntry,
        Self::ConfirmTradeExit,
        Self::AdjustTradePosition,
        Self::AdjustOrderPrice,
        Self::CheckEntryTimeout,
        Self::CheckExitTimeout,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::CustomStoploss => "custom_stoploss",
            Self::CustomRoi => "custom_roi",
            Self::CustomExit => "custom_exit",
            Self::CustomEntryPrice => "custom_entry_price",
            Self::CustomExitPrice => "custom_exit_price",
            Self::CustomStakeAmount => "custom_stake_amount",
            Self::Leverage => "leverage",
            Self::ConfirmTradeEntry => "confirm_trade_entry",
            Self::ConfirmTradeExit => "confirm_trade_exit",
            Self::AdjustTradePosition => "adjust_trade_position",
            Self::AdjustOrderPrice => "adjust_order_price",
            Self::CheckEntryTimeout => "check_entry_timeout",
            Self::CheckExitTimeout => "check_exit_timeout",
        }
    }

    pub(crate) fn answer(self) -> Answer {
        match self {
            Self::CustomExit => Answer::Tag,
            Self::AdjustTradePosition => Answer::Tagged("stake"),
            Self::ConfirmTradeEntry
            | Self::ConfirmTradeExit
            | Self::CheckEntryTimeout
            | Self::CheckExitTimeout => Answer::Flag,
            _ => Answer::Number("value"),
        }
    }

    /// The groups of names that it knows.
    pub(crate) fn groups(self) -> u8 {
        use group::{ADJUST, ENTRY, LEVERAGE, ORDER, PROFIT, STAKE, STOP, TRADE};
        match self {
            Self::CustomStoploss => TRADE | PROFIT | STOP,
            Self::CustomRoi => TRADE,
            Self::CustomExit | Self::CustomExitPrice | Self::ConfirmTradeExit => TRADE | PROFIT,
            Self::CustomEntryPrice | Self::ConfirmTradeEntry => ENTRY,
            Self::CustomStakeAmount => ENTRY | STAKE,
            Self::Leverage => ENTRY | LEVERAGE,
            Self::AdjustTradePosition => TRADE | PROFIT | ADJUST,
            Self::AdjustOrderPrice | Self::CheckEntryTimeout | Self::CheckExitTimeout => TRADE | ORDER,
        }
    }

    /// The setting without which the engine does not ask, and which writing the hook down turns on.
    pub(crate) fn switch(self) -> Option<&'static str> {
        match self {
            Self::CustomStoploss => Some("use_custom_stoploss"),
            Self::CustomRoi => Some("use_custom_roi"),
            Self::AdjustTradePosition => Some("position_adjustment_enable"),
            _ => None,
        }
    }
}

/// One possible answer.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// Nothing stands for "always".
    pub(crate) when: Option<Located>,
    pub(crate) value: Option<Located>,
    pub(crate) tag: Vec<Piece>,
}

/// A part of a tag.
#[derive(Debug, Clone)]
pub(crate) enum Piece {
    Text(String),
    /// An expression in braces: `so{nr_of_successful_entries}`.
    Expression(Located),
}

/// A hook as it is written.
#[derive(Debug, Clone)]
pub(crate) struct HookSource {
    pub(crate) hook: Hook,
    pub(crate) cases: Vec<Case>,
}

/// Reads the section `hooks`.
pub(crate) fn read(section: &Section<'_>, faults: &mut Faults) -> Vec<HookSource> {
    let mut hooks = Vec::new();
    for (name, place, node) in section.entries() {
        let path = section.key(name);
        match Hook::ALL.into_iter().find(|hook| hook.as_str() == name) {
            Some(hook) => {
                let cases = cases(hook, node, &path, faults);
                hooks.push(HookSource { hook, cases });
            }
            None => {
                let all = Hook::ALL.map(Hook::as_str);
                let hint = did_you_mean(name, all);
                let message = format!("is no hook{hint}; there are {}", all.join(", "));
                faults.push(Fault::new(place, &path, message));
            }
        }
    }
    hooks
}

fn cases(hook: Hook, node: &Node, path: &str, faults: &mut Faults) -> Vec<Case> {
    let answer = hook.answer();
    match &node.value {
        Value::Scalar { .. } if matches!(answer, Answer::Number(_) | Answer::Flag) => {
            let value = located(node, path, faults);
            value.map(|value| Case { when: None, value: Some(value), tag: Vec::new() }).into_iter().collect()
        }
        Value::List(items) if answer != Answer::Flag => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| case(answer, item, &format!("{path}[{index}]"), faults))
            .collect(),
        Value::Map(_) if answer != Answer::Flag => case(answer, node, path, faults).into_iter().collect(),
        _ => {
            let message = format!("is {}; {} is needed", node.shown(), needed(answer));
            faults.push(Fault::new(node.place, path, message));
            Vec::new()
        }
    }
}

fn needed(answer: Answer) -> &'static str {
    match answer {
        Answer::Number(_) => {
            "an expression, or a list of cases such as {when: \"duration > 60\", value: 0.01}"
        }
        Answer::Tagged(_) => {
            "a list of cases such as {when: \"current_profit < -0.05\", stake: 100, tag: more}"
        }
        Answer::Tag => "a list of cases such as {when: \"duration > 1440\", tag: too_long}",
        Answer::Flag => "one condition, such as \"rsi < 50\",",
    }
}

fn case(answer: Answer, node: &Node, path: &str, faults: &mut Faults) -> Option<Case> {
    let section = Section::open(node, path, faults)?;
    let (value_key, has_tag) = match answer {
        Answer::Number(key) => (Some(key), false),
        Answer::Tagged(key) => (Some(key), true),
        Answer::Tag | Answer::Flag => (None, true),
    };
    let tag_key = has_tag.then_some("tag");
    let allowed: Vec<&str> = ["when"].into_iter().chain(value_key).chain(tag_key).collect();
    section.allow(&allowed, faults);
    if let Some(key) = value_key.filter(|key| section.find(key).is_none()) {
        section.missing(key, needed(answer), faults);
    }
    if answer == Answer::Tag && section.find("tag").is_none() {
        section.missing("tag", "it becomes the exit reason", faults);
    }
    let has_when = section.find("when").is_some();
    let when = section.expression("when", faults);
    if has_when && when.is_none() {
        return None;
    }
    let value = match value_key {
        Some(key) => Some(section.expression(key, faults)?),
        None => None,
    };
    let tag = match tag_key.and_then(|key| section.find(key)) {
        Some(node) => tag_pieces(node, &section.key("tag"), faults),
        None => Vec::new(),
    };
    Some(Case { when, value, tag })
}

/// Splits a tag at its braces.
fn tag_pieces(node: &Node, path: &str, faults: &mut Faults) -> Vec<Piece> {
    let Some(mut rest) = node.text() else {
        faults.push(Fault::new(node.place, path, format!("is {}; a text is needed", node.shown())));
        return Vec::new();
    };
    let mut pieces = Vec::new();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inside, behind)) = after.split_once('}') else {
            faults.push(Fault::new(node.place, path, "has a `{` without its `}`"));
            return pieces;
        };
        if !before.is_empty() {
            pieces.push(Piece::Text(before.to_owned()));
        }
        let value = Value::Scalar { text: inside.to_owned(), plain: false };
        let inner = Node { place: node.place, value };
        pieces.extend(located(&inner, path, faults).map(Piece::Expression));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    pieces
}
