//! From JSON values to typed settings.

use indexmap::IndexSet;
use serde_json::{Map, Value};
use tradai_domain::{Symbol, TimeRange, Timeframe};

use super::keys::{IGNORED_KEYS, KNOWN_KEYS, REFUSED_KEYS};
use super::{OrderType, SettingFault, Settings, StakeAmount, TradingMode, UnfilledTimeout};

/// Reads a map key by key and collects what is wrong.
pub(super) struct Reader<'a> {
    pub(super) map: &'a Map<String, Value>,
    faults: Vec<SettingFault>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(map: &'a Map<String, Value>) -> Self {
        Self { map, faults: Vec::new() }
    }

    pub(super) fn into_faults(self) -> Vec<SettingFault> {
        self.faults
    }

    pub(super) fn settings(&mut self) -> Settings {
        self.check_keys();
        let timeframe = self.timeframe("timeframe").unwrap_or(Timeframe::M5);
        if !self.map.contains_key("timeframe") {
            self.fault("timeframe", "is missing; such as \"5m\"");
        }
        Settings {
            timeframe,
            timeframe_detail: self.timeframe("timeframe_detail"),
            startup_candle_count: self.count("startup_candle_count").unwrap_or(0),
            timerange: self.timerange(),
            pair_whitelist: self.pairs(),
            minimal_roi: self.minimal_roi(),
            stoploss: self.required_number("stoploss"),
            trailing_stop: self.flag("trailing_stop", false),
            trailing_stop_positive: self.number("trailing_stop_positive"),
            trailing_stop_positive_offset: self.number("trailing_stop_positive_offset").unwrap_or(0.0),
            trailing_only_offset_is_reached: self.flag("trailing_only_offset_is_reached", false),
            use_custom_stoploss: self.flag("use_custom_stoploss", false),
            use_custom_roi: self.flag("use_custom_roi", false),
            can_short: self.flag("can_short", false),
            entry_order_type: self.order_type("entry"),
            exit_order_type: self.order_type("exit"),
            unfilledtimeout: self.unfilledtimeout(),
            use_exit_signal: self.flag("use_exit_signal", true),
            exit_profit_only: self.flag("exit_profit_only", false),
            exit_profit_offset: self.number("exit_profit_offset").unwrap_or(0.0),
            ignore_roi_if_entry_signal: self.flag("ignore_roi_if_entry_signal", false),
            ignore_buying_expired_candle_after: self
                .integer("ignore_buying_expired_candle_after")
                .unwrap_or(0),
            position_adjustment_enable: self.flag("position_adjustment_enable", false),
            max_entry_position_adjustment: self.limit("max_entry_position_adjustment", None),
            max_open_trades: self.max_open_trades(),
            stake_currency: self.text("stake_currency").unwrap_or_else(|| "USDT".to_owned()),
            stake_amount: self.stake_amount(),
            tradable_balance_ratio: self.number("tradable_balance_ratio").unwrap_or(0.99),
            available_capital: self.number("available_capital"),
            amend_last_stake_amount: self.flag("amend_last_stake_amount", false),
            last_stake_amount_min_ratio: self.number("last_stake_amount_min_ratio").unwrap_or(0.5),
            amount_reserve_percent: self.number("amount_reserve_percent").unwrap_or(0.05),
            dry_run_wallet: self.dry_run_wallet(),
            fee: self.number("fee"),
            trading_mode: self.trading_mode(),
            liquidation_buffer: self.number("liquidation_buffer").unwrap_or(0.05),
            futures_funding_rate: self.number("futures_funding_rate"),
            enable_protections: self.flag("enable_protections", false),
            protections: self.protections(timeframe),
            leverage: self.number("leverage"),
            dataset: self.text("dataset"),
            callbacks: self.texts("callbacks"),
            merged: Map::new(),
        }
    }

    pub(super) fn fault(&mut self, key: &str, message: impl Into<String>) {
        self.faults.push(SettingFault { key: key.to_owned(), message: message.into() });
    }

    fn check_keys(&mut self) {
        for key in self.map.keys() {
            let key = key.as_str();
            if let Some((_, why)) = REFUSED_KEYS.iter().find(|(refused, _)| *refused == key) {
                if self.is_switched_off(key) {
                    continue;
                }
                self.fault(key, format!("is refused: {why}"));
            } else if !KNOWN_KEYS.contains(&key) && !IGNORED_KEYS.contains(&key) && key != "exchange" {
                self.fault(key, format!("is unknown; allowed are {}", KNOWN_KEYS.join(", ")));
            }
        }
    }

    /// Whether a refused key asks for nothing: off, empty, or a fixed list of pairs in Freqtrade's own spelling.
    fn is_switched_off(&self, key: &str) -> bool {
        match self.value(key) {
            None | Some(Value::Bool(false)) => true,
            Some(Value::Array(items)) => {
                items.is_empty() || (key == "pairlists" && self.is_static_pair_list())
            }
            Some(Value::Object(map)) => map.is_empty() || map.get("enabled") == Some(&Value::Bool(false)),
            Some(_) => false,
        }
    }

    /// Freqtrade's own spelling of a fixed list of pairs.
    fn is_static_pair_list(&self) -> bool {
        let lists = self.value("pairlists").and_then(Value::as_array);
        lists.is_some_and(|lists| {
            lists.iter().all(|list| list.get("method") == Some(&"StaticPairList".into()))
        })
    }

    /// A value that is there and not null.
    pub(super) fn value(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.value(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.fault(key, format!("is {other}; true or false"));
                default
            }
        }
    }

    pub(super) fn number(&mut self, key: &str) -> Option<f64> {
        let value = self.value(key)?;
        let number = value.as_f64().filter(|number| number.is_finite());
        if number.is_none() {
            self.fault(key, format!("is {value}; a number is needed"));
        }
        number
    }

    fn required_number(&mut self, key: &str) -> f64 {
        if self.value(key).is_none() {
            self.fault(key, "is missing; a number is needed, such as -0.1");
        }
        self.number(key).unwrap_or(-0.1)
    }

    pub(super) fn integer(&mut self, key: &str) -> Option<i64> {
        let value = self.value(key)?;
        let whole = value.as_i64().or_else(|| value.as_f64().filter(|f| f.fract() == 0.0).map(|f| f as i64));
        if whole.is_none() {
            self.fault(key, format!("is {value}; a whole number is needed"));
        }
        whole
    }

    pub(super) fn count(&mut self, key: &str) -> Option<usize> {
        let whole = self.integer(key)?;
        let count = usize::try_from(whole).ok();
        if count.is_none() {
            self.fault(key, format!("is {whole}; 0 or more"));
        }
        count
    }

    /// A count in which -1 stands for "any number".
    fn limit(&mut self, key: &str, default: Option<usize>) -> Option<usize> {
        match self.integer(key) {
            None => default,
            Some(-1) => None,
            Some(whole) => {
                let count = usize::try_from(whole).ok();
                if count.is_none() {
                    self.fault(key, format!("is {whole}; -1 (any number) or 0 and more"));
                }
                count
            }
        }
    }

    fn max_open_trades(&mut self) -> Option<usize> {
        // Freqtrade takes 0 and everything below for "no limit" when it hands out slots.
        self.limit("max_open_trades", Some(1)).filter(|&limit| limit > 0)
    }

    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?;
        if value.as_str().is_none() {
            self.fault(key, format!("is {value}; a text is needed"));
        }
        value.as_str().map(str::to_owned)
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let texts: Option<Vec<String>> = value
            .as_array()
            .and_then(|items| items.iter().map(|item| item.as_str().map(str::to_owned)).collect());
        if texts.is_none() {
            self.fault(key, format!("is {value}; a list of texts is needed"));
        }
        texts.unwrap_or_default()
    }

    fn timeframe(&mut self, key: &str) -> Option<Timeframe> {
        let text = self.text(key).filter(|text| !text.is_empty())?;
        match text.parse() {
            Ok(timeframe) => Some(timeframe),
            Err(error) => {
                self.fault(key, format!("{error}"));
                None
            }
        }
    }

    fn timerange(&mut self) -> TimeRange {
        let Some(text) = self.text("timerange").filter(|text| !text.is_empty()) else {
            return TimeRange::ALL;
        };
        TimeRange::parse(&text).unwrap_or_else(|error| {
            self.fault("timerange", error.to_string());
            TimeRange::ALL
        })
    }

    fn pairs(&mut self) -> Vec<Symbol> {
        let excluded = self.value("exchange").and_then(|exchange| exchange.get("pair_blacklist"));
        if excluded.and_then(Value::as_array).is_some_and(|pairs| !pairs.is_empty()) {
            self.fault("exchange.pair_blacklist", "is refused: leave the pairs out of `pair_whitelist`");
        }
        let nested = || self.value("exchange")?.get("pair_whitelist");
        let (key, value) = match self.value("pair_whitelist") {
            Some(value) => ("pair_whitelist", Some(value)),
            None => ("exchange.pair_whitelist", nested()),
        };
        let Some(value) = value else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.fault(key, format!("is {value}; a list of pairs is needed"));
            return Vec::new();
        };
        let mut pairs: IndexSet<Symbol> = IndexSet::with_capacity(items.len());
        for item in items {
            match item.as_str().unwrap_or_default().parse::<Symbol>() {
                Ok(pair) if pairs.contains(&pair) => self.fault(key, format!("names {pair} twice")),
                Ok(pair) => drop(pairs.insert(pair)),
                Err(_) => self.fault(key, format!("has {item}; pairs are written BTC/USDT or BTC/USDT:USDT")),
            }
        }
        pairs.into_iter().collect()
    }

    fn minimal_roi(&mut self) -> Vec<(i64, f64)> {
        const ALLOWED: &str = "minutes and ratios, such as {\"0\": 0.05, \"60\": 0.01}";
        let Some(value) = self.value("minimal_roi") else { return vec![(0, 10.0)] };
        let Some(map) = value.as_object() else {
            self.fault("minimal_roi", format!("is {value}; {ALLOWED}"));
            return Vec::new();
        };
        let mut steps = Vec::with_capacity(map.len());
        for (minutes, ratio) in map {
            match (minutes.parse::<i64>(), ratio.as_f64()) {
                (Ok(minutes @ 0..), Some(ratio)) => steps.push((minutes, ratio)),
                _ => self.fault(&format!("minimal_roi.{minutes}"), format!("is {ratio}; {ALLOWED}")),
            }
        }
        steps.sort_by_key(|&(minutes, _)| minutes);
        steps
    }

    fn order_type(&mut self, side: &str) -> OrderType {
        const KEYS: &[&str] = &[
            "emergency_exit",
            "entry",
            "exit",
            "force_entry",
            "force_exit",
            "stoploss",
            "stoploss_on_exchange",
            "stoploss_on_exchange_interval",
            "stoploss_on_exchange_limit_ratio",
            "stoploss_price_type",
        ];
        let Some(value) = self.value("order_types") else { return OrderType::Limit };
        let Some(map) = value.as_object() else {
            self.fault("order_types", format!("is {value}; a map with {}", KEYS.join(", ")));
            return OrderType::Limit;
        };
        // Checked once: this is read for both sides.
        if side == "entry" {
            for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
                self.fault(
                    &format!("order_types.{key}"),
                    format!("is unknown; allowed are {}", KEYS.join(", ")),
                );
            }
        }
        match map.get(side).map(|value| value.as_str().unwrap_or_default()) {
            None | Some("limit") => OrderType::Limit,
            Some("market") => OrderType::Market,
            Some(other) => {
                self.fault(&format!("order_types.{side}"), format!("is \"{other}\"; limit or market"));
                OrderType::Limit
            }
        }
    }

    fn unfilledtimeout(&mut self) -> UnfilledTimeout {
        // Without the key nothing times out, as in Freqtrade.
        let default = UnfilledTimeout { entry_ms: None, exit_ms: None };
        let Some(value) = self.value("unfilledtimeout") else { return default };
        let Some(map) = value.as_object() else {
            self.fault(
                "unfilledtimeout",
                format!("is {value}; a map with entry, exit, exit_timeout_count, unit"),
            );
            return default;
        };
        let unit_ms = match map.get("unit").map(|unit| unit.as_str().unwrap_or_default()) {
            None | Some("minutes") => 60_000.0,
            Some("seconds") => 1_000.0,
            Some(other) => {
                self.fault("unfilledtimeout.unit", format!("is \"{other}\"; minutes or seconds"));
                60_000.0
            }
        };
        for key in map.keys() {
            if !["entry", "exit", "exit_timeout_count", "unit"].contains(&key.as_str()) {
                self.fault(
                    &format!("unfilledtimeout.{key}"),
                    "is unknown; allowed are entry, exit, exit_timeout_count, unit",
                );
            }
        }
        let mut side = |name: &str| {
            let value = map.get(name).filter(|value| !value.is_null())?;
            let length = value.as_f64().filter(|length| *length >= 0.0);
            if length.is_none() {
                self.fault(&format!("unfilledtimeout.{name}"), format!("is {value}; 0 or more"));
            }
            length.map(|length| (length * unit_ms) as i64)
        };
        UnfilledTimeout { entry_ms: side("entry"), exit_ms: side("exit") }
    }

    fn stake_amount(&mut self) -> StakeAmount {
        match self.value("stake_amount") {
            Some(Value::String(text)) if text == "unlimited" => StakeAmount::Unlimited,
            Some(value) => StakeAmount::Fixed(value.as_f64().unwrap_or_else(|| {
                self.fault("stake_amount", format!("is {value}; a number or \"unlimited\""));
                1.0
            })),
            None => StakeAmount::Unlimited,
        }
    }

    fn dry_run_wallet(&mut self) -> f64 {
        let currency = self.map.get("stake_currency").and_then(Value::as_str).unwrap_or("USDT").to_owned();
        match self.value("dry_run_wallet") {
            None => 1_000.0,
            Some(Value::Object(wallet)) => {
                if let Some(other) = wallet.keys().find(|key| **key != currency) {
                    self.fault(
                        &format!("dry_run_wallet.{other}"),
                        format!("is refused: a backtest starts with {currency} only"),
                    );
                }
                wallet.get(&currency).and_then(Value::as_f64).unwrap_or_default()
            }
            Some(_) => self.number("dry_run_wallet").unwrap_or(1_000.0),
        }
    }

    fn trading_mode(&mut self) -> TradingMode {
        let mode = match self.text("trading_mode").as_deref() {
            None | Some("" | "spot") => TradingMode::Spot,
            Some("futures") => TradingMode::Futures,
            Some("margin") => {
                self.fault("trading_mode", "is \"margin\", which is refused: spot or futures");
                TradingMode::Spot
            }
            Some(other) => {
                self.fault("trading_mode", format!("is \"{other}\"; spot or futures"));
                TradingMode::Spot
            }
        };
        match (mode, self.text("margin_mode").as_deref()) {
            (_, Some("cross")) => {
                self.fault(
                    "margin_mode",
                    "is \"cross\", which is refused: only isolated margin is simulated",
                );
            }
            (TradingMode::Futures, Some("isolated")) | (TradingMode::Spot, _) => {}
            (TradingMode::Futures, None | Some("")) => {
                self.fault("margin_mode", "is missing; futures need \"isolated\"");
            }
            (TradingMode::Futures, Some(other)) => {
                self.fault("margin_mode", format!("is \"{other}\"; \"isolated\""));
            }
        }
        mode
    }
}
