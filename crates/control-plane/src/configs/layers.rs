//! The four sources of a config, each as a map of the same keys.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_domain::configs::ConfigId;

/// Where a value may come from, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The strategy's `tradai.yaml`.
    TradaiYaml,
    /// The stored version.
    Stored,
    /// Tags of the model.
    ModelTags,
    /// The environment.
    Environment,
}

impl Layer {
    /// Returns the word that programs know it by.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TradaiYaml => "tradai_yaml",
            Self::Stored => "stored",
            Self::ModelTags => "model_tags",
            Self::Environment => "environment",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TradaiYaml => "tradai.yaml",
            Self::Stored => "stored config",
            Self::ModelTags => "model tags",
            Self::Environment => "environment",
        })
    }
}

/// The sources of one strategy's config.
#[derive(Clone, PartialEq, Default)]
pub struct ConfigSources {
    /// What `tradai.yaml` says, as read.
    pub tradai_yaml: Map<String, Value>,
    /// The version that is stored, if one is.
    pub stored: Option<(ConfigId, Map<String, Value>)>,
    /// Tags of the model, by name; those that are no part of a config are ignored.
    pub model_tags: BTreeMap<String, String>,
    /// The environment, by name: variables that are part of a config, and those that texts may refer to
    /// ([`Variables`](super::Variables)).
    pub environment: BTreeMap<String, String>,
}

impl fmt::Debug for ConfigSources {
    /// Leaves values out: the environment holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigSources")
            .field("stored", &self.stored.as_ref().map(|(id, _)| id))
            .field("model_tags", &self.model_tags.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// How the text of a tag or variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Flag,
    Integer,
    Number,
    /// A number or `unlimited`.
    Stake,
    /// Texts between commas.
    List,
}

/// Keys that `tradai.yaml` has in its section `strategy`, and what they are called at the top.
const STRATEGY_KEYS: [(&str, &str); 5] = [
    ("name", "strategy_name"),
    ("version", "strategy_version"),
    ("timeframe", "timeframe"),
    ("category", "category"),
    ("entry_point", "entry_point"),
];

/// Tags of a model that are part of its config.
const TAGS: [(&str, &[&str], Kind); 9] = [
    ("strategy_version", &["strategy_version"], Kind::Text),
    ("timeframe", &["timeframe"], Kind::Text),
    ("category", &["category"], Kind::Text),
    ("can_short", &["can_short"], Kind::Flag),
    ("pairs", &["symbols"], Kind::List),
    ("stake_amount", &["stake_amount"], Kind::Stake),
    ("max_open_trades", &["max_open_trades"], Kind::Integer),
    ("warmup_days", &["warmup_days"], Kind::Integer),
    ("freqai_model", &["freqai_model"], Kind::Text),
];

/// Variables of a container that are part of its config.
const VARIABLES: [(&str, &[&str], Kind); 9] = [
    ("TIMEFRAME", &["timeframe"], Kind::Text),
    ("TIMERANGE", &["timerange"], Kind::Text),
    ("PAIRS", &["symbols"], Kind::List),
    ("STAKE_AMOUNT", &["stake_amount"], Kind::Stake),
    ("MAX_OPEN_TRADES", &["max_open_trades"], Kind::Integer),
    ("STOPLOSS", &["stoploss"], Kind::Number),
    ("WARMUP_DAYS", &["warmup_days"], Kind::Integer),
    ("FREQAI_MODEL", &["freqai_model"], Kind::Text),
    ("MLFLOW_TRACKING_URI", &["strategy_service", "mlflow", "tracking_uri"], Kind::Text),
];

/// Settings that a config has at the top, under names of its own.
pub(super) const PROMOTED: [(&str, &str); 7] = [
    ("timeframe", "timeframe"),
    ("timerange", "timerange"),
    ("pair_whitelist", "symbols"),
    ("stake_amount", "stake_amount"),
    ("max_open_trades", "max_open_trades"),
    ("stoploss", "stoploss"),
    ("can_short", "can_short"),
];

/// Returns the setting that a key at the top of a config stands for.
pub(super) fn setting_of(key: &str) -> Option<&'static str> {
    PROMOTED.iter().find(|(_, name)| *name == key).map(|(setting, _)| *setting)
}

