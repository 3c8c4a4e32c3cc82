//! What somebody asks for, as it comes in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tradai_domain::configs::ConfigId;
use tradai_domain::jobs::BacktestConfig;
use tradai_domain::ports::ExchangeKey;
use tradai_domain::{Millis, StrategyName, Symbol, TimeRange, Timeframe, parse_date_ms};

use crate::configs::credentials;
use crate::{Error, RequestFault};

/// Pairs that one backtest may name.
pub const MAX_SYMBOLS: usize = 500;
/// How long the settings of one backtest may be, in bytes of JSON.
const MAX_SETTINGS: usize = 64 * 1024;
/// Parameters that one backtest may set.
const MAX_PARAMETERS: usize = 100;
/// How long a parameter's name and its value may be, in bytes.
const MAX_PARAMETER: usize = 100;

/// A backtest as a client asks for it: texts, not checked yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BacktestRequest {
    /// Name of the strategy.
    pub strategy: String,
    /// Its version; the one that is there without.
    pub strategy_version: Option<String>,
    /// Pairs, such as `BTC/USDT:USDT`; none leaves the choice to the strategy.
    pub symbols: Vec<String>,
    /// The timeframe, such as `5m`; the strategy's without.
    pub timeframe: Option<String>,
    /// First day or moment; the first candle without.
    pub start: Option<String>,
    /// First day or moment after; the last candle without.
    pub end: Option<String>,
    /// Both ends at once, in Freqtrade's grammar: `20240101-20240701`. Not together with the others.
    pub timerange: Option<String>,
    /// Settings on top of the strategy's own, such as `stake_amount`.
    pub settings: Map<String, Value>,
    /// Parameters of the strategy: numbers, texts, true and false by name.
    pub parameters: Map<String, Value>,
    /// The exchange whose collected candles are meant, such as `binance_futures`; those that were imported without.
    pub exchange: Option<String>,
    /// The config version to use, such as `v3-0f1e2d3c`; the active one without.
    pub config_id: Option<String>,
}

impl BacktestRequest {
    /// Returns what is asked for, checked.
    ///
    /// # Errors
    /// [`Error::Request`] with every value that is not allowed.
    pub fn check(&self) -> Result<BacktestConfig, Error> {
        let mut faults = Vec::new();
        let strategy = self.strategy.parse::<StrategyName>();
        let strategy = keep(&mut faults, "strategy", strategy);
        let timeframe = self.timeframe.as_deref().map(str::parse::<Timeframe>);
        let timeframe = timeframe.and_then(|parsed| keep(&mut faults, "timeframe", parsed));
        let symbols = self.symbols(&mut faults);
        let range = self.range(&mut faults);
        self.check_version(&mut faults);
        if serde_json::to_string(&self.settings).map_or(usize::MAX, |text| text.len()) > MAX_SETTINGS {
            faults.push(RequestFault::new(
                "settings",
                format!("at most {MAX_SETTINGS} bytes of JSON are allowed"),
            ));
        }
        // Whoever may see the job would see them.
        for (field, values) in [("settings", &self.settings), ("parameters", &self.parameters)] {
            let found = credentials::faults(values).into_iter();
            faults.extend(found.map(|fault| RequestFault::new(field, fault)));
        }
        let parameters = self.parameters(&mut faults);
        let exchange = self.exchange.as_deref().map(str::parse::<ExchangeKey>);
        let exchange = exchange.and_then(|parsed| keep(&mut faults, "exchange", parsed));
        let config_id = self.config_id.as_deref().map(str::parse::<ConfigId>);
        let config_id = config_id.and_then(|parsed| keep(&mut faults, "config_id", parsed));
        match strategy {
            Some(strategy) if faults.is_empty() => Ok(BacktestConfig {
                strategy,
                strategy_version: self.strategy_version.clone(),
                symbols,
                timeframe,
                start: range.start,
                end: range.end,
                settings: self.settings.clone(),
                parameters,
                exchange,
                config_id,
            }),
            _ => Err(Error::Request(faults)),
        }
    }

