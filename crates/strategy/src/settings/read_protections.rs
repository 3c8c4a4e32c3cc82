//! The list `protections`.

use serde_json::{Map, Value};
use tradai_domain::Timeframe;

use super::read::Reader;
use super::validate::MOST_MINUTES;
use super::{Protection, ProtectionMethod};

impl Reader<'_> {
    pub(super) fn protections(&mut self, timeframe: Timeframe) -> Vec<Protection> {
        let Some(value) = self.value("protections") else { return Vec::new() };
        let Some(items) = value.as_array() else {
            self.fault("protections", format!("is {value}; a list of maps is needed"));
            return Vec::new();
        };
        let mut protections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let at = format!("protections[{index}]");
            match item.as_object() {
                Some(map) => protections.extend(self.protection(&at, map, timeframe)),
                None => self.fault(&at, format!("is {item}; a map with `method` is needed")),
            }
        }
        protections
    }

    fn protection(&mut self, at: &str, map: &Map<String, Value>, timeframe: Timeframe) -> Option<Protection> {
        let mut inner = Reader::new(map);
        let whole = |inner: &mut Reader<'_>, key: &str, default: i64| inner.integer(key).unwrap_or(default);
        let span = |inner: &mut Reader<'_>, key: &str| {
            let candles = inner.integer(&format!("{key}_candles"));
            let minutes = candles.map(|candles| candles.saturating_mul(timeframe.minutes()));
            let minutes = minutes.unwrap_or_else(|| whole(inner, key, 60));
            if !(0..=MOST_MINUTES).contains(&minutes) {
                let given = if candles.is_some() { format!("{key}_candles") } else { key.to_owned() };
                inner.fault(&given, format!("comes to {minutes} minutes; 0 to {MOST_MINUTES}"));
            }
            (candles, minutes)
        };
        let (stop_duration_candles, stop_duration) = span(&mut inner, "stop_duration");
        let (lookback_period_candles, lookback_period) = span(&mut inner, "lookback_period");
        let unlock_at = inner.text("unlock_at").and_then(|text| {
            let minutes = minutes_of_day(&text);
            if minutes.is_none() {
                inner.fault("unlock_at", format!("is \"{text}\"; a time of day such as \"16:00\""));
            }
            minutes
        });
        for (one, other) in
            [("stop_duration", "stop_duration_candles"), ("lookback_period", "lookback_period_candles")]
        {
            if map.contains_key(one) && map.contains_key(other) {
                inner.fault(one, format!("and {other} exclude each other"));
            }
        }
        if unlock_at.is_some() && (map.contains_key("stop_duration") || stop_duration_candles.is_some()) {
            inner.fault("unlock_at", "excludes stop_duration and stop_duration_candles");
        }
        let method = inner.protection_method();
        for fault in inner.into_faults() {
            self.fault(&format!("{at}.{}", fault.key), fault.message);
        }
        Some(Protection {
            method: method?,
            stop_duration,
            lookback_period,
            unlock_at,
            stop_duration_candles,
            lookback_period_candles,
        })
    }

    fn protection_method(&mut self) -> Option<ProtectionMethod> {
        let name = self.text("method").unwrap_or_default();
        let mut own: Vec<&str> = vec!["trade_limit", "required_profit", "only_per_side"];
        let method = match name.as_str() {
            "CooldownPeriod" => {
                own.clear();
                ProtectionMethod::CooldownPeriod
            }
            "StoplossGuard" => {
                own.push("only_per_pair");
                ProtectionMethod::StoplossGuard {
                    trade_limit: self.count("trade_limit").unwrap_or(10),
                    only_per_pair: self.flag("only_per_pair", false),
                    only_per_side: self.flag("only_per_side", false),
                    required_profit: self.number("required_profit").unwrap_or(0.0),
                }
            }
            "LowProfitPairs" => {
                own.push("only_per_pair");
                ProtectionMethod::LowProfitPairs {
                    trade_limit: self.count("trade_limit").unwrap_or(1),
                    required_profit: self.number("required_profit").unwrap_or(0.0),
                    only_per_side: self.flag("only_per_side", false),
                }
            }
            "MaxDrawdown" => {
                own = vec!["trade_limit", "max_allowed_drawdown", "calculation_mode"];
                ProtectionMethod::MaxDrawdown {
                    trade_limit: self.count("trade_limit").unwrap_or(1),
                    max_allowed_drawdown: self.number("max_allowed_drawdown").unwrap_or(0.0),
                    equity: self.drawdown_on_equity(),
                }
            }
            other => {
                let allowed = "CooldownPeriod, StoplossGuard, LowProfitPairs, MaxDrawdown";
                self.fault("method", format!("is \"{other}\"; one of {allowed}"));
                return None;
            }
        };
        own.extend(["method", "stop_duration", "stop_duration_candles", "unlock_at"]);
        own.extend(["lookback_period", "lookback_period_candles"]);
        for key in self.map.keys().filter(|key| !own.contains(&key.as_str())) {
            self.fault(key, format!("is unknown to {name}; allowed are {}", own.join(", ")));
        }
        Some(method)
    }

    fn drawdown_on_equity(&mut self) -> bool {
        match self.text("calculation_mode").as_deref() {
            None | Some("ratios") => false,
            Some("equity") => true,
            Some(other) => {
                self.fault("calculation_mode", format!("is \"{other}\"; ratios or equity"));
                false
            }
        }
    }
}

fn minutes_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}
