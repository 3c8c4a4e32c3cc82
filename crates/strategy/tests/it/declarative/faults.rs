//! What is wrong with a file, and what is likely not meant.

use super::{faults_of, load, with};

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
    let found = faults_of(text);
    let expected = [
        "t.yaml:1: strategy.name: `a b` cannot name a strategy",
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
    assert_eq!(faults_of(&text), [expected]);
}

#[test]
fn a_comma_outside_of_quotes_is_explained() {
    let found = faults_of(&with("  entry: [{when: mean(close, 5) > open}]", ""));
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
        let found =
            faults_of(&with(&format!("  indicators:{indicators}\n  entry: [{{when: \"{when}\"}}]"), ""));
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
    let hooks =
        |text: &str| faults_of(&with("  entry: [{when: close > open}]", &format!("hooks:\n  {text}")));
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
fn hostile_chains_are_refused_or_computed_but_do_no_harm() {
    let chain = |length: usize, formula: fn(usize) -> String| {
        let mut indicators = "  indicators:\n    i0: {expression: close}\n".to_owned();
        for level in 1..=length {
            indicators.push_str(&format!("    i{level}: {{{}}}\n", formula(level - 1)));
        }
        // The last one first, so that everything is compiled on the way down.
        with(&format!("{indicators}  entry: [{{when: i{length} > 0}}]"), "")
    };
    let doubled = |below: usize| format!("expression: i{below} + i{below}");
    let nested = |below: usize| format!("expression: '{}i{below}{}'", "abs(".repeat(90), ")".repeat(90));
    let sourced = |below: usize| format!("indicator: ema, timeperiod: 2, source: i{below}");
    for formula in [doubled, nested, sourced] {
        assert!(faults_of(&chain(100, formula)).is_empty());
    }
    assert!(faults_of(&chain(501, doubled))[0].contains("at most 500 are allowed"));

    // Written the other way round, every declaration is compiled within the one before.
    let mut downwards = "  indicators:\n".to_owned();
    for level in 0..400 {
        downwards.push_str(&format!(
            "    i{level}: {{expression: '{}i{}{}'}}\n",
            "abs(".repeat(90),
            level + 1,
            ")".repeat(90)
        ));
    }
    let found = faults_of(&with(
        &format!("{downwards}    i400: {{expression: close}}\n  entry: [{{when: i0 > 0}}]"),
        "",
    ));
    assert!(found[0].contains("goes through too many indicators, one upon another"), "{found:?}");
}
