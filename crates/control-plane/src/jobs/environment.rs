//! What the process or container of a job finds in its environment, and how it is read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Map;
use tradai_domain::Symbol;
use tradai_domain::jobs::BacktestJobMessage;

use super::BacktestRequest;
use crate::{Error, RequestFault};

/// Returns the variables of a backtest, by the names that containers know them by. What is left to the strategy is
/// not set.
#[must_use]
pub fn backtest_environment(job: &BacktestJobMessage) -> BTreeMap<String, String> {
    let config = &job.config;
    let pairs: Vec<&str> = config.symbols.iter().map(Symbol::as_str).collect();
    let variables = [
        ("TRADING_MODE", Some("backtest".to_owned())),
        ("JOB_ID", Some(job.job_id.to_string())),
        ("TRACE_ID", Some(job.trace_id.to_string())),
        ("STRATEGY", Some(config.strategy.to_string())),
        ("STRATEGY_VERSION", config.strategy_version.clone()),
        ("TIMERANGE", config.timerange()),
        ("TIMEFRAME", config.timeframe.map(|timeframe| timeframe.to_string())),
        ("PAIRS", (!pairs.is_empty()).then(|| pairs.join(","))),
        ("SETTINGS", json(&config.settings)),
        ("PARAMETERS", json(&config.parameters)),
        ("EXCHANGE", config.exchange.as_ref().map(ToString::to_string)),
        ("CONFIG_ID", config.config_id.as_ref().map(ToString::to_string)),
    ];
    let set = variables.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    set.collect()
}

/// Reads what [`backtest_environment`] writes: `find` returns the variable of a name. It is not checked yet; that is
/// [`BacktestRequest::check`], whose faults name fields that [`variable_of`] names the variables of.
///
/// # Errors
/// [`Error::Request`] with every variable that holds no JSON object where one is needed.
pub fn backtest_request(find: &dyn Fn(&str) -> Option<String>) -> Result<BacktestRequest, Error> {
    let mut faults = Vec::new();
    let mut object = |field: &'static str| {
        let Some(text) = find(variable_of(field)) else { return Map::new() };
        serde_json::from_str(&text).unwrap_or_else(|error| {
            faults.push(RequestFault::new(field, format!("is no JSON object: {error}")));
            Map::new()
        })
    };
    let (settings, parameters) = (object("settings"), object("parameters"));
    if !faults.is_empty() {
        return Err(Error::Request(faults));
    }
    let text = |field| find(variable_of(field));
    let pairs = text("symbols").unwrap_or_default();
    Ok(BacktestRequest {
        strategy: text("strategy").unwrap_or_default(),
        strategy_version: text("strategy_version"),
        symbols: pairs.split(',').map(str::trim).filter(|pair| !pair.is_empty()).map(str::to_owned).collect(),
        timeframe: text("timeframe"),
        timerange: text("timerange"),
        settings,
        parameters,
        exchange: text("exchange"),
        config_id: text("config_id"),
        ..BacktestRequest::default()
    })
}

/// Returns the name of the variable that holds a field of a request.
#[must_use]
pub fn variable_of(field: &str) -> &str {
    let known = VARIABLES.iter().find(|(known, _)| *known == field);
    known.map_or(field, |(_, variable)| variable)
}

/// Fields of a request, and the variables that hold them.
const VARIABLES: [(&str, &str); 9] = [
    ("strategy", "STRATEGY"),
    ("strategy_version", "STRATEGY_VERSION"),
    ("symbols", "PAIRS"),
    ("timeframe", "TIMEFRAME"),
    ("timerange", "TIMERANGE"),
    ("settings", "SETTINGS"),
    ("parameters", "PARAMETERS"),
    ("exchange", "EXCHANGE"),
    ("config_id", "CONFIG_ID"),
];

/// Returns a map as JSON; nothing of an empty one.
fn json(map: &impl Serialize) -> Option<String> {
    serde_json::to_string(map).ok().filter(|text| text != "{}")
}

#[cfg(test)]
mod tests {
    use tradai_domain::jobs::BacktestConfig;

    use super::*;

    #[test]
    fn variables_have_the_documented_names() {
        let request = BacktestRequest {
            strategy: "Demo".to_owned(),
            symbols: vec!["BTC/USDT:USDT".to_owned(), "ETH/USDT:USDT".to_owned()],
            timerange: Some("20240101-20240201".to_owned()),
            parameters: serde_json::from_str(r#"{"fast": 12, "kind": "ema"}"#).unwrap(),
            exchange: Some("binance".to_owned()),
            config_id: Some("v3-0f1e2d3c".to_owned()),
            ..BacktestRequest::default()
        };
        let id: tradai_domain::JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let job = BacktestJobMessage::new(id, id.into(), request.check().unwrap());
        let expected = [
            ("CONFIG_ID", "v3-0f1e2d3c"),
            ("EXCHANGE", "binance"),
            ("JOB_ID", "018cc251-f400-7000-8000-000000000001"),
            ("PAIRS", "BTC/USDT:USDT,ETH/USDT:USDT"),
            ("PARAMETERS", r#"{"fast":"12","kind":"ema"}"#),
            ("STRATEGY", "Demo"),
            ("TIMERANGE", "20240101-20240201"),
            ("TRACE_ID", "018cc251f40070008000000000000001"),
            ("TRADING_MODE", "backtest"),
        ];
        let found = backtest_environment(&job);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected);
    }

    fn read_back(request: &BacktestRequest) -> BacktestConfig {
        let id: tradai_domain::JobId = "018cc251-f400-7000-8000-000000000001".parse().unwrap();
        let environment =
            backtest_environment(&BacktestJobMessage::new(id, id.into(), request.check().unwrap()));
        backtest_request(&|name| environment.get(name).cloned()).unwrap().check().unwrap()
    }

    #[test]
    fn a_job_reads_what_was_asked_for() {
        let least = BacktestRequest { strategy: "Demo".to_owned(), ..BacktestRequest::default() };
        let most = BacktestRequest {
            strategy_version: Some("1.2.0".to_owned()),
            symbols: vec!["BTC/USDT:USDT".to_owned(), "ETH/USDT:USDT".to_owned()],
            timeframe: Some("1h".to_owned()),
            start: Some("2024-01-01 12:30:00".to_owned()),
            settings: serde_json::from_str(
                r#"{"minimal_roi": {"0": 0.1}, "stake_amount": 1e-3, "x": "é,="}"#,
            )
            .unwrap(),
            parameters: serde_json::from_str(r#"{"fast": 12, "kind": "e,m=a", "on": true}"#).unwrap(),
            exchange: Some("binance_futures".to_owned()),
            config_id: Some("v3-0f1e2d3c".to_owned()),
            ..least.clone()
        };
        for request in [least, most] {
            assert_eq!(read_back(&request), request.check().unwrap());
        }
    }

    #[test]
    fn variables_that_are_no_objects_are_named() {
        let find = |name: &str| (name == "SETTINGS" || name == "PARAMETERS").then(|| "[1]".to_owned());
        let Err(Error::Request(faults)) = backtest_request(&find) else { panic!("it is allowed") };
        let named: Vec<&str> = faults.iter().map(|fault| variable_of(fault.field)).collect();
        assert_eq!(named, ["SETTINGS", "PARAMETERS"]);
    }
}
