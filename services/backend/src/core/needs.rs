//! Which candles a job needs: by its request, the config that it runs with, and its strategy.

use std::collections::BTreeMap;

use serde_json::Value;
use tradai_domain::jobs::BacktestConfig;
use tradai_domain::{Millis, Symbol, TimeRange, Timeframe};

/// Days before the start that are collected where nobody knows what the strategy warms up on.
const PADDING_DAYS: i64 = 30;
/// The most days that may be asked for.
const MAX_PADDING_DAYS: i64 = 3_650;
pub(super) const DAY_MS: Millis = 86_400_000;
/// Candles of trades, as data-collection calls them.
pub(super) const TRADED: &str = "traded";

/// Candles of one length and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    pub(super) timeframe: Timeframe,
    pub(super) price: &'static str,
    pub(super) symbols: Vec<Symbol>,
    pub(super) padding_days: i64,
}

/// What decides on a job's candles. What is not known is null.
#[derive(Debug)]
pub(super) struct Sources<'a> {
    pub(super) request: &'a BacktestConfig,
    /// What the strategy service says that the config comes to.
    pub(super) resolved: &'a Value,
    /// The strategy, as the strategy service shows it.
    pub(super) strategy: &'a Value,
}

impl Sources<'_> {
    /// Returns whether the request itself says which candles are meant, so that nobody else need be asked.
    pub(super) fn is_told(&self) -> bool {
        let settings = &self.request.settings;
        let is_told = |name: &str| settings.contains_key(name);
        (self.request.timeframe.is_some() || is_told("timeframe"))
            && (!self.request.symbols.is_empty() || is_told("pair_whitelist"))
            && (self.request.start.is_some() || is_told("timerange"))
    }

    /// Returns the stretch that is tested: of the request as a whole, or else of the config.
    pub(super) fn range(&self) -> TimeRange {
        let read = |value: &Value| value.as_str().and_then(|text| TimeRange::parse(text).ok());
        let of_settings = self.request.settings.get("timerange").and_then(read);
        let of_request = Some(self.request.range()).filter(|range| *range != TimeRange::ALL);
        of_settings.or(of_request).or_else(|| self.configured("timerange").and_then(read)).unwrap_or_default()
    }

    /// Returns what the job tests; `None` when nobody says the length of its candles.
    pub(super) fn subject(&self) -> Option<Subject> {
        let settings = &self.request.settings;
        let timeframe = settings.get("timeframe").and_then(parse).or(self.request.timeframe);
        let timeframe = timeframe.or_else(|| self.configured("timeframe").and_then(parse));
        let timeframe = timeframe.or_else(|| parse(&self.strategy["timeframe"]))?;
        let listed = |pairs: &Value| {
            let pairs = pairs.as_array().map(Vec::as_slice).unwrap_or_default();
            pairs.iter().filter_map(parse).collect::<Vec<Symbol>>()
        };
        let symbols = match settings.get("pair_whitelist") {
            Some(pairs) => listed(pairs),
            None if !self.request.symbols.is_empty() => self.request.symbols.clone(),
            None => self.configured("pair_whitelist").map(listed).unwrap_or_default(),
        };
        let given = |name: &str| settings.get(name).or_else(|| self.configured(name));
        let startup = [given("startup_candle_count"), self.strategy.get("startup_candles")];
        let startup = startup.into_iter().flatten().filter_map(Value::as_i64).max();
        let mode = given("trading_mode").or_else(|| self.strategy.get("trading_mode"));
        let informative = self.strategy["informative"].as_array().map(Vec::as_slice).unwrap_or_default();
        Some(Subject {
            timeframe,
            detail: given("timeframe_detail").and_then(parse),
            informative: informative.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            symbols,
            padding_days: padding_days(startup, timeframe),
            is_futures: mode.and_then(Value::as_str) == Some("futures"),
            stake_currency: given("stake_currency").and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Returns a setting of the config, or of the strategy where nobody knows what the config comes to.
    fn configured(&self, name: &str) -> Option<&Value> {
        self.resolved["settings"].get(name).or_else(|| self.strategy["settings"].get(name))
    }
}

fn parse<T: std::str::FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

/// The days that hold a strategy's first candles, one more for the day that they begin in.
fn padding_days(startup_candles: Option<i64>, timeframe: Timeframe) -> i64 {
    let Some(candles) = startup_candles else { return PADDING_DAYS };
    let days = candles.saturating_mul(timeframe.millis()).div_euclid(DAY_MS).saturating_add(1);
    days.clamp(0, MAX_PADDING_DAYS)
}

/// What a job tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// Length of the candles that it goes by.
    pub(super) timeframe: Timeframe,
    /// Its pairs; none where every stored one that it [takes](Subject::takes) is meant.
    pub(super) symbols: Vec<Symbol>,
    /// Length of the candles that fills are simulated on.
    detail: Option<Timeframe>,
    /// What the strategy looks at besides: `@1h`, `BTC/USDT@1h`.
    informative: Vec<String>,
    padding_days: i64,
    is_futures: bool,
    stake_currency: Option<String>,
}

impl Subject {
    /// Returns whether a stored pair is tested where none is named, as the run chooses them.
    pub(super) fn takes(&self, symbol: &Symbol) -> bool {
        let money = symbol.settle().unwrap_or(symbol.quote());
        symbol.is_futures() == self.is_futures
            && self.stake_currency.as_ref().is_none_or(|stake| stake == money)
    }

    /// Returns what its pairs are tested on: their own candles, those that the strategy looks at besides, and of
    /// futures what funding is reckoned with.
    pub(super) fn needs(&self) -> Vec<Need> {
        let (symbols, padding_days) = (&self.symbols, self.padding_days);
        let mut traded: BTreeMap<Timeframe, Vec<Symbol>> = BTreeMap::new();
        let mut add = |timeframe, symbols: &[Symbol]| {
            let all = traded.entry(timeframe).or_default();
            all.extend(symbols.iter().filter(|symbol| !all.contains(symbol)).cloned().collect::<Vec<_>>());
        };
        for timeframe in std::iter::once(self.timeframe).chain(self.detail) {
            add(timeframe, symbols);
        }
        for text in &self.informative {
            // `@1h` is of each pair, `BTC/USDT@1h` of that one.
            let Some((pair, timeframe)) = text.split_once('@') else { continue };
            let Ok(timeframe) = timeframe.parse() else { continue };
            match pair.parse::<Symbol>() {
                Ok(pair) => add(timeframe, &[pair]),
                Err(_) => add(timeframe, symbols),
            }
        }
        let futures: Vec<Symbol> = symbols.iter().filter(|symbol| symbol.is_futures()).cloned().collect();
        let traded = traded.into_iter().map(|(timeframe, symbols)| (timeframe, TRADED, symbols));
        let funding = ["mark", "funding_rate"].map(|price| (Timeframe::H1, price, futures.clone()));
        let all = traded.chain(funding).filter(|(_, _, symbols)| !symbols.is_empty());
        all.map(|(timeframe, price, symbols)| Need { timeframe, price, symbols, padding_days }).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn symbols(texts: &[&str]) -> Vec<Symbol> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn subject(symbols: Vec<Symbol>, timeframe: Timeframe, informative: &[&str]) -> Subject {
        Subject {
            timeframe,
            symbols,
            detail: None,
            informative: informative.iter().map(|text| (*text).to_owned()).collect(),
            padding_days: 3,
            is_futures: true,
            stake_currency: Some("USDT".to_owned()),
        }
    }

    #[test]
    fn futures_need_what_funding_is_reckoned_with() {
        let both = symbols(&["BTC/USDT:USDT", "ETH/USDT"]);
        let found = subject(both.clone(), Timeframe::M5, &["@1h", "SOL/USDT@1h", "nonsense"]).needs();
        let of = |timeframe, price, symbols: Vec<Symbol>| Need { timeframe, price, symbols, padding_days: 3 };
        let btc = symbols(&["BTC/USDT:USDT"]);
        let expected = [
            of(Timeframe::M5, "traded", both),
            of(Timeframe::H1, "traded", symbols(&["BTC/USDT:USDT", "ETH/USDT", "SOL/USDT"])),
            of(Timeframe::H1, "mark", btc.clone()),
            of(Timeframe::H1, "funding_rate", btc),
        ];
        assert_eq!(found, expected);
        assert_eq!(subject(Vec::new(), Timeframe::H1, &[]).needs(), []);
    }

    #[test]
    fn stored_pairs_that_fit_are_those_of_the_kind_and_the_money() {
        let subject = subject(Vec::new(), Timeframe::H1, &[]);
        let all = symbols(&["BTC/USDT:USDT", "BTC/USDT", "BTC/USD:BTC"]);
        let taken: Vec<_> = all.iter().filter(|symbol| subject.takes(symbol)).collect();
        assert_eq!(taken, [&all[0]]);
    }

    #[test]
    fn padding_holds_the_candles_to_warm_up_on() {
        // 200 candles of 5 minutes are 16 hours 40 minutes; 200 of an hour 8 days 8 hours.
        assert_eq!(padding_days(Some(200), Timeframe::M5), 1);
        assert_eq!(padding_days(Some(200), Timeframe::H1), 9);
        assert_eq!(padding_days(Some(i64::MAX), Timeframe::H1), MAX_PADDING_DAYS);
        assert_eq!(padding_days(None, Timeframe::H1), PADDING_DAYS);
    }

    /// As a job merges them.
    #[test]
    fn the_request_comes_before_the_config_and_that_before_the_strategy() {
        let strategy = json!({"timeframe": "1h", "startup_candles": 10, "informative": [],
            "settings": {"timeframe": "1h", "pair_whitelist": ["BTC/USDT"], "timerange": "20230101-"}});
        let resolved = json!({"settings": {"timeframe": "4h", "pair_whitelist": ["SOL/USDT"],
            "timeframe_detail": "5m", "timerange": "20240101-20240301", "startup_candle_count": 40}});
        let mut request: BacktestConfig = serde_json::from_value(json!({"strategy": "Demo"})).unwrap();
        let of = |request: &BacktestConfig, resolved: &Value| {
            let sources = Sources { request, resolved, strategy: &strategy };
            let needs = sources.subject().unwrap().needs();
            let needs: Vec<_> = needs
                .iter()
                .map(|need| (need.timeframe, need.symbols[0].to_string(), need.padding_days))
                .collect();
            (needs, sources.range().start, sources.is_told())
        };
        let (jan_2023, jan_2024) = (Some(1_672_531_200_000), Some(1_704_067_200_000));
        let both =
            |pair: &str| vec![(Timeframe::M5, pair.to_owned(), 7), (Timeframe::H4, pair.to_owned(), 7)];
        assert_eq!(of(&request, &resolved), (both("SOL/USDT"), jan_2024, false));
        let file = vec![(Timeframe::H1, "BTC/USDT".to_owned(), 1)];
        assert_eq!(of(&request, &Value::Null), (file, jan_2023, false));
        request.symbols = symbols(&["ETH/USDT"]);
        request.start = Some(5);
        assert_eq!(of(&request, &resolved), (both("ETH/USDT"), Some(5), false));
        // A setting by its own name wins over the request's field, as it does in the job.
        request.settings.insert("pair_whitelist".to_owned(), json!(["ADA/USDT"]));
        request.timeframe = Some(Timeframe::H4);
        assert_eq!(of(&request, &resolved), (both("ADA/USDT"), Some(5), true));
    }
}
