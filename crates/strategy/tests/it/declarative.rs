//! Reading strategy files, and what declared strategies do.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tradai_domain::{CandleSeries, SeriesKey, Symbol, Timeframe};
use tradai_strategy::registry::StrategyOrigin;
use tradai_strategy::{
    CandleSource, DeclarativeStrategy, EntryRequest, ExitRequest, Frame, Order, OrderPrice, ParameterValue,
    Registry, Settings, Signals, StakeProposal, StopRequest, Strategy, StrategyFile, Trade, flag,
};

const REFERENCE: &str = include_str!("../fixtures/reference_tradai.yaml");

fn load(text: &str) -> DeclarativeStrategy {
    DeclarativeStrategy::from_yaml(text, Path::new("t.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

/// The faults of a file, one per line of text.
fn faults(text: &str) -> Vec<String> {
    let error = DeclarativeStrategy::from_yaml(text, Path::new("t.yaml")).err();
    error
        .map(|error| error.faults.iter().map(|fault| fault.render(Path::new("t.yaml"))).collect())
        .unwrap_or_default()
}

/// A strategy of which only the sections given differ.
fn with(signals: &str, rest: &str) -> String {
    format!("strategy: {{name: T, timeframe: 5m}}\nsignals:\n{signals}\n{rest}")
}

fn wave(rows: i64, timeframe: Timeframe) -> CandleSeries {
    let mut series = CandleSeries::with_capacity(1_000);
    for row in 0..rows {
        let x = row as f64 * timeframe.minutes() as f64 / 5.0;
        let price = 100.0 + 12.0 * (x / 90.0).sin() + 5.0 * (x / 13.0).sin() + 2.0 * (x / 3.1).cos();
        let spread = 0.4 + 0.3 * (x / 7.0).sin();
        let (open, close) = (price - 0.3 * (x * 1.7).sin(), price);
        let volume = 1_000.0 + 600.0 * (x / 5.0).sin();
        let (high, low) = (open.max(close) + spread, open.min(close) - spread);
        series.push(row * timeframe.millis(), [open, high, low, close, volume]);
    }
    series
}

/// Made-up candles of every series.
struct Waves;

impl CandleSource for Waves {
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        Some(Arc::new(wave(6_000 * 5 / key.timeframe.minutes(), key.timeframe)))
    }
}

fn populated(strategy: &dyn Strategy, pair: &str, timeframe: Timeframe) -> (Frame, Signals) {
    let pair: Symbol = pair.parse().unwrap();
    let candles = Waves.candles(&SeriesKey::traded(&pair, timeframe)).unwrap();
    let mut frame = Frame::new(pair, timeframe, candles);
    let mut signals = Signals::new(frame.len());
    strategy.populate_indicators(&mut frame, &Waves).unwrap();
    strategy.populate_entry_trend(&frame, &mut signals).unwrap();
    strategy.populate_exit_trend(&frame, &mut signals).unwrap();
    (frame, signals)
}

#[test]
fn the_reference_file_parses_unchanged() {
    let file = StrategyFile::parse(REFERENCE, Path::new("tradai.yaml")).unwrap();
    assert_eq!(file.strategy.entry_point, "mystrategy.strategy:MyStrategy");
    assert_eq!(file.strategy.timeframe, Timeframe::H1);
    assert_eq!(file.strategy_service.bucket_name.as_deref(), Some("tradai-data"));
    let uri = file.mlflow.tracking_uri.as_deref();
    assert_eq!(uri, Some("${MLFLOW_TRACKING_URI:-http://localhost:5001}"));
    assert_eq!(file.mlflow.auto_log_params, Some(true));
    assert_eq!(file.optimization.defaults.loss_function.as_deref(), Some("sharpe"));
    let production = &file.optimization.presets["production"];
    assert_eq!((production.epochs, production.walk_forward), (Some(1000), Some(true)));
    assert_eq!(production.spaces.as_ref().unwrap().len(), 5);
    assert_eq!((file.deployment.cpu, file.deployment.memory), (Some(512), Some(1024)));
    assert!(!file.is_declarative());
}

#[test]
fn the_reference_file_can_declare_its_strategy() {
    let text =
        format!("{REFERENCE}\nsettings: {{stoploss: -0.1}}\nsignals:\n  entry: [{{when: close > open}}]\n");
    let settings = load(&text).settings();
    assert_eq!(settings["pair_whitelist"], json!(["BTC/USDT:USDT", "ETH/USDT:USDT"]));
    assert_eq!(settings["trading_mode"], "futures");
    assert_eq!(settings["stake_amount"], 1000);
    let merged = Settings::merge(&[&settings]).unwrap();
    assert_eq!((merged.timeframe, merged.max_open_trades), (Timeframe::H1, Some(3)));
}

#[test]
fn sections_of_services_may_stand_at_the_top() {
    let text = with(
        "  entry: [{when: close > open}]",
        "defaults: {max_open_trades: 2}\nmlflow: {experiment_name: e}",
    );
    let strategy = load(&text);
    assert_eq!(strategy.settings()["max_open_trades"], 2);
    assert_eq!(strategy.file().mlflow.experiment_name.as_deref(), Some("e"));
}

#[test]
fn every_fault_is_reported_at_once_with_its_line() {
    let text = "\
strategy: {name: 'a b', timeframe: 7m, versoin: 1}
settings:
  stoploss: 0.1
  minimal_roi: {\"0\": x}
  stop_loss: -0.1
signals:
  parameters:
    fast: {type: int, default: 50, range: [5, 30]}
    slow: {type: whole, default: 1}
    rsi: {type: bool, default: 1}
  indicators:
    ema: {indicator: emaa, timeperiod: 12}
    rsi: {indicator: rsi, period: 14}
    atr: {indicator: atr, timeperiod: 0}
    close: {expression: open}
  entry:
    - {when: \"rsj < 30\", side: up}
    - {tag: x}
  exit: sell
hooks:
  custom_stop: 1
  confirm_trade_entry: [1]
";
    let found = faults(text);
    let expected = [
        "t.yaml:1: strategy.name: is \"a b\"",
        "t.yaml:1: strategy.timeframe: unknown timeframe `7m`; one of",
        "t.yaml:1: strategy.versoin: is unknown; did you mean `version`?; allowed are",
        "t.yaml:4: settings.minimal_roi.0: is \"x\"; minutes and ratios",
        "t.yaml:5: settings.stop_loss: is unknown; allowed are",
        "t.yaml:8: signals.parameters.fast.default: is 50; a whole number from 5 to 30",
        "t.yaml:9: signals.parameters.slow.type: is \"whole\"; one of int, decimal, bool, categorical",
        "t.yaml:10: signals.parameters.rsi.default: is 1; true or false",
        "t.yaml:12: signals.indicators.ema.indicator: there is no indicator `emaa`; did you mean `ema`?",
        "t.yaml:13: signals.indicators.rsi: is a parameter already",
        "t.yaml:13: signals.indicators.rsi.period: is unknown",
        "t.yaml:14: signals.indicators.atr.timeperiod: is 0; a whole number from 1 to 100000",
        "t.yaml:15: signals.indicators.close: is a column of the candles already",
        "t.yaml:17: signals.entry[0].side: is \"up\"; long or short",
        "t.yaml:17: signals.entry[0].when: there is no `rsj`",
        "t.yaml:18: signals.entry[1].when: is missing",
        "t.yaml:19: signals.exit: is `sell`; a list of rules such as",
        "t.yaml:21: hooks.custom_stop: is no hook; there are",
        "t.yaml:22: hooks.confirm_trade_entry: is a list; one condition",
    ];
    for expected in expected {
        assert!(found.iter().any(|fault| fault.starts_with(expected)), "{expected}\n{found:#?}");
    }
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn faults_of_expressions_show_the_place() {
    let text = with("  indicators: {rsi: {indicator: rsi}}\n  entry: [{when: 'close > 1 and rsi'}]", "");
    let expected = "t.yaml:4: signals.entry[0].when: `and` needs a condition; `rsi` is a number\n    \
                    close > 1 and rsi\n                  ^^^";
    assert_eq!(faults(&text), [expected]);
}

#[test]
fn a_comma_outside_of_quotes_is_explained() {
    let found = faults(&with("  entry: [{when: mean(close, 5) > open}]", ""));
    let hint = "signals.entry[0].5) > open: is the rest of an expression that has a comma; put the expression in quotes";
    assert!(found.iter().any(|fault| fault.contains(hint)), "{found:#?}");
}

#[test]
fn expressions_are_checked() {
    let indicators = "
    macd: {indicator: macd}
    rsi: {indicator: rsi}
    hour_rsi: {indicator: rsi, timeframe: 1h}
    quick: {expression: close, timeframe: 1m}
    a: {expression: b + 1}
    b: {expression: a + 1}
    bad: {expression: rsi +}
    worse: {expression: bad * 2}";
    for (when, message) in [
        ("close", "is a number; a condition is needed, such as `close > 0`"),
        ("close + true > 1", "`+` needs a number; `true` is a condition"),
        ("not close", "`not` needs a condition; `close` is a number"),
        ("macd > 0", "`macd` has several columns; write one of macd.macd, macd.signal, macd.hist"),
        ("macd.sign > 0", "`macd` has no output `sign` (there are macd.macd, macd.signal, macd.hist)"),
        ("rsi.value > 0", "`rsi` has one column; leave out the dot"),
        ("prev(close, -1) > 0", "must be whole, the same on every candle, and from 0"),
        ("prev(close, rsi) > 0", "must be whole, the same on every candle"),
        ("mean(close, 0) > 0", "must be whole, the same on every candle, and from 1"),
        ("mean(close) > 0", "wrong number of arguments; it is called mean(x, n)"),
        ("mean(3, 5) > 0", "is the same on every candle"),
        ("if(rsi > 1, close, true)", "`if` gives a number here and a condition there"),
        ("hour_rsi@4h > 1", "`hour_rsi` is declared for @1h already"),
        ("close@1m > 1", "is computed on 1m candles and used on 5m ones"),
        ("quick > 1", "is computed on 1m candles and used on 5m ones"),
        (
            "current_profit > 1",
            "`current_profit` is known to hooks about a trade, not to rules about candles",
        ),
        ("stoploss_from_open(1) > 1", "`stoploss_from_open` exists in hooks only"),
        ("'a' < 'b'", "texts are compared with == and != only"),
        ("close == 'a'", "`==` needs a number; `\"a\"` is a text"),
    ] {
        let found = faults(&with(&format!("  indicators:{indicators}\n  entry: [{{when: \"{when}\"}}]"), ""));
        assert!(found.iter().any(|fault| fault.contains(message)), "{when}\n{found:#?}");
        // Circles are reported where they close, broken declarations once.
        assert_eq!(
            found.iter().filter(|fault| fault.contains("computed from itself")).count(),
            1,
            "{found:#?}"
        );
        assert_eq!(found.iter().filter(|fault| fault.contains("expression ends")).count(), 1, "{found:#?}");
        assert_eq!(found.len(), 3, "{found:#?}");
    }
}

#[test]
fn hooks_are_checked() {
    let hooks = |text: &str| faults(&with("  entry: [{when: close > open}]", &format!("hooks:\n  {text}")));
    for (hook, message) in [
        ("custom_stoploss: current_profit > 1", "is a condition; a number is needed"),
        ("custom_stoploss: proposed_stake", "`proposed_stake` is not known to custom_stoploss (known are"),
        ("custom_entry_price: open_rate", "`open_rate` is not known to custom_entry_price"),
        ("custom_exit_price: stoploss_from_open(0.1)", "`stoploss_from_open` exists in custom_stoploss only"),
        ("confirm_trade_entry: 1", "is a number; a condition is needed"),
        ("custom_stoploss: mean(current_profit, 5)", "what is known about the trade has no past ones"),
        ("custom_roi: close", "custom_roi sees the trade and no candles"),
        ("custom_exit: duration > 5", "a list of cases such as"),
        ("custom_exit: [{when: duration > 5}]", "custom_exit[0].tag: is missing"),
        ("adjust_trade_position: [{stake: 1, tag: 'a{b'}]", "has a `{` without its `}`"),
        ("adjust_trade_position: [{when: duration > 1}]", "stake: is missing"),
        ("custom_stoploss: {when: entry_tag > 'a', value: 1}", "texts are compared with == and != only"),
    ] {
        let found = hooks(hook);
        assert!(found.len() == 1 && found[0].contains(message), "{hook}\n{found:#?}");
    }
}

#[test]
fn likely_slips_are_warned_about() {
    let text = with(
        "  parameters: {unused: {type: bool, default: true}}\n  indicators: {sma: {indicator: sma}, ema: {indicator: ema, timeperiod: 50}}\n  \
         entry: [{when: close > ema, side: short}]",
        "settings: {startup_candle_count: 10, use_custom_stoploss: false}\nhooks: {custom_stoploss: -0.1}",
    );
    let strategy = load(&text);
    let warnings: Vec<String> =
        strategy.warnings().iter().map(|w| format!("{} {}", w.key, w.message)).collect();
    assert_eq!(
        warnings,
        [
            "signals.indicators.sma no rule or hook rests on it, so it is not computed",
            "signals.parameters.unused no rule or hook rests on it",
            "settings.startup_candle_count is 10, but the rules look back over 49 candles",
            "settings.can_short is not true, so that the short rules have no effect",
            "settings.use_custom_stoploss is false, so that hooks.custom_stoploss is never asked",
        ]
    );
}

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

fn trade() -> Trade {
    let order = |id, is_entry, amount, price| Order {
        id,
        is_entry,
        is_open: false,
        amount,
        price,
        cost: amount * price,
        order_date: 0,
        filled_date: Some(0),
        tag: String::new(),
        funding_fee: 0.0,
    };
    Trade {
        id: 1,
        pair: "BTC/USDT".parse().unwrap(),
        is_short: false,
        is_open: true,
        leverage: 2.0,
        stake_amount: 75.0,
        max_stake_amount: 75.0,
        amount: 1.5,
        amount_requested: 1.0,
        open_rate: 100.0,
        open_trade_value: 150.0,
        open_date: 0,
        close_date: None,
        close_rate: None,
        fee_open: 0.0,
        fee_close: 0.0,
        enter_tag: "dip".to_owned(),
        exit_reason: String::new(),
        stop_loss: 90.0,
        stop_loss_pct: None,
        initial_stop_loss: 90.0,
        initial_stop_loss_pct: None,
        is_stop_loss_trailing: false,
        liquidation_price: None,
        max_rate: 110.0,
        min_rate: 95.0,
        funding_fees: 0.0,
        realized_profit: 0.0,
        close_profit_abs: None,
        close_profit: None,
        orders: vec![order(1, true, 1.0, 100.0), order(2, true, 0.5, 100.0)],
    }
}

#[test]
fn hooks_read_columns_under_any_name() {
    let text = with(
        "  indicators: {price: {expression: close}, opened: {expression: hour}, up: {expression: close > open}}\n  \
         entry: [{when: close > 1e9}]",
        "hooks: {custom_entry_price: 'if(up, 1000, 2000) + price * 0 + opened + hour + weekday * 100'}",
    );
    let strategy = load(&text);
    let (frame, _) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    let pair: Symbol = "BTC/USDT".parse().unwrap();
    for rows in [13, 14, 15, 16, 40] {
        let now = i64::try_from(rows).unwrap() * Timeframe::M5.millis();
        let view = frame.view(rows);
        let request = EntryRequest {
            pair: &pair,
            now,
            rate: 1.0,
            is_short: false,
            entry_tag: "",
            trade: None,
            frame: view,
        };
        let up = frame.candles().close()[rows - 1] > frame.candles().open()[rows - 1];
        // The last closed candle opened five minutes ago; the epoch was a Thursday.
        let (opened, hour) = ((now - 300_000) / 3_600_000, now / 3_600_000);
        let expected = if up { 1000.0 } else { 2000.0 } + (opened + hour) as f64 + 300.0;
        assert_eq!(strategy.custom_entry_price(&request), expected, "{rows}");
    }
}

#[test]
fn hooks_answer() {
    let text = with(
        "  indicators: {atr: {expression: high - low}}\n  entry: [{when: close > 1e9}]",
        "hooks:
  custom_stoploss:
    - {when: after_fill, value: 0.5}
    - {when: current_profit > 0.1, value: 'stoploss_from_absolute(current_rate - 2 * atr)'}
  custom_roi: 'if(duration > 60, 0.01, none)'
  custom_exit:
    - {when: \"entry_tag == 'dip' and duration >= 30 and close < highest(high, 3)\", tag: stale}
    - {when: true, tag: 'n{nr_of_successful_entries}'}
  custom_entry_price: 'proposed_rate - if(is_short, -1, 1) * 0.5'
  custom_exit_price: {when: 'exit_reason == \"exit_signal\"', value: proposed_rate + 1}
  custom_stake_amount: 'min(proposed_stake, max_stake / 4)'
  leverage: 'min(5, max_leverage)'
  confirm_trade_entry: 'entry_tag != \"no\"'
  confirm_trade_exit: 'not (exit_reason == \"roi\" and current_profit < 0)'
  adjust_trade_position:
    - {when: 'current_profit < -0.05 and nr_of_successful_exits == 0', stake: first_entry_stake * 2, tag: 'so{nr_of_successful_entries}'}
  adjust_order_price: {when: order_age >= 10, value: 'if(is_entry_order, none, proposed_rate)'}
  check_entry_timeout: order_age > 20
",
    );
    let strategy = load(&text);
    let settings = strategy.settings();
    for switch in ["use_custom_stoploss", "use_custom_roi", "position_adjustment_enable"] {
        assert_eq!(settings[switch], true, "{switch}");
    }
    let hooks = strategy.hooks();
    assert!(hooks.custom_stoploss_after_fill && hooks.check_entry_timeout && !hooks.check_exit_timeout);

    let (frame, _) = populated(&strategy, "BTC/USDT", Timeframe::M5);
    let view = frame.view(100);
    let trade = trade();
    let now = 45 * 60_000;
    let stop = |profit, after_fill| {
        strategy.custom_stoploss(&StopRequest {
            trade: &trade,
            now,
            rate: 100.0,
            profit,
            after_fill,
            frame: view,
        })
    };
    let atr = frame.candles().high()[99] - frame.candles().low()[99];
    assert_eq!(stop(0.0, false), None);
    assert_eq!(stop(0.0, true), Some(0.5));
    assert!((stop(0.2, false).unwrap() - 2.0 * (2.0 * atr / 100.0)).abs() < 1e-12);
    assert_eq!(strategy.custom_roi(&trade, now, 45), None);
    assert_eq!(strategy.custom_roi(&trade, now + 16 * 60_000, 61), Some(0.01));

    let exit = |now, profit, exit_reason| ExitRequest {
        trade: &trade,
        now,
        rate: 100.0,
        profit,
        exit_reason,
        frame: view,
    };
    assert_eq!(strategy.custom_exit(&exit(now, 0.0, "")).as_deref(), Some("stale"));
    assert_eq!(strategy.custom_exit(&exit(0, 0.0, "")).as_deref(), Some("n2"));
    assert_eq!(strategy.custom_exit_price(&exit(now, 0.0, "exit_signal")), 101.0);
    assert_eq!(strategy.custom_exit_price(&exit(now, 0.0, "other")), 100.0);
    assert!(!strategy.confirm_trade_exit(&exit(now, -0.1, "roi"), 1.0));
    assert!(strategy.confirm_trade_exit(&exit(now, 0.1, "roi"), 1.0));
    let more = strategy.adjust_trade_position(&exit(now, -0.06, ""), Some(1.0), 100.0).unwrap();
    assert_eq!((more.stake, more.tag.as_str()), (100.0, "so2"));
    assert_eq!(strategy.adjust_trade_position(&exit(now, -0.04, ""), None, 100.0), None);

    let entry = |is_short, entry_tag| EntryRequest {
        pair: &trade.pair,
        now,
        rate: 100.0,
        is_short,
        entry_tag,
        trade: None,
        frame: view,
    };
    assert_eq!(strategy.custom_entry_price(&entry(false, "")), 99.5);
    assert_eq!(strategy.custom_entry_price(&entry(true, "")), 100.5);
    assert_eq!(strategy.leverage(&entry(false, ""), 3.0), 3.0);
    assert!(strategy.confirm_trade_entry(&entry(false, "yes"), 1.0));
    assert!(!strategy.confirm_trade_entry(&entry(false, "no"), 1.0));
    let proposal = StakeProposal { proposed_stake: 50.0, min_stake: 5.0, max_stake: 100.0, leverage: 1.0 };
    assert_eq!(strategy.custom_stake_amount(&entry(false, ""), &proposal), 25.0);

    let price = |minutes: i64, is_entry| {
        let order = Order { is_entry, price: 98.0, ..trade.orders[0].clone() };
        let request = OrderPrice {
            trade: &trade,
            order: &order,
            now: minutes * 60_000,
            proposed_rate: 101.0,
            frame: view,
        };
        (strategy.adjust_order_price(&request), strategy.check_entry_timeout(&request))
    };
    assert_eq!(price(5, true), (Some(98.0), false));
    assert_eq!(price(10, true), (None, false));
    assert_eq!(price(25, false), (Some(101.0), true));
}
