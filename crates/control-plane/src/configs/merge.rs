//! Sources on top of one another.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use tradai_domain::configs::ConfigId;

use super::credentials;
use super::interpolate::interpolate;
use super::layers::{ConfigSources, Layer, lower, of_environment, of_tags};
use crate::{Error, RequestFault};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The source.
    pub layer: Layer,
    /// The version, of a value that is stored.
    pub config_id: Option<ConfigId>,
}

/// What the sources come to.
#[derive(Debug, Clone, PartialEq)]
pub struct MergedConfig {
    /// The values.
    pub values: Map<String, Value>,
    /// Where each value came from, by its path: keys from the outside in. An object is its values; one of `settings` is
    /// one value.
    pub origins: BTreeMap<Vec<String>, Origin>,
}

/// Puts the sources on top of one another: the environment over tags of the model over the stored version over
/// `tradai.yaml`. Objects are merged key by key; anything else takes the place of what was there, and so does each
/// setting below `settings`: half of one source's `minimal_roi` and half of another's would be nobody's. Variables in
/// texts of the file and the stored version are resolved first.
///
/// # Errors
/// [`Error::Request`] with every tag and variable that cannot be read, and every variable that is not set.
pub fn merge(sources: &ConfigSources) -> Result<MergedConfig, Error> {
    let mut faults = Vec::new();
    let mut document = |layer: Layer, map: &Map<String, Value>| {
        let mut found = Vec::new();
        let mut value = Value::Object(lower(map, &mut found));
        interpolate(&mut value, &sources.environment, "", &mut found);
        faults.extend(found.into_iter().map(|fault| format!("{layer}: {fault}")));
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    };
    let yaml = document(Layer::TradaiYaml, &sources.tradai_yaml);
    let stored = sources.stored.as_ref().map(|(id, map)| (id.clone(), document(Layer::Stored, map)));
    let tags = of_tags(&sources.model_tags, &mut faults);
    let environment = of_environment(&sources.environment, &mut faults);
    if !faults.is_empty() {
        return Err(Error::Request(
            faults.into_iter().map(|reason| RequestFault::new("config", reason)).collect(),
        ));
    }
    let (config_id, stored) = stored.map_or((None, Map::new()), |(id, map)| (Some(id), map));
    let plain = |layer| Origin { layer, config_id: None };
    Ok(overlay([
        (plain(Layer::TradaiYaml), yaml),
        (Origin { layer: Layer::Stored, config_id }, stored),
        (plain(Layer::ModelTags), tags),
        (plain(Layer::Environment), environment),
    ]))
}

impl MergedConfig {
    /// Returns the config with whatever looks like a credential left out: what may be shown, and all that is shown must
    /// be made of it. Only a variable of the environment can have brought one in.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        credentials::redact(&mut shown.values);
        shown
    }
}

/// Puts maps on top of one another, the weakest first.
fn overlay(layers: impl IntoIterator<Item = (Origin, Map<String, Value>)>) -> MergedConfig {
    let mut merged = MergedConfig { values: Map::new(), origins: BTreeMap::new() };
    for (origin, map) in layers {
        put_map(&mut merged.values, map, &mut Vec::new(), &origin, &mut merged.origins);
    }
    merged
}

fn put_map(
    target: &mut Map<String, Value>,
    map: Map<String, Value>,
    path: &mut Vec<String>,
    origin: &Origin,
    origins: &mut BTreeMap<Vec<String>, Origin>,
) {
    for (key, value) in map {
        path.push(key.clone());
        match (target.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(inner)) if !is_setting(path) => {
                put_map(there, inner, path, origin, origins)
            }
            (_, value) => {
                origins.retain(|known, _| !known.starts_with(path));
                let value = match value {
                    Value::Object(inner) if !is_setting(path) => {
                        let mut fresh = Map::new();
                        put_map(&mut fresh, inner, path, origin, origins);
                        Value::Object(fresh)
                    }
                    plain => {
                        origins.insert(path.clone(), origin.clone());
                        plain
                    }
                };
                target.insert(key, value);
            }
        }
        path.pop();
    }
}

