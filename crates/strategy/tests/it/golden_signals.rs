//! The golden strategies, declared in YAML, against the signals that Freqtrade recorded.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tradai_domain::{SeriesKey, Symbol};
use tradai_strategy::{CandleSource, Frame, Settings, Signals, Strategy};

use crate::shared::{self, Market};

const CASES: [&str; 16] = [
    "f01a_rsi_ema_roi",
    "f02a_trailing_offset",
    "f02b_trailing_plain",
    "f02c_trailing_positive_no_only",
    "f03a_fut_short_lev3",
    "f03c_fut_trailing_both_sides",
    "f04a_custom_stop_steps",
    "f04c_custom_stop_atr_fut_2025",
    "f05a_exit_profit_only",
    "f06a_prot_cooldown_slguard",
    "f07a_compete_unlimited_mot3",
    "f08a_dca_long",
    "f08c_dca_fut_short",
    "f09a_informative_1h",
    "f10a_limit_entry_timeout",
    "f11a_detail_1m_trailing",
];

/// Flags, entry tag and exit tag of a candle that has a signal, by pair and open time.
type SignalRows = BTreeMap<(String, i64), (u8, String, String)>;

#[test]
fn declared_strategies_give_the_recorded_signals() {
    let Some(golden) = shared::folder("golden/backtest") else { return };
    let Some(market) = shared::folder("data/market") else { return };
    for case in CASES {
        let folder = golden.join(case);
        let text = std::fs::read_to_string(folder.join("settings.json")).unwrap();
        let given: Map<String, Value> = serde_json::from_str(&text).unwrap();
        let strategy = shared::golden_strategy(case);
        let settings = Settings::merge(&[&strategy.settings(), &given]).unwrap();
        assert_hooks_match(&strategy, &settings);
        let source = Market::new(
            market.clone(),
            settings.dataset.as_deref().unwrap(),
            settings.timerange,
            settings.startup_candle_count,
        );
        let (expected, first) = recorded(&folder.join("signals.parquet"));
        let mut found = SignalRows::new();
        for pair in &settings.pair_whitelist {
            pair_signals(&strategy, &settings, pair, &source, &first, &mut found);
        }
        assert!(!expected.is_empty(), "{case}");
        assert_same(case, &found, &expected);
    }
}

/// The file answers the hooks that the original answered. `informative_pairs` is no hook here.
fn assert_hooks_match(strategy: &dyn Strategy, settings: &Settings) {
    let hooks = strategy.hooks();
    for (name, answers) in [
        ("custom_stoploss", hooks.custom_stoploss),
        ("custom_stake_amount", hooks.custom_stake_amount),
        ("custom_entry_price", hooks.custom_entry_price),
        ("leverage", hooks.leverage),
        ("adjust_trade_position", hooks.adjust_trade_position),
    ] {
        let asked = settings.callbacks.iter().any(|callback| callback == name);
        assert_eq!(answers, asked, "{} {name}", strategy.name());
    }
}

fn pair_signals(
    strategy: &dyn Strategy,
    settings: &Settings,
    pair: &Symbol,
    source: &Market,
    first: &BTreeMap<String, i64>,
    found: &mut SignalRows,
) {
    let candles = source.candles(&SeriesKey::traded(pair, settings.timeframe)).unwrap();
    let mut frame = Frame::new(pair.clone(), settings.timeframe, candles.clone());
    let mut signals = Signals::new(frame.len());
    strategy.populate_indicators(&mut frame, source).unwrap();
    strategy.populate_entry_trend(&frame, &mut signals).unwrap();
    strategy.populate_exit_trend(&frame, &mut signals).unwrap();
    let times = candles.open_time();
    if let Some(&first) = first.get(pair.as_str()) {
        assert_eq!(times[settings.startup_candle_count], first, "{pair}");
    }
    for (row, &time) in times.iter().enumerate().skip(settings.startup_candle_count) {
        if signals.flags()[row] != 0 {
            let tags = (signals.enter_tag(row).to_owned(), signals.exit_tag(row).to_owned());
            found.insert((pair.to_string(), time), (signals.flags()[row], tags.0, tags.1));
        }
    }
}

fn recorded(path: &Path) -> (SignalRows, BTreeMap<String, i64>) {
    let mut rows = SignalRows::new();
    let mut first = BTreeMap::new();
    for batch in shared::batches(path) {
        let pairs = shared::text_column(&batch, "pair");
        let times = shared::int_column(&batch, "timestamp");
        let firsts = shared::int_column(&batch, "first_ts");
        let flags = ["enter_long", "exit_long", "enter_short", "exit_short"]
            .map(|name| shared::int_column(&batch, name));
        let (enter_tags, exit_tags) =
            (shared::text_column(&batch, "enter_tag"), shared::text_column(&batch, "exit_tag"));
        for row in 0..batch.num_rows() {
            let bits = (0..4).map(|bit| u8::from(flags[bit][row] == 1) << bit).sum();
            let key = (pairs[row].clone(), times[row]);
            rows.insert(key, (bits, enter_tags[row].clone(), exit_tags[row].clone()));
            first.insert(pairs[row].clone(), firsts[row]);
        }
    }
    (rows, first)
}

fn assert_same(case: &str, found: &SignalRows, expected: &SignalRows) {
    let missing: Vec<_> = expected.iter().filter(|(key, _)| !found.contains_key(*key)).take(3).collect();
    let surplus: Vec<_> = found.iter().filter(|(key, _)| !expected.contains_key(*key)).take(3).collect();
    let other: Vec<_> = found
        .iter()
        .filter_map(|(key, row)| {
            expected.get(key).filter(|known| *known != row).map(|known| (key, row, known))
        })
        .take(3)
        .collect();
    assert!(
        found == expected,
        "{case}: {} rows found, {} expected\nmissing {missing:?}\nsurplus {surplus:?}\nother {other:?}",
        found.len(),
        expected.len()
    );
}
