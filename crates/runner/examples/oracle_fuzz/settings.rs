//! Random settings.

use serde_json::{Map, Value, json};
use tradai_domain::Timeframe;

use crate::oracle_strategy::Callbacks;
use crate::rng::Rng;

/// What the rest of the case has fixed already.
#[derive(Debug, Clone)]
pub(crate) struct Given<'a> {
    pub(crate) is_futures: bool,
    pub(crate) timeframe: Timeframe,
    pub(crate) detail: Option<Timeframe>,
    pub(crate) pairs: Vec<String>,
    pub(crate) scale: f64,
    pub(crate) startup: i64,
    pub(crate) timerange: String,
    pub(crate) callbacks: &'a Callbacks,
}

/// Returns settings under Freqtrade's names.
pub(crate) fn random(rng: &mut Rng, given: &Given<'_>) -> Map<String, Value> {
    let mut map = Map::new();
    let mut set = |key: &str, value: Value| map.insert(key.to_owned(), value);
    let scale = given.scale;
    set("timeframe", json!(given.timeframe.as_str()));
    set("startup_candle_count", json!(given.startup));
    set("minimal_roi", roi(rng, given));
    let stop = if rng.chance(0.15) {
        rng.pick(&[-0.99, -0.9, -0.5])
    } else {
        -ratio(rng, 1.0, 12.0, scale).clamp(0.001, 0.98)
    };
    set("stoploss", json!(stop));
    trailing(rng, scale, &mut set);
    set("use_custom_stoploss", json!(given.callbacks.custom_stoploss.is_some()));
    set("use_custom_roi", json!(given.callbacks.custom_roi.is_some()));
    set("can_short", json!(given.is_futures && rng.chance(0.85)));
    let market = |rng: &mut Rng| if rng.chance(0.25) { "market" } else { "limit" };
    let types = json!({"entry": market(rng), "exit": market(rng), "stoploss": "limit", "stoploss_on_exchange": false});
    set("order_types", types);
    set("use_exit_signal", json!(rng.chance(0.85)));
    set("exit_profit_only", json!(rng.chance(0.25)));
    set("exit_profit_offset", json!(if rng.chance(0.5) { 0.0 } else { ratio(rng, -1.0, 3.0, scale) }));
    set("ignore_roi_if_entry_signal", json!(rng.chance(0.25)));
    let expired = if rng.chance(0.3) { rng.int(1, given.timeframe.millis() / 1_000) } else { 0 };
    set("ignore_buying_expired_candle_after", json!(expired));
    set(
        "position_adjustment_enable",
        json!(given.callbacks.adjust_trade_position.is_some() && rng.chance(0.97)),
    );
    set("max_entry_position_adjustment", json!(rng.pick(&[-1, -1, 0, 1, 3])));
    money(rng, &mut set);
    let unit = rng.pick(&["minutes", "minutes", "seconds"]);
    let longest =
        if unit == "minutes" { 6 * given.timeframe.minutes() } else { 360 * given.timeframe.minutes() };
    if rng.chance(0.9) {
        set(
            "unfilledtimeout",
            json!({"entry": rng.int(1, longest), "exit": rng.int(1, longest), "exit_timeout_count": 0, "unit": unit}),
        );
    }
    set("trading_mode", json!(if given.is_futures { "futures" } else { "spot" }));
    set("margin_mode", json!(if given.is_futures { "isolated" } else { "" }));
    if given.is_futures {
        set("liquidation_buffer", json!(rng.pick(&[0.05, 0.05, 0.0, 0.2])));
        if rng.chance(0.3) {
            set("futures_funding_rate", json!(rng.pick(&[0.0, 0.0001, -0.001])));
        }
    }
    set("pair_whitelist", json!(given.pairs));
    if !given.timerange.is_empty() {
        set("timerange", json!(given.timerange));
    }
    if let Some(detail) = given.detail {
        set("timeframe_detail", json!(detail.as_str()));
    }
    let protections =
        if rng.chance(0.35) { rng.several(3, |rng| protection(rng, given)) } else { Vec::new() };
    set("enable_protections", json!(!protections.is_empty() && rng.chance(0.95)));
    set("protections", Value::Array(protections));
    let given_callbacks = serde_json::to_value(given.callbacks).unwrap_or_default();
    let used = given_callbacks.as_object().into_iter().flatten();
    let names =
        used.filter(|(name, rule)| !rule.is_null() && !rule.is_boolean() && *name != "bot_loop_start");
    set("callbacks", names.map(|(name, _)| json!(name)).collect());
    map
}

fn ratio(rng: &mut Rng, low: f64, high: f64, scale: f64) -> f64 {
    (rng.range(low, high) * scale * 1e4).round() / 1e4
}

fn roi(rng: &mut Rng, given: &Given<'_>) -> Value {
    if rng.chance(0.15) {
        return json!({"0": 100});
    }
    let minutes = given.timeframe.minutes();
    let mut table = Map::new();
    for step in 0..rng.int(1, 4) {
        let at = match rng.index(4) {
            _ if step == 0 && rng.chance(0.8) => 0,
            0 => rng.int(0, 30 * minutes),
            _ => rng.int(0, 30) * minutes,
        };
        let value = match rng.index(12) {
            0 => json!(-1),
            1 => json!(0),
            2 => json!(-ratio(rng, 0.0, 2.0, given.scale)),
            _ => json!(ratio(rng, 0.2, 6.0, given.scale)),
        };
        table.insert(at.to_string(), value);
    }
    Value::Object(table)
}