    fn symbols(&self, faults: &mut Vec<RequestFault>) -> Vec<Symbol> {
        if self.symbols.len() > MAX_SYMBOLS {
            let reason = format!("{} pairs; at most {MAX_SYMBOLS} are allowed", self.symbols.len());
            faults.push(RequestFault::new("symbols", reason));
            return Vec::new();
        }
        let mut symbols = Vec::new();
        for (index, text) in self.symbols.iter().enumerate() {
            match text.parse::<Symbol>() {
                Ok(symbol) if symbols.contains(&symbol) => {
                    faults.push(RequestFault::item("symbols", index, format!("{symbol} is named twice")));
                }
                Ok(symbol) => symbols.push(symbol),
                Err(error) => faults.push(RequestFault::item("symbols", index, error.to_string())),
            }
        }
        symbols
    }

    fn range(&self, faults: &mut Vec<RequestFault>) -> TimeRange {
        let Some(timerange) = &self.timerange else {
            let mut side = |field, text: &Option<String>| -> Option<Millis> {
                keep(faults, field, parse_date_ms(text.as_deref()?))
            };
            let range = TimeRange { start: side("start", &self.start), end: side("end", &self.end) };
            if let (Some(start), Some(end)) = (range.start, range.end)
                && start >= end
            {
                faults.push(RequestFault::new("end", "must be after start"));
            }
            return range;
        };
        if self.start.is_some() || self.end.is_some() {
            faults.push(RequestFault::new("timerange", "stands for start and end; give it or them"));
        }
        keep(faults, "timerange", TimeRange::parse(timerange)).unwrap_or_default()
    }

    fn parameters(&self, faults: &mut Vec<RequestFault>) -> BTreeMap<String, String> {
        let mut fault = |reason: String| faults.push(RequestFault::new("parameters", reason));
        if self.parameters.len() > MAX_PARAMETERS {
            fault(format!("{} of them; at most {MAX_PARAMETERS} are allowed", self.parameters.len()));
            return BTreeMap::new();
        }
        let mut parameters = BTreeMap::new();
        for (name, value) in &self.parameters {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => {
                    fault(format!("`{name:.40}` is no number, text, true or false"));
                    continue;
                }
            };
            if name.is_empty() || name.len().max(text.len()) > MAX_PARAMETER {
                let allowed = format!("a name and at most {MAX_PARAMETER} bytes for it and for its value");
                fault(format!("`{name:.40}`: allowed are {allowed}"));
            } else {
                parameters.insert(name.clone(), text);
            }
        }
        parameters
    }

    fn check_version(&self, faults: &mut Vec<RequestFault>) {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
        let fits = |text: &String| (1..=64).contains(&text.len()) && text.bytes().all(plain);
        if !self.strategy_version.as_ref().is_none_or(fits) {
            let reason = "1 to 64 of A-Z, a-z, 0-9, `.`, `-`, `_` and `+` are allowed";
            faults.push(RequestFault::new("strategy_version", reason));
        }
    }
}

