//! No expression sees the future: candles that come later change nothing that was there before.

#![expect(clippy::unwrap_used, reason = "helpers of tests, where a failure is a panic")]

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tradai_domain::{CandleSeries, SeriesKey, Symbol, Timeframe};
use tradai_strategy::{CandleSource, DeclarativeStrategy, Frame, Signals, Strategy as _};

const ROWS: usize = 400;

/// Candles of a random walk, and hours made of the same ones.
struct Walk(Vec<f64>);

impl Walk {
    /// Candles that opened before `end`, so that an hour still open at that moment is missing.
    fn series(&self, timeframe: Timeframe, end: i64) -> CandleSeries {
        let per = usize::try_from(timeframe.minutes() / 5).unwrap();
        let mut series = CandleSeries::with_capacity(ROWS);
        for (row, prices) in self.0.chunks_exact(per).enumerate() {
            let time = i64::try_from(row).unwrap() * timeframe.millis();
            if time + timeframe.millis() > end {
                break;
            }
            let high = prices.iter().copied().fold(f64::MIN, f64::max) + 0.5;
            let low = prices.iter().copied().fold(f64::MAX, f64::min) - 0.5;
            series.push(time, [prices[0], high, low, prices[per - 1], prices[0] % 7.0]);
        }
        series
    }
}

/// The walk up to a moment.
struct Until<'w>(&'w Walk, i64);

impl CandleSource for Until<'_> {
    fn candles(&self, key: &SeriesKey) -> Option<Arc<CandleSeries>> {
        Some(Arc::new(self.0.series(key.timeframe, self.1)))
    }
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec![
            "open", "high", "low", "close", "volume", "hour", "rsi", "macd.signal", "close@1h", "rsi@1h", "slow",
            "mixed",
        ]).prop_map(str::to_owned),
        1 => (-3.0..120.0_f64).prop_map(|number| format!("{number:.2}")),
        1 => Just("none".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let column =
            prop::sample::select(vec!["close", "rsi", "volume", "close@1h", "slow", "prev(high, 2)"]);
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["+", "-", "*", "/", "%"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (prop::sample::select(vec!["highest", "lowest", "sum", "mean", "std"]), column, 1..30_usize)
                .prop_map(|(function, x, n)| format!("{function}({x}, {n})")),
            (inner.clone(), 0..9_usize).prop_map(|(x, n)| format!("prev({x}, {n})")),
            (prop::sample::select(vec!["min", "max", "nz"]), inner.clone(), inner.clone())
                .prop_map(|(function, a, b)| format!("{function}({a}, {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("if({a} > {b}, {b}, {c})")),
            inner.prop_map(|x| format!("abs({x})")),
        ]
    })
}

fn condition() -> impl Strategy<Value = String> {
    let compare = (number(), prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]), number())
        .prop_map(|(a, op, b)| format!("{a} {op} {b}"));
    let cross = (number(), number()).prop_map(|(a, b)| format!("crosses_above({a}, {b})"));
    prop_oneof![3 => compare, 1 => cross].prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(vec!["and", "or"]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            inner.clone().prop_map(|a| format!("prev({a}, 3)")),
            inner.prop_map(|a| format!("count({a}, 5) >= 2")),
        ]
    })
}

/// Signals over the candles that have closed by `end`.
fn flags(strategy: &DeclarativeStrategy, walk: &Walk, end: i64) -> Vec<u8> {
    let source = Until(walk, end);
    let pair: Symbol = "A/B".parse().unwrap();
    let candles = source.candles(&SeriesKey::traded(&pair, Timeframe::M5)).unwrap();
    let mut frame = Frame::new(pair, Timeframe::M5, candles);
    let mut signals = Signals::new(frame.len());
    strategy.populate_indicators(&mut frame, &source).unwrap();
    strategy.populate_entry_trend(&frame, &mut signals).unwrap();
    strategy.populate_exit_trend(&frame, &mut signals).unwrap();
    signals.flags().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn later_candles_never_change_earlier_signals(
        entry in condition(),
        exit in condition(),
        steps in prop::collection::vec(-1.0..1.0_f64, ROWS),
        cut in 1..ROWS,
    ) {
        let text = format!(
            "strategy: {{name: T, timeframe: 5m}}
signals:
  indicators:
    rsi: {{indicator: rsi, timeperiod: 5}}
    macd: {{indicator: macd, fastperiod: 3, slowperiod: 6, signalperiod: 3}}
    slow: {{indicator: ema, timeperiod: 4, timeframe: 1h}}
    mixed: {{indicator: sma, timeperiod: 3, source: rsi + slow}}
  entry: [{{when: \"{entry}\"}}]
  exit: [{{when: \"{exit}\"}}]
");
        let strategy = match DeclarativeStrategy::from_yaml(&text, Path::new("t.yaml")) {
            Ok(strategy) => strategy,
            // Windows and prev over what folds to a constant are refused; nothing to see there.
            Err(error) if error.to_string().contains("same on every candle") => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(format!("{error}\n{text}"))),
        };
        let mut price = 100.0;
        let walk = Walk(steps.iter().map(|step| { price += step; price }).collect());
        let step = Timeframe::M5.millis();
        let whole = flags(&strategy, &walk, i64::try_from(ROWS).unwrap() * step);
        let part = flags(&strategy, &walk, i64::try_from(cut).unwrap() * step);
        prop_assert_eq!(part.as_slice(), &whole[..cut], "{}", text);
    }

    #[test]
    fn no_file_makes_it_panic(entry in ".{0,40}", name in ".{0,10}", param in ".{0,10}") {
        let text = format!(
            "strategy: {{name: T, timeframe: 5m}}
signals:
  indicators: {{{name}: {{indicator: ema, timeperiod: {param}}}}}
  entry: [{{when: {entry}}}]
");
        if let Err(error) = DeclarativeStrategy::from_yaml(&text, Path::new("t.yaml")) {
            prop_assert!(!error.faults.is_empty());
        }
    }
}