/// Whether a path leads to one of Freqtrade's settings, which is one value whatever it holds.
fn is_setting(path: &[String]) -> bool {
    matches!(path, [section, _] if section == "settings")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The file of the documents.
    const TRADAI_YAML: &str = r#"{
        "strategy": {"name": "MyStrategy", "version": "1.0.0", "timeframe": "1h", "category": "momentum"},
        "strategy_service": {
            "defaults": {"timerange": "20240101-20241201", "symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"],
                         "stake_amount": 1000, "max_open_trades": 3},
            "mlflow": {"tracking_uri": "${MLFLOW_TRACKING_URI:-http://localhost:5001}", "auto_log_params": true}},
        "optimization": {"defaults": {"epochs": 100}}}"#;

    #[test]
    fn the_documented_order_holds_and_origins_are_kept() {
        let id: ConfigId = "v3-0f1e2d3c".parse().unwrap();
        let sources = ConfigSources {
            tradai_yaml: map(TRADAI_YAML),
            stored: Some((
                id.clone(),
                map(r#"{"timeframe": "4h", "stake_amount": 500, "max_open_trades": 5}"#),
            )),
            model_tags: texts(&[("timeframe", "15m"), ("stake_amount", "250.5"), ("mlflow.user", "ann")]),
            environment: texts(&[("TIMEFRAME", "5m"), ("PAIRS", ""), ("HOME", "/root")]),
        };
        let merged = merge(&sources).unwrap();
        let expected = [
            ("timeframe", Value::from("5m"), Layer::Environment),
            ("stake_amount", Value::from(250.5), Layer::ModelTags),
            ("max_open_trades", Value::from(5), Layer::Stored),
            ("timerange", Value::from("20240101-20241201"), Layer::TradaiYaml),
            ("strategy_name", Value::from("MyStrategy"), Layer::TradaiYaml),
        ];
        for (key, value, layer) in expected {
            assert_eq!(merged.values[key], value, "{key}");
            assert_eq!(merged.origins[&vec![key.to_owned()]].layer, layer, "{key}");
        }
        assert_eq!(merged.origins[&vec!["max_open_trades".to_owned()]].config_id, Some(id));
        let uri = &merged.values["strategy_service"]["mlflow"]["tracking_uri"];
        assert_eq!(uri, "http://localhost:5001");
        assert_eq!(merged.values["optimization"]["defaults"]["epochs"], 100);
        assert!(!merged.values.contains_key("strategy") && !merged.values.contains_key("HOME"));
    }

    #[test]
    fn a_whole_tradai_yaml_may_be_stored() {
        let sources = ConfigSources {
            tradai_yaml: map(TRADAI_YAML),
            stored: Some((
                "v1-0f1e2d3c".parse().unwrap(),
                map(
                    r#"{"strategy": {"timeframe": "1d"}, "strategy_service": {"defaults": {"symbols": ["X/Y"]}}}"#,
                ),
            )),
            environment: texts(&[("MLFLOW_TRACKING_URI", "http://mlflow")]),
            ..ConfigSources::default()
        };
        let merged = merge(&sources).unwrap();
        assert_eq!(
            (&merged.values["timeframe"], &merged.values["symbols"][0]),
            (&"1d".into(), &"X/Y".into())
        );
        assert_eq!(merged.values["strategy_service"]["mlflow"]["tracking_uri"], "http://mlflow");
        assert_eq!(merged.values["strategy_service"]["mlflow"]["auto_log_params"], true);
    }

    #[test]
    fn a_setting_has_one_place_and_is_one_value() {
        let yaml = r#"{"strategy": {"timeframe": "1h"}, "defaults": {"stake_amount": 1, "symbols": ["A/B"]},
            "strategy_service": {"defaults": {"stake_amount": 7, "max_open_trades": 7}},
            "settings": {"stake_amount": 2, "stoploss": -0.1, "minimal_roi": {"0": 0.1, "60": 0.05}}}"#;
        let id: ConfigId = "v1-0f1e2d3c".parse().unwrap();
        let stored =
            r#"{"settings": {"pair_whitelist": ["X/Y"], "minimal_roi": {"0": 0.2}}, "stake_amount": 3}"#;
        let merged = merge(&ConfigSources {
            tradai_yaml: map(yaml),
            stored: Some((id, map(stored))),
            environment: texts(&[("STOPLOSS", "-0.2")]),
            ..ConfigSources::default()
        })
        .unwrap();
        assert_eq!(
            Value::Object(merged.values),
            serde_json::json!({"timeframe": "1h", "stake_amount": 3, "symbols": ["X/Y"], "stoploss": -0.2,
                "settings": {"minimal_roi": {"0": 0.2}}})
        );
        let roi = ["settings".to_owned(), "minimal_roi".to_owned()];
        assert_eq!(merged.origins[roi.as_slice()].layer, Layer::Stored);
    }

    #[test]
    fn settings_win_over_the_defaults_of_their_file() {
        let yaml =
            r#"{"defaults": {"stake_amount": 1, "max_open_trades": 4}, "settings": {"stake_amount": 2}}"#;
        let merged = merge(&ConfigSources { tradai_yaml: map(yaml), ..ConfigSources::default() }).unwrap();
        let expected = serde_json::json!({"stake_amount": 2, "max_open_trades": 4});
        assert_eq!(Value::Object(merged.values), expected);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let sources = ConfigSources {
            tradai_yaml: map(r#"{"a": {"b": "${NOT_SET}"}}"#),
            stored: Some((
                "v1-0f1e2d3c".parse().unwrap(),
                map(r#"{"symbols": [], "settings": {"pair_whitelist": ["X/Y"]}}"#),
            )),
            model_tags: texts(&[("can_short", "maybe")]),
            environment: texts(&[("MAX_OPEN_TRADES", "many"), ("STAKE_AMOUNT", "unlimited")]),
        };
        let Err(Error::Request(faults)) = merge(&sources) else { panic!("it is allowed") };
        let reasons: Vec<&str> = faults.iter().map(|fault| fault.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "tradai.yaml: a.b: the variable NOT_SET is not set and has no default",
                "stored config: settings.pair_whitelist and symbols are one setting with two values; leave one out",
                "the model tag can_short: `maybe` is not true or false",
                "MAX_OPEN_TRADES: `many` is not a whole number",
            ]
        );
    }

    /// Maps of few keys, so that layers meet; no empty objects, which say nothing.
    fn layer() -> impl Strategy<Value = Map<String, Value>> {
        let leaf =
            prop_oneof![(0..9_i64).prop_map(Value::from), Just(Value::Null), Just(serde_json::json!([1]))];
        let value = leaf.prop_recursive(3, 12, 3, |inner| {
            proptest::collection::btree_map("[abc]", inner, 1..3)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        });
        proptest::collection::btree_map("[abc]", value, 0..4).prop_map(|map| map.into_iter().collect())
    }

    /// Every value that is no object, by its path.
    fn leaves(map: &Map<String, Value>, path: &[String], found: &mut BTreeMap<Vec<String>, Value>) {
        for (key, value) in map {
            let path = [path, std::slice::from_ref(key)].concat();
            match value {
                Value::Object(inner) => leaves(inner, &path, found),
                plain => drop(found.insert(path, plain.clone())),
            }
        }
    }

    fn leaves_of(map: &Map<String, Value>) -> BTreeMap<Vec<String>, Value> {
        let mut found = BTreeMap::new();
        leaves(map, &[], &mut found);
        found
    }

    proptest! {
        /// A value is in the result exactly if no stronger source has one at its path, above it or below it; and its
        /// origin says which source that is.
        #[test]
        fn the_strongest_source_wins(maps in proptest::collection::vec(layer(), 4)) {
            let names = [Layer::TradaiYaml, Layer::Stored, Layer::ModelTags, Layer::Environment];
            let layers = names.into_iter().zip(maps.clone());
            let merged = overlay(layers.map(|(layer, map)| (Origin { layer, config_id: None }, map)));
            let all: Vec<_> = maps.iter().map(leaves_of).collect();
            let mut expected = BTreeMap::new();
            for (index, layer) in all.iter().enumerate() {
                for (path, value) in layer {
                    let meets = |other: &Vec<String>| other.starts_with(path) || path.starts_with(other);
                    if !all[index + 1..].iter().any(|stronger| stronger.keys().any(meets)) {
                        expected.insert(path.clone(), (value.clone(), names[index]));
                    }
                }
            }
            let found: BTreeMap<_, _> = leaves_of(&merged.values)
                .into_iter()
                .map(|(path, value)| { let layer = merged.origins[&path].layer; (path, (value, layer)) })
                .collect();
            prop_assert_eq!(&found, &expected);
            prop_assert!(merged.origins.keys().eq(found.keys()));
        }
    }
}
