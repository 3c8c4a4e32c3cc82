//! Indicators, parameters and signals of declared strategies.

use super::{Waves, load, populated, wave, with};
use std::collections::BTreeMap;
use std::sync::Arc;
use tradai_domain::{CandleSeries, Symbol, Timeframe};
use tradai_strategy::registry::StrategyOrigin;
use tradai_strategy::{Frame, ParameterValue, Registry, Settings, Signals, Strategy as _, flag};

#[test]
fn parameters_change_the_strategy_within_their_ranges() {
    let strategy = Registry::bundled().entry("EmaCross").unwrap().declarative.clone().unwrap();
    let set = |name: &str, value: ParameterValue| {
        strategy.with_parameters(&BTreeMap::from([(name.to_owned(), value)]))
    };
    let (_, before) = populated(&*strategy, "BTC/USDT", Timeframe::M5);
    let changed = set("fast", 20.0.into()).unwrap();
    assert_eq!(changed.parameter_values()["fast"], ParameterValue::Number(20.0));
    assert_ne!(populated(&changed, "BTC/USDT", Timeframe::M5).1, before);
    for (name, value, message) in [
        ("fast", ParameterValue::Number(31.0), "parameter `fast` is 31; a whole number from 5 to 30"),
        ("fast", ParameterValue::Number(20.5), "parameter `fast` is 20.5; a whole number from 5 to 30"),
        ("fast", ParameterValue::Bool(true), "parameter `fast` is true; a whole number from 5 to 30"),
        ("fats", ParameterValue::Number(20.0), "EmaCross has no parameter `fats`; did you mean `fast`?"),
    ] {
        assert!(set(name, value).unwrap_err().to_string().starts_with(message), "{message}");
    }
}

