use super::*;
use serde_json::json;

fn merge(value: &Value) -> Result<Settings, SettingsError> {
    Settings::merge(&[value.as_object().unwrap()])
}

fn minimal() -> Map<String, Value> {
    json!({"timeframe": "5m", "stoploss": -0.1, "max_open_trades": 3}).as_object().unwrap().clone()
}

fn with(extra: &Value) -> Result<Settings, SettingsError> {
    Settings::merge(&[&minimal(), extra.as_object().unwrap()])
}

#[test]
fn later_layers_win() {
    let settings = with(&json!({"stoploss": -0.2, "minimal_roi": {"60": 0.01, "0": 0.05}})).unwrap();
    assert_eq!(settings.stoploss, -0.2);
    assert_eq!(settings.minimal_roi, [(0, 0.05), (60, 0.01)]);
    assert_eq!(settings.roi_at(59), Some((0, 0.05)));
    assert_eq!(settings.roi_at(60), Some((60, 0.01)));
    assert_eq!(settings.as_given()["stoploss"], -0.2);
}

#[test]
fn every_fault_is_named_with_its_key() {
    let error =
        merge(&json!({"timeframe": "7m", "stoplos": 1, "position_stacking": true, "fee": "x"})).unwrap_err();
    let keys: Vec<&str> = error.faults.iter().map(|fault| fault.key.as_str()).collect();
    assert_eq!(keys, ["stoplos", "position_stacking", "timeframe", "stoploss", "fee"]);
    assert!(error.to_string().contains("position_stacking: is refused"), "{error}");
}

#[test]
fn impossible_settings_are_refused() {
    for (key, extra) in [
        ("stoploss", json!({"stoploss": 0.1})),
        ("max_open_trades", json!({"max_open_trades": -1})),
        ("margin_mode", json!({"trading_mode": "futures", "margin_mode": "cross"})),
        ("margin_mode", json!({"trading_mode": "futures"})),
        ("can_short", json!({"can_short": true})),
        ("timeframe_detail", json!({"timeframe_detail": "1h"})),
        ("pair_whitelist", json!({"pair_whitelist": ["BTC/USDT:USDT"]})),
        ("pair_whitelist", json!({"pair_whitelist": ["BTC/EUR"]})),
        ("pair_whitelist", json!({"pair_whitelist": ["BTC/USDT", "BTC/USDT"]})),
        ("tradable_balance_ratio", json!({"tradable_balance_ratio": 0})),
        (
            "trailing_stop_positive_offset",
            json!({"trailing_stop": true, "trailing_stop_positive": 0.02,
            "trailing_stop_positive_offset": 0.01}),
        ),
        (
            "trailing_only_offset_is_reached",
            json!({"trailing_stop": true, "trailing_only_offset_is_reached": true}),
        ),
        ("protections[0].method", json!({"protections": [{"method": "Hope"}]})),
        ("protections[0].trade_limt", json!({"protections": [{"method": "MaxDrawdown", "trade_limt": 3}]})),
        ("order_types.entry", json!({"order_types": {"entry": "stop"}})),
        ("minimal_roi.x", json!({"minimal_roi": {"x": 0.1}})),
        ("dry_run_wallet.BTC", json!({"dry_run_wallet": {"USDT": 100, "BTC": 1}})),
        ("unfilledtimeout.unit", json!({"unfilledtimeout": {"unit": "hours"}})),
    ] {
        let error = with(&extra).expect_err(&extra.to_string());
        assert!(error.faults.iter().any(|fault| fault.key == key), "{extra}: {error}");
    }
}

#[test]
fn refused_keys_that_are_off_do_no_harm() {
    let off = json!({"position_stacking": false, "pair_blacklist": [], "freqai": {"enabled": false},
        "pairlists": [{"method": "StaticPairList"}]});
    assert!(with(&off).is_ok());
    assert!(with(&json!({"pairlists": [{"method": "VolumePairList"}]})).is_err());
    assert!(with(&json!({"freqai": {"enabled": true}})).is_err());
}

#[test]
fn candle_counts_become_minutes() {
    let protections = json!([{"method": "CooldownPeriod", "stop_duration_candles": 6}]);
    let settings = with(&json!({"protections": protections})).unwrap();
    assert_eq!((settings.protections[0].stop_duration, settings.protections[0].lookback_period), (30, 60));
}

#[test]
fn wallet_may_be_a_map() {
    assert_eq!(with(&json!({"dry_run_wallet": {"USDT": 250}})).unwrap().dry_run_wallet, 250.0);
}

/// What is reckoned with in milliseconds must stay a time.
#[test]
fn lengths_of_time_have_a_bound() {
    let cooldown = |key: &str, value: i64| json!({"protections": [{"method": "CooldownPeriod", key: value}]});
    for (settings, part) in [
        (json!({"minimal_roi": {"9223372036854775807": 0.1}}), "has 9223372036854775807 minutes"),
        (json!({"ignore_buying_expired_candle_after": i64::MIN}), "at most 1000000000 seconds"),
        (cooldown("stop_duration_candles", i64::MAX), "stop_duration_candles: comes to 9223372036854775807"),
        (cooldown("stop_duration", -1), "protections[0].stop_duration: comes to -1 minutes; 0 to 1000000000"),
    ] {
        let error = with(&settings).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
}