/// Brings a document in the shape of `tradai.yaml` into that of a config: the strategy's header, the defaults and the
/// settings that a config has at the top stand there, so that each value has one place in every source; everything else
/// stays where it is. `settings` wins over `defaults`, as it does in the file. A setting that the document has in both
/// of its places with different values is a fault.
pub(super) fn lower(document: &Map<String, Value>, faults: &mut Vec<String>) -> Map<String, Value> {
    let mut rest = document.clone();
    let mut lowered = Map::new();
    if let Some(Value::Object(strategy)) = rest.get_mut("strategy") {
        for (from, to) in STRATEGY_KEYS {
            lowered.extend(strategy.shift_remove(from).map(|value| (to.to_owned(), value)));
        }
    }
    lowered.extend(take_defaults(&mut rest));
    if let Some(Value::Object(settings)) = rest.get_mut("settings") {
        for (from, to) in PROMOTED {
            let Some(value) = settings.shift_remove(from) else { continue };
            if document.get(to).is_some_and(|other| *other != value) {
                faults
                    .push(format!("settings.{from} and {to} are one setting with two values; leave one out"));
            }
            lowered.insert(to.to_owned(), value);
        }
    }
    let is_left = |value: &Value| value.as_object().is_none_or(|map| !map.is_empty());
    // What stands at the top already was meant to.
    lowered.extend(rest.into_iter().filter(|(_, value)| is_left(value)));
    lowered
}

/// Takes `defaults` out of a document, or else those of its `strategy_service`.
fn take_defaults(document: &mut Map<String, Value>) -> Map<String, Value> {
    let take = |map: &mut Map<String, Value>| match map.shift_remove("defaults") {
        Some(Value::Object(defaults)) => Some(defaults),
        Some(other) => {
            map.insert("defaults".to_owned(), other);
            None
        }
        None => None,
    };
    let top = take(document);
    let nested = match document.get_mut("strategy_service") {
        Some(Value::Object(service)) => take(service),
        _ => None,
    };
    top.or(nested).unwrap_or_default()
}

/// Returns what the tags of a model say.
pub(super) fn of_tags(tags: &BTreeMap<String, String>, faults: &mut Vec<String>) -> Map<String, Value> {
    read(&TAGS, "the model tag ", tags, faults)
}

/// Returns the names of the variables that are part of a config.
pub(super) fn variable_names() -> impl Iterator<Item = &'static str> {
    VARIABLES.iter().map(|(name, ..)| *name)
}

/// Returns what the environment says.
pub(super) fn of_environment(
    variables: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> Map<String, Value> {
    read(&VARIABLES, "", variables, faults)
}

fn read(
    table: &[(&str, &[&str], Kind)],
    what: &str,
    texts: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> Map<String, Value> {
    let mut layer = Map::new();
    for (name, path, kind) in table {
        let Some(text) = texts.get(*name).map(|text| text.trim()).filter(|text| !text.is_empty()) else {
            continue;
        };
        match parse(text, *kind) {
            Ok(value) => set(&mut layer, path, value),
            Err(expected) => faults.push(format!("{what}{name}: `{:.40}` is not {expected}", text)),
        }
    }
    layer
}

fn set(layer: &mut Map<String, Value>, path: &[&str], value: Value) {
    match path {
        [] => {}
        [key] => {
            layer.insert((*key).to_owned(), value);
        }
        [key, rest @ ..] => {
            let inner = layer.entry(*key).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

fn parse(text: &str, kind: Kind) -> Result<Value, &'static str> {
    let number = || text.parse::<f64>().ok().and_then(serde_json::Number::from_f64).map(Value::Number);
    let integer = || text.parse::<i64>().ok().map(Value::from);
    match kind {
        Kind::Text => Ok(Value::from(text)),
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Ok(Value::Bool(true)),
            "false" | "0" | "no" => Ok(Value::Bool(false)),
            _ => Err("true or false"),
        },
        Kind::Integer => integer().ok_or("a whole number"),
        Kind::Number => integer().or_else(number).ok_or("a number"),
        Kind::Stake if text == "unlimited" => Ok(Value::from(text)),
        Kind::Stake => integer().or_else(number).ok_or("a number or `unlimited`"),
        Kind::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(Value::from).collect()))
        }
    }
}
