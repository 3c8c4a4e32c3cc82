//! `settings` and `defaults`: Freqtrade's settings, by name.

use serde_json::{Map, Value as Json};

use super::error::Fault;
use super::file::StrategyFile;
use super::hooks::HookSource;
use super::section::{Faults, Section};
use super::yaml::{Node, Place, Value};
use crate::Settings;

/// What `defaults` calls things, and which setting that is.
const DEFAULTS: [(&str, &str); 4] = [
    ("timerange", "timerange"),
    ("symbols", "pair_whitelist"),
    ("stake_amount", "stake_amount"),
    ("max_open_trades", "max_open_trades"),
];

/// Settings with the places they come from.
pub(crate) struct FileSettings {
    pub(crate) map: Map<String, Json>,
    /// For every key: where it stands, under which path.
    origins: Vec<(String, Node, String)>,
    place: Place,
}

/// Collects what the file sets: `defaults`, then `settings`, then what follows from other parts of the file.
pub(crate) fn read(file: &StrategyFile, hooks: &[HookSource], faults: &mut Faults) -> FileSettings {
    let mut settings = FileSettings { map: Map::new(), origins: Vec::new(), place: Place::default() };
    if let Some((node, path)) = file.defaults() {
        settings.defaults(node, path, faults);
    }
    if let Some(section) = file.root.find("settings").and_then(|node| Section::open(node, "settings", faults))
    {
        settings.place = section.place();
        for (key, _, node) in section.entries() {
            settings.set(key, node, section.key(key));
        }
    }
    settings.derive(file, hooks, faults);
    settings
}

impl FileSettings {
    fn set(&mut self, key: &str, node: &Node, path: String) {
        self.map.insert(key.to_owned(), node.to_json());
        self.origins.retain(|(known, ..)| known != key);
        self.origins.push((key.to_owned(), node.clone(), path));
    }

    fn defaults(&mut self, node: &Node, path: &str, faults: &mut Faults) {
        let Some(section) = Section::open(node, path, faults) else { return };
        section.allow(&DEFAULTS.map(|(name, _)| name), faults);
        for (name, key) in DEFAULTS {
            if let Some(node) = section.find(name) {
                self.set(key, node, section.key(name));
            }
        }
    }

    /// Adds what need not be said twice.
    fn derive(&mut self, file: &StrategyFile, hooks: &[HookSource], faults: &mut Faults) {
        let timeframe = file.strategy.timeframe.as_str();
        match self.map.get("timeframe") {
            Some(other) if other.as_str() != Some(timeframe) => {
                let message = format!("is {other}, but strategy.timeframe is {timeframe}; leave it out here");
                faults.push(self.fault("timeframe", message));
            }
            _ => {
                self.map.insert("timeframe".to_owned(), timeframe.into());
            }
        }
        for switch in hooks.iter().filter_map(|source| source.hook.switch()) {
            self.map.entry(switch).or_insert(Json::Bool(true));
        }
        // Symbols that name a settlement currency are futures; nothing else can trade them.
        let symbols = self.map.get("pair_whitelist").and_then(Json::as_array);
        let futures = symbols.is_some_and(|symbols| {
            !symbols.is_empty() && symbols.iter().all(|s| s.as_str().is_some_and(|s| s.contains(':')))
        });
        if futures && !self.map.contains_key("trading_mode") {
            self.map.insert("trading_mode".to_owned(), "futures".into());
        }
        if self.map.get("trading_mode").and_then(Json::as_str) == Some("futures") {
            self.map.entry("margin_mode").or_insert_with(|| "isolated".into());
        }
    }

    /// Returns the number under a key, if it is one.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.map.get(key)?.as_f64()
    }

    /// Checks the settings by themselves. What a configuration may still add is no fault.
    pub(crate) fn check(&self, faults: &mut Faults) {
        let mut base = Map::new();
        base.insert("stoploss".to_owned(), Json::from(-0.1));
        if self.map.get("can_short") == Some(&Json::Bool(true)) {
            base.insert("trading_mode".to_owned(), "futures".into());
            base.insert("margin_mode".to_owned(), "isolated".into());
        }
        if let Err(error) = Settings::merge(&[&base, &self.map]) {
            faults.extend(error.faults.into_iter().map(|fault| self.fault(&fault.key, fault.message)));
        }
    }

    /// A fault about a setting such as `minimal_roi.60` or `protections[1].method`, at its place in the file.
    pub(crate) fn fault(&self, key: &str, message: String) -> Fault {
        let top = key.split(['.', '[']).next().unwrap_or(key);
        let Some((_, node, path)) = self.origins.iter().find(|(known, ..)| known == top) else {
            return Fault::new(self.place, &format!("settings.{key}"), message);
        };
        let inner = &key[top.len()..];
        Fault::new(descend(node, inner), &format!("{path}{inner}"), message)
    }
}

/// Returns the place of what `.key` and `[index]` lead to, as far as they do.
fn descend(node: &Node, path: &str) -> Place {
    let mut node = node;
    for step in path.split(['.', '[']).filter(|step| !step.is_empty()) {
        let next = match step.strip_suffix(']') {
            Some(index) => match (&node.value, index.parse::<usize>()) {
                (Value::List(items), Ok(index)) => items.get(index),
                _ => None,
            },
            None => node.find(step),
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node.place
}
