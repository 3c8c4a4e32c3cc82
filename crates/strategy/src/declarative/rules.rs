//! `signals.entry` and `signals.exit`: when to trade.

use serde::Serialize;

use super::error::Fault;
use super::section::{Faults, Located, Section};
use super::yaml::{Node, Value};

/// Direction of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleSide {
    /// Profits from rising prices.
    Long,
    /// Profits from falling prices.
    Short,
}

/// One entry or exit rule. A rule further down overwrites the tag of one further up on the same candle.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rule {
    pub(crate) side: RuleSide,
    pub(crate) when: Located,
    /// Entry tag or exit reason; empty leaves what earlier rules set.
    pub(crate) tag: String,
}

/// Longest tag; Freqtrade cuts at 255, which is too long for any report.
const MAX_TAG: usize = 64;

/// Reads a list of rules.
pub(crate) fn read(node: Option<&Node>, path: &str, faults: &mut Faults) -> Vec<Rule> {
    let Some(node) = node else { return Vec::new() };
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Map(_) => std::slice::from_ref(node),
        Value::Scalar { .. } if node.is_null() => &[],
        Value::Scalar { .. } => {
            let example = "{when: \"rsi < 30\", side: long, tag: dip}";
            let message = format!("is {}; a list of rules such as {example} is needed", node.shown());
            faults.push(Fault::new(node.place, path, message));
            &[]
        }
    };
    let rule = |(index, item): (usize, &Node)| rule(item, &format!("{path}[{index}]"), faults);
    items.iter().enumerate().filter_map(rule).collect()
}

fn rule(node: &Node, path: &str, faults: &mut Faults) -> Option<Rule> {
    let section = Section::open(node, path, faults)?;
    section.allow(&["when", "side", "tag"], faults);
    if section.find("when").is_none() {
        section.missing("when", "a condition such as \"rsi < 30\" is needed", faults);
    }
    let side = match section.text("side", faults).as_deref() {
        None | Some("long") => RuleSide::Long,
        Some("short") => RuleSide::Short,
        Some(other) => {
            let place = section.find("side").map_or(section.place(), |node| node.place);
            faults.push(Fault::new(place, &section.key("side"), format!("is \"{other}\"; long or short")));
            RuleSide::Long
        }
    };
    let tag = section.text("tag", faults).unwrap_or_default();
    if tag.chars().count() > MAX_TAG {
        let place = section.find("tag").map_or(section.place(), |node| node.place);
        let message = format!("is longer than {MAX_TAG} characters");
        faults.push(Fault::new(place, &section.key("tag"), message));
    }
    Some(Rule { side, when: section.expression("when", faults)?, tag })
}
