//! What the process or container of a job finds in its environment.

use std::collections::BTreeMap;

use serde::Serialize;
use tradai_domain::Symbol;
use tradai_domain::jobs::BacktestJobMessage;

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

/// Returns a map as JSON; nothing of an empty one.
fn json(map: &impl Serialize) -> Option<String> {
    serde_json::to_string(map).ok().filter(|text| text != "{}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::BacktestRequest;

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
}
