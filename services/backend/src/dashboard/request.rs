//! From the form to a backtest request, and from faults back to the fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tradai_control_plane::jobs::BacktestRequest;
use tradai_control_plane::{Error, RequestFault};

use super::params::Params;

/// Fields whose settings the form asks for by name, with the names that settings have in Freqtrade.
pub(super) const MONEY: [(&str, &str, &str); 3] = [
    ("dry_run_wallet", "Starting balance", "1000"),
    ("stake_amount", "Stake per trade", "unlimited"),
    ("max_open_trades", "Open trades at most", "3"),
];

/// What is wrong, by the field that says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Faults(BTreeMap<String, Vec<String>>);

impl Faults {
    pub(super) fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(reason.into());
    }

    pub(super) fn of<'a>(&'a self, field: &str) -> &'a [String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }

    /// Returns what is wrong with values that the form has no field for, named.
    pub(super) fn elsewhere(&self, fields: &[&str]) -> impl Iterator<Item = String> {
        let others = self.0.iter().filter(|(field, _)| !fields.contains(&field.as_str()));
        others.flat_map(|(field, reasons)| reasons.iter().map(move |reason| format!("{field}: {reason}")))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the faults of a use case in, where it names values; other errors come back.
    pub(super) fn take(&mut self, error: Error, request: &BacktestRequest) -> Result<(), Error> {
        let Error::Request(faults) = error else { return Err(error) };
        for fault in faults {
            self.note(&fault, request);
        }
        Ok(())
    }

    fn note(&mut self, fault: &RequestFault, request: &BacktestRequest) {
        let RequestFault { field, index, key, reason } = fault;
        // The form has one field for all pairs, so the pair is named.
        let item = index.and_then(|index| request.symbols.get(index)).filter(|_| *field == "symbols");
        match item {
            Some(item) => self.add(field, format!("{item}: {reason}")),
            None => match key.as_deref() {
                // Some settings have a field of their own.
                Some(key) if *field == "settings" && MONEY.iter().any(|(name, ..)| *name == key) => {
                    self.add(key, reason.clone());
                }
                Some(key) => self.add(field, format!("{key}: {reason}")),
                None => self.add(field, reason.clone()),
            },
        }
    }
}

/// Reads the form. What cannot be read is in the faults, and left out of the request.
pub(super) fn read(form: &Params) -> (BacktestRequest, Faults) {
    let mut faults = Faults::default();
    let mut settings = object(form, "settings", &mut faults);
    for (name, _, _) in MONEY {
        if let Some(text) = form.get(name) {
            match number_or_unlimited(name, text) {
                Ok(value) => drop(settings.insert(name.to_owned(), value)),
                Err(reason) => faults.add(name, reason),
            }
        }
    }
    let owned = |name| form.get(name).map(ToOwned::to_owned);
    let request = BacktestRequest {
        strategy: form.text("strategy").to_owned(),
        strategy_version: owned("strategy_version"),
        symbols: symbols(form.text("symbols")),
        timeframe: owned("timeframe"),
        start: owned("start"),
        end: owned("end"),
        exchange: owned("exchange"),
        config_id: owned("config_id"),
        settings,
        parameters: object(form, "parameters", &mut faults),
        ..BacktestRequest::default()
    };
    if request.strategy.is_empty() {
        faults.add("strategy", "choose a strategy");
    }
    (request, faults)
}

/// Checks a request by itself and adds what is wrong with it to what is known already.
pub(super) fn check(request: &BacktestRequest, mut faults: Faults) -> Faults {
    let named;
    let request = if request.strategy.is_empty() {
        // Said already, in words for a form.
        named = BacktestRequest { strategy: "Strategy".to_owned(), ..request.clone() };
        &named
    } else {
        request
    };
    if let Err(error) = request.check() {
        // It names nothing but faults of the request.
        drop(faults.take(error, request));
    }
    faults
}

/// Pairs, apart by space or comma.
fn symbols(text: &str) -> Vec<String> {
    let parts = text.split(|character: char| character.is_whitespace() || character == ',');
    parts.filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

fn number_or_unlimited(name: &str, text: &str) -> Result<Value, String> {
    if text == "unlimited" && name != "dry_run_wallet" {
        // Freqtrade writes unlimited trades as -1.
        return Ok(if name == "max_open_trades" { Value::from(-1) } else { Value::from(text) });
    }
    let number: Value = serde_json::from_str(text).unwrap_or_default();
    let allowed = match name {
        "max_open_trades" => number.as_i64().is_some_and(|number| number >= -1),
        _ => number.as_f64().is_some_and(|number| number > 0.0),
    };
    let expected = match name {
        "dry_run_wallet" => "expected a number above 0",
        "stake_amount" => "expected a number above 0, or `unlimited`",
        _ => "expected a whole number, or `unlimited`",
    };
    if allowed { Ok(number) } else { Err(expected.to_owned()) }
}

fn object(form: &Params, name: &str, faults: &mut Faults) -> Map<String, Value> {
    let Some(text) = form.get(name) else { return Map::new() };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) => return map,
        Ok(_) => faults.add(name, "expected a JSON object, such as {\"stoploss\": -0.1}"),
        Err(error) => faults.add(name, format!("is not JSON: {error}")),
    }
    Map::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> Params {
        Params::of_query(Some(query))
    }

    #[test]
    fn a_filled_form_is_a_request() {
        let (request, faults) = read(&form(
            "strategy=EmaCross&symbols=BTC/USDT,+ETH/USDT&timeframe=&start=2024-01-01&exchange=binance\
             &strategy_version=1.0.0&config_id=v2-0f1e2d3c&dry_run_wallet=500&stake_amount=unlimited&max_open_trades=unlimited&settings=%7B%22stoploss%22:-0.1%7D",
        ));
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(request.symbols, ["BTC/USDT", "ETH/USDT"]);
        assert_eq!((request.timeframe, request.end), (None, None));
        let versions = (request.strategy_version.as_deref(), request.config_id.as_deref());
        assert_eq!(versions, (Some("1.0.0"), Some("v2-0f1e2d3c")));
        let settings = serde_json::json!({"stoploss": -0.1, "dry_run_wallet": 500, "stake_amount": "unlimited",
            "max_open_trades": -1});
        assert_eq!(Value::Object(request.settings), settings);
    }

    #[test]
    fn every_fault_is_at_its_field() {
        let (request, faults) =
            read(&form("symbols=BTC/USDT+nonsense&settings=[1]&dry_run_wallet=-5&start=x"));
        let faults = check(&request, faults);
        assert_eq!(faults.of("strategy"), ["choose a strategy"]);
        assert!(faults.of("symbols")[0].starts_with("nonsense: "), "{faults:?}");
        assert!(faults.of("settings")[0].contains("JSON object"));
        assert_eq!(faults.of("dry_run_wallet"), ["expected a number above 0"]);
        assert_eq!((faults.of("start").len(), faults.of("end").len()), (1, 0));
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        for text in ["x", "0", "-1", "1e999", "NaN", "{}"] {
            assert!(number_or_unlimited("dry_run_wallet", text).is_err(), "{text}");
        }
        assert!(number_or_unlimited("dry_run_wallet", "unlimited").is_err());
        assert!(number_or_unlimited("max_open_trades", "2.5").is_err());
    }
}