fn trailing(rng: &mut Rng, scale: f64, set: &mut impl FnMut(&str, Value) -> Option<Value>) {
    let trailing = rng.chance(0.45);
    set("trailing_stop", json!(trailing));
    let positive = ratio(rng, 0.2, 3.0, scale).max(0.0001);
    let offset = if rng.chance(0.4) {
        0.0
    } else {
        ((positive + ratio(rng, 0.1, 4.0, scale).max(0.0001)) * 1e4).round() / 1e4
    };
    let has_positive = rng.chance(0.7);
    if has_positive {
        set("trailing_stop_positive", json!(positive));
    }
    set("trailing_stop_positive_offset", json!(offset));
    set("trailing_only_offset_is_reached", json!(has_positive && offset > 0.0 && rng.chance(0.5)));
}

fn money(rng: &mut Rng, set: &mut impl FnMut(&str, Value) -> Option<Value>) {
    let slots = rng.pick(&[-1, 1, 1, 2, 3, 5]);
    set("max_open_trades", json!(slots));
    set("stake_currency", json!("USDT"));
    let wallet = rng.pick(&[60.0, 200.0, 1_000.0, 1_000.0, 25_000.0]);
    let fixed = slots == -1 || rng.chance(0.5);
    let ratio = rng.pick(&[0.99, 0.99, 1.0, 0.5]);
    let capital = rng.maybe(0.15, |rng| (wallet * rng.range(0.2, 1.2)).round());
    // Freqtrade refuses a stake above the starting balance.
    let share = rng.range(0.02, 1.0) * capital.unwrap_or(wallet).min(wallet * ratio);
    set("stake_amount", if fixed { json!((share * 10.0).floor() / 10.0) } else { json!("unlimited") });
    set("tradable_balance_ratio", json!(ratio));
    set("dry_run_wallet", json!(wallet));
    if let Some(capital) = capital {
        set("available_capital", json!(capital));
    }
    if rng.chance(0.4) {
        set("amend_last_stake_amount", json!(true));
        set("last_stake_amount_min_ratio", json!(rng.pick(&[0.5, 0.1, 0.9])));
    }
    set("amount_reserve_percent", json!(rng.pick(&[0.05, 0.05, 0.0, 0.3])));
    let fee =
        if rng.chance(0.1) { Value::Null } else { json!(rng.pick(&[0.001, 0.0005, 0.00075, 0.0, 0.01])) };
    if !fee.is_null() {
        set("fee", fee);
    }
}

fn protection(rng: &mut Rng, given: &Given<'_>) -> Value {
    let mut map = Map::new();
    let method = rng.pick(&["CooldownPeriod", "StoplossGuard", "LowProfitPairs", "MaxDrawdown"]);
    map.insert("method".into(), json!(method));
    let minutes = given.timeframe.minutes();
    match rng.index(4) {
        0 => map.insert("stop_duration".into(), json!(rng.int(1, 20 * minutes))),
        1 => map.insert(
            "unlock_at".into(),
            json!(format!("{:02}:{:02}", rng.int(0, 23), rng.pick(&[0, 5, 17, 30]))),
        ),
        2 => None,
        _ => map.insert("stop_duration_candles".into(), json!(rng.int(1, 30))),
    };
    match rng.index(3) {
        0 => map.insert("lookback_period".into(), json!(rng.int(1, 60 * minutes))),
        1 => None,
        _ => map.insert("lookback_period_candles".into(), json!(rng.int(1, 100))),
    };
    let mut sometimes = |key: &str, value: Value, rng: &mut Rng| {
        if rng.chance(0.6) {
            map.insert(key.into(), value);
        }
    };
    let required = rng.pick(&[0.0, 0.01, -0.01, 0.05]);
    let (limit, flags) = (rng.int(1, 4), [rng.chance(0.5), rng.chance(0.5)]);
    match method {
        "StoplossGuard" => {
            // Left out, it is ten: hardly ever reached here.
            sometimes("trade_limit", json!(limit), rng);
            sometimes("only_per_pair", json!(flags[0]), rng);
            sometimes("only_per_side", json!(flags[1]), rng);
            sometimes("required_profit", json!(required), rng);
        }
        "LowProfitPairs" => {
            sometimes("trade_limit", json!(limit), rng);
            sometimes("only_per_side", json!(flags[1]), rng);
            sometimes("required_profit", json!(required), rng);
        }
        "MaxDrawdown" => {
            sometimes("trade_limit", json!(limit), rng);
            sometimes("max_allowed_drawdown", json!(rng.pick(&[0.0, 0.01, 0.03, 0.1])), rng);
            sometimes("calculation_mode", json!(rng.pick(&["ratios", "equity"])), rng);
        }
        _ => {}
    }
    Value::Object(map)
}
