//! What a job takes of a config.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::layers::{Layer, setting_of};
use super::merge::MergedConfig;
use crate::{Error, RequestFault};

/// Keys at the top of a config that a job has no use for: who the strategy is, and the sections of others.
const NOT_OF_JOBS: [&str; 16] = [
    "author",
    "category",
    "data_format",
    "deployment",
    "description",
    "ecr_url",
    "entry_point",
    "freqai_model",
    "mlflow",
    "optimization",
    "strategy",
    "strategy_name",
    "strategy_service",
    "strategy_version",
    "tags",
    "warmup_days",
];

/// Sections that only the strategy's file has.
const OF_THE_FILE: [&str; 2] = ["hooks", "signals"];

/// What a config says to a job.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobInputs {
    /// Settings on top of the strategy's own, under Freqtrade's names; not checked, which takes the strategy.
    pub settings: Map<String, Value>,
    /// Values of the strategy's parameters, as texts.
    pub parameters: BTreeMap<String, String>,
}

/// Returns what a job takes of a config: `settings` and what stands for settings at the top, and `parameters`.
///
/// # Errors
/// [`Error::Request`] with every key that is not known, a section that is no object, a parameter that is no plain
/// value, and rules that are stored: they are the file's alone, and a job would not follow them.
pub fn job_inputs(config: &MergedConfig) -> Result<JobInputs, Error> {
    let mut inputs = JobInputs::default();
    let mut faults = Vec::new();
    for (key, value) in &config.values {
        match (key.as_str(), value) {
            ("settings", Value::Object(settings)) => {
                inputs.settings.extend(settings.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            ("parameters", Value::Object(parameters)) => {
                inputs.parameters = texts(parameters, &mut faults);
            }
            ("settings" | "parameters", _) => faults.push(format!("{key}: an object is needed")),
            (key, value) => match setting_of(key) {
                Some(setting) => drop(inputs.settings.insert(setting.to_owned(), value.clone())),
                None => faults.extend(misplaced(key, config)),
            },
        }
    }
    if faults.is_empty() {
        return Ok(inputs);
    }
    Err(Error::Request(faults.into_iter().map(|reason| RequestFault::new("config", reason)).collect()))
}

/// Says what is wrong with a key that is neither settings nor parameters, if anything is.
fn misplaced(key: &str, config: &MergedConfig) -> Option<String> {
    if NOT_OF_JOBS.contains(&key) || key.starts_with("x-") {
        return None;
    }
    if !OF_THE_FILE.contains(&key) {
        let key: String = key.chars().take(60).collect();
        return Some(format!(
            "{key}: is unknown; settings by Freqtrade's names stand under `settings`, values of parameters under \
             `parameters`"
        ));
    }
    let of_the_file = |(path, origin): (&Vec<String>, _)| {
        let origin: &super::Origin = origin;
        path.first().is_none_or(|first| first != key) || origin.layer == Layer::TradaiYaml
    };
    let stored = !config.origins.iter().all(of_the_file);
    stored.then(|| {
        format!("{key}: only the strategy's file has rules; register the file in place of storing them")
    })
}

fn texts(parameters: &Map<String, Value>, faults: &mut Vec<String>) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, value) in parameters {
        match value {
            Value::String(text) => drop(texts.insert(name.clone(), text.clone())),
            Value::Bool(_) | Value::Number(_) => drop(texts.insert(name.clone(), value.to_string())),
            _ => faults.push(format!("parameters.{name:.60}: a number, a text, true or false is needed")),
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::configs::{ConfigSources, merge};

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    fn merged(yaml: &Value, stored: &Value, environment: &[(&str, &str)]) -> MergedConfig {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        merge(&ConfigSources {
            tradai_yaml: map(yaml),
            stored: Some(("v1-0f1e2d3c".parse().unwrap(), map(stored))),
            environment: environment.collect(),
            ..ConfigSources::default()
        })
        .unwrap()
    }

    #[test]
    fn settings_have_freqtrades_names_and_other_sections_are_left_out() {
        let yaml = json!({
            "strategy": {"name": "Demo", "version": "1.0.0", "timeframe": "1h", "summary": "-", "entry_point": "x"},
            "strategy_service": {"source": {"KIND": "Binance"}, "defaults": {"symbols": ["BTC/USDT"]}},
            "settings": {"minimal_roi": {"0": 0.1}, "stoploss": -0.1},
            "signals": {"entry": []}, "hooks": {"leverage": 2}, "x-note": 1,
            "optimization": {}, "deployment": {"ecs": {"cpu": 512}}, "mlflow": {"tracking_uri": "http://x"},
        });
        let stored = json!({"stake_amount": 50, "parameters": {"fast": 9, "kind": "ema", "on": true},
            "settings": {"dry_run_wallet": 1000}, "warmup_days": 3, "author": "ann"});
        let inputs = job_inputs(&merged(&yaml, &stored, &[("MAX_OPEN_TRADES", "2")])).unwrap();
        let expected = json!({"timeframe": "1h", "pair_whitelist": ["BTC/USDT"], "stoploss": -0.1,
            "minimal_roi": {"0": 0.1}, "dry_run_wallet": 1000, "stake_amount": 50, "max_open_trades": 2});
        assert_eq!(Value::Object(inputs.settings), expected);
        let parameters: Vec<(&str, &str)> =
            inputs.parameters.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(parameters, [("fast", "9"), ("kind", "ema"), ("on", "true")]);
    }

    #[test]
    fn the_guide_names_every_key_and_variable() {
        let guide = include_str!("../../../../docs/guides/configs.md");
        let at_the_top = super::super::layers::PROMOTED.iter().map(|(_, key)| *key);
        let names = at_the_top.chain(NOT_OF_JOBS).chain(OF_THE_FILE);
        for name in names.chain(super::super::layers::variable_names()) {
            assert!(guide.contains(&format!("`{name}`")), "{name} is not in docs/guides/configs.md");
        }
    }

    #[test]
    fn what_nobody_knows_is_a_fault_and_so_are_stored_rules() {
        let yaml = json!({"signals": {"entry": [1]}});
        let stored = json!({"minimal_roi": {"0": 1}, "signals": {"entry": []}, "hooks": {},
            "parameters": {"a": [1]}, "settings": 3});
        let Err(Error::Request(faults)) = job_inputs(&merged(&yaml, &stored, &[])) else { panic!("allowed") };
        let starts: Vec<String> =
            faults.iter().map(|fault| fault.reason.split(';').next().unwrap().to_owned()).collect();
        assert_eq!(
            starts,
            [
                "signals: only the strategy's file has rules",
                "minimal_roi: is unknown",
                "parameters.a: a number, a text, true or false is needed",
                "settings: an object is needed",
            ]
        );
    }
}