/// Returns what was parsed, or notes why it was not.
fn keep<T, E: std::fmt::Display>(
    faults: &mut Vec<RequestFault>,
    field: &'static str,
    parsed: Result<T, E>,
) -> Option<T> {
    parsed.map_err(|error| faults.push(RequestFault::new(field, error.to_string()))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(json: &str) -> BacktestRequest {
        serde_json::from_str(json).unwrap()
    }

    fn faults(json: &str) -> Vec<String> {
        let Err(Error::Request(faults)) = request(json).check() else { panic!("{json} is allowed") };
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_allowed_is_kept() {
        let config = request(
            r#"{"strategy": "Demo", "symbols": ["BTC/USDT", "ETH/USDT"], "timeframe": "1h",
                "start": "2024-01-01", "end": "20240201", "settings": {"stake_amount": 100}}"#,
        )
        .check()
        .unwrap();
        assert_eq!(config.timerange().unwrap(), "20240101-20240201");
        assert_eq!(config.symbols.len(), 2);
        let same = request(r#"{"strategy": "Demo", "timerange": "20240101-20240201"}"#).check().unwrap();
        assert_eq!(same.range(), config.range());
        assert_eq!(request(r#"{"strategy": "Demo"}"#).check().unwrap().range(), TimeRange::ALL);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let all = faults(
            r#"{"strategy": "../x", "symbols": ["BTC/USDT", "nonsense", "BTC/USDT"], "timeframe": "7m",
                "start": "yesterday", "strategy_version": "a b", "parameters": {"fast": [1]},
                "exchange": "../x", "config_id": "3"}"#,
        );
        let fields: Vec<&str> = all.iter().map(|fault| fault.split(':').next().unwrap()).collect();
        assert_eq!(
            fields,
            [
                "strategy",
                "timeframe",
                "symbols[1]",
                "symbols[2]",
                "start",
                "strategy_version",
                "parameters",
                "exchange",
                "config_id"
            ]
        );
        assert_eq!(
            faults(r#"{"strategy": "A", "start": "20240102", "end": "20240101"}"#),
            ["end: must be after start"]
        );
        let both = faults(r#"{"strategy": "A", "timerange": "20240101-", "end": "20250101"}"#);
        assert_eq!(both, ["timerange: stands for start and end; give it or them"]);
    }

    #[test]
    fn parameters_are_plain_and_few() {
        let json =
            r#"{"strategy": "A", "parameters": {"fast": 12, "width": 0.5, "on": true, "kind": "ema"}}"#;
        let found = request(json).check().unwrap().parameters;
        let expected = [("fast", "12"), ("kind", "ema"), ("on", "true"), ("width", "0.5")];
        assert!(found.iter().map(|(name, text)| (name.as_str(), text.as_str())).eq(expected));
        let long = format!(r#"{{"strategy": "A", "parameters": {{"x": "{}"}}}}"#, "y".repeat(101));
        assert_eq!(
            faults(&long),
            ["parameters: `x`: allowed are a name and at most 100 bytes for it and for its value"]
        );
        let parameters = (0..101).map(|n| (format!("p{n}"), Value::from(n))).collect();
        let many = BacktestRequest { strategy: "A".to_owned(), parameters, ..BacktestRequest::default() };
        let refused = many.check().unwrap_err().to_string();
        assert_eq!(refused, "parameters: 101 of them; at most 100 are allowed");
    }

    #[test]
    fn a_request_is_no_longer_than_it_may() {
        let mut long = BacktestRequest {
            strategy: "Demo".to_owned(),
            symbols: (0..=500).map(|n| format!("A{n}/USDT")).collect(),
            ..BacktestRequest::default()
        };
        assert!(long.check().unwrap_err().to_string().contains("501 pairs; at most 500 are allowed"));
        long.symbols.truncate(500);
        long.check().unwrap();
        long.settings.insert("x".to_owned(), Value::String("y".repeat(MAX_SETTINGS)));
        assert!(long.check().unwrap_err().to_string().contains("at most 65536 bytes"));
    }

    #[test]
    fn settings_and_parameters_hold_no_credentials() {
        let mut request = BacktestRequest { strategy: "SmaCross".to_owned(), ..BacktestRequest::default() };
        request.settings = serde_json::json!({"exchange": {"api_key": "k-1"}, "stake_amount": 100})
            .as_object()
            .unwrap()
            .clone();
        let text = request.check().unwrap_err().to_string();
        assert!(
            text.contains("exchange.api_key: looks like a credential") && !text.contains("k-1"),
            "{text}"
        );
        let text = faults(r#"{"strategy": "A", "parameters": {"api_key": "hunter2", "fast": 12}}"#).concat();
        assert!(text.starts_with("parameters: api_key: looks like a") && !text.contains("hunter2"), "{text}");
    }
}