#[test]
fn parameters_of_every_type_steer_expressions() {
    let text = with(
        "  parameters:
    mode: {type: categorical, options: [up, down, both], default: up}
    loud: {type: bool, default: false}
    factor: {type: decimal, default: 1.5, range: [1, 2]}
  entry:
    - {when: \"(mode == 'up' and close > open) or mode == 'down' and close < open or mode == 'both'\"}
    - {when: 'loud and volume > factor * mean(volume, 10)', tag: loud}",
        "",
    );
    let strategy = load(&text);
    let count = |values: &[(&str, ParameterValue)]| {
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let (_, signals) = populated(&strategy.with_parameters(&values).unwrap(), "A/B", Timeframe::M5);
        let rows = 0..signals.len();
        let loud = rows.filter(|&row| signals.enter_tag(row) == "loud").count();
        (signals.flags().iter().filter(|&&bits| bits == flag::ENTER_LONG).count(), loud)
    };
    let text = |text: &str| ParameterValue::Text(text.into());
    let (up, down) = (count(&[]), count(&[("mode", text("down"))]));
    assert!(up.0 > 1000 && down.0 > 1000 && up.0 + down.0 <= 6_000);
    assert_eq!(count(&[("mode", text("both"))]), (6_000, 0));
    let loud = count(&[("loud", ParameterValue::Bool(true)), ("factor", 1.01.into())]);
    assert!(loud.1 > 100 && loud.1 < 5_000, "{loud:?}");
}

#[test]
fn bundled_strategies_trade_on_made_up_candles() {
    for (name, entry) in Registry::bundled().entries() {
        assert!(matches!(entry.origin, StrategyOrigin::Bundled(_)));
        let settings = entry.strategy.settings();
        let merged = Settings::merge(&[&settings]).unwrap_or_else(|error| panic!("{name}: {error}"));
        let pair = if merged.shorts_allowed() { "BTC/USDT:USDT" } else { "BTC/USDT" };
        let (frame, signals) = populated(&*entry.strategy, pair, merged.timeframe);
        let count = |bit: u8| signals.flags().iter().filter(|&&bits| bits & bit != 0).count();
        assert!(count(flag::ENTER_LONG) > 0 && count(flag::EXIT_LONG) > 0, "{name}");
        assert!(count(flag::ENTER_LONG) < frame.len() / 10, "{name}");
        assert_eq!(count(flag::ENTER_SHORT) > 0, merged.shorts_allowed(), "{name}");
        let needed = entry.declarative.as_ref().unwrap().lookback();
        assert!(merged.startup_candle_count >= needed && needed > 10, "{name}: {needed}");
        let first = signals.flags().iter().position(|&bits| bits != 0).unwrap();
        assert!(first + 1 >= 10, "{name}: a signal on row {first}");
    }
}

#[test]
fn only_what_is_used_is_computed() {
    let strategy = crate::shared::golden_strategy("bench");
    let (frame, _) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    assert_eq!(frame.names().collect::<Vec<_>>(), ["rsi"]);
    let summary = strategy.summary();
    let used: Vec<(&str, bool)> = summary.indicators.iter().map(|i| (i.name.as_str(), i.used)).collect();
    assert_eq!(used, [("rsi", true), ("ema_f", false), ("ema_s", false), ("atr", false)]);
}

#[test]
fn other_timeframes_and_pairs_are_merged_when_they_close() {
    let text = with(
        "  indicators:
    slow: {indicator: sma, timeperiod: 3, timeframe: 1h}
    up: {expression: close > prev(close), timeframe: 1h}
    spread: {expression: close - close@ETH/USDT}
    other: {indicator: rsi, timeperiod: 5, pair: ETH/USDT, timeframe: 1h}
    nested: {expression: 'slow + high@4h', timeframe: 1h}
  entry:
    - {when: close > slow and up and spread == 0 and other > 1 and nested > 1 and slow@ETH/USDT > 1}",
        "",
    );
    let strategy = load(&text);
    let whitelist: Vec<Symbol> = ["BTC/USDT", "ETH/USDT"].map(|pair| pair.parse().unwrap()).to_vec();
    let keys: Vec<String> = strategy.informative_pairs(&whitelist).iter().map(ToString::to_string).collect();
    let expected =
        ["BTC/USDT 1h spot", "BTC/USDT 4h spot", "ETH/USDT 5m spot", "ETH/USDT 1h spot", "ETH/USDT 4h spot"];
    assert_eq!(keys, expected);
    let (frame, signals) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    assert!(signals.flags().contains(&flag::ENTER_LONG));
    let hours = wave(500, Timeframe::H1);
    let slow = frame.column("slow").unwrap();
    // The third hour closes with the candle that opens at 02:55, row 35.
    assert!(slow[..35].iter().all(|value| value.is_nan()));
    let mean = hours.close()[..3].iter().sum::<f64>() / 3.0;
    assert!(
        (slow[35] - mean).abs() < 1e-9 && (slow[46] - mean).abs() < 1e-9 && (slow[47] - mean).abs() > 1e-6
    );
    assert!(frame.column("spread").unwrap().iter().all(|&value| value == 0.0));
}

#[test]
fn missing_candles_and_columns_are_errors() {
    let strategy = load(&with("  entry: [{when: close@1h > open}]", ""));
    let candles = Arc::new(wave(10, Timeframe::M5));
    let mut frame = Frame::new("A/B".parse().unwrap(), Timeframe::M5, candles);
    let error = strategy.populate_indicators(&mut frame, &()).unwrap_err().to_string();
    assert!(error.starts_with("no A/B 1h spot candles"), "{error}");
    let mut signals = Signals::new(10);
    assert!(strategy.populate_entry_trend(&frame, &mut signals).is_err());
    let mut empty = Frame::new("A/B".parse().unwrap(), Timeframe::M5, Arc::new(CandleSeries::default()));
    strategy.populate_indicators(&mut empty, &Waves).unwrap();
}

#[test]
fn conditions_that_always_hold_signal_on_every_candle() {
    let strategy = load(&with("  entry: [{when: true, tag: a}, {when: false, tag: b}]", ""));
    let (_, signals) = populated(&strategy, "A/B", Timeframe::M5);
    assert!(signals.flags().iter().all(|&bits| bits == flag::ENTER_LONG));
    assert_eq!(signals.enter_tag(17), "a");
}
