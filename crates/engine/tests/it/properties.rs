//! What holds for every backtest, whatever the settings and signals.

use proptest::prelude::*;
use tradai_engine::{SignalSource, Statistics};

use crate::world::{Nothing, World, dice, rules, run, settings, signals};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The wallet ends with what it started with and what the trades earned: no money is made or lost elsewhere.
    #[test]
    fn money_is_conserved(seed in any::<u64>()) {
        let (settings, outcome) = run(seed, 20);
        let earned: f64 = outcome.trades.iter().filter_map(|trade| trade.close_profit_abs).sum();
        let expected = settings.dry_run_wallet + earned;
        prop_assert!((outcome.final_balance - expected).abs() < 1e-6, "{} {expected}", outcome.final_balance);
        for trade in &outcome.trades {
            let sum = |entries: bool| -> f64 {
                trade.orders.iter().filter(|order| order.is_entry == entries).map(|order| order.amount).sum()
            };
            prop_assert!((sum(true) - sum(false)).abs() < 1e-9, "what was bought was sold: {trade:?}");
            let fees = trade.fee_open + trade.fee_close;
            let worst = trade.stake_amount * (1.0 + trade.leverage * fees) + trade.funding_fees.abs();
            prop_assert!(
                trade.is_short || trade.close_profit_abs.unwrap() >= -worst - 1e-6,
                "a long trade cannot lose more than its stake: {trade:?}"
            );
        }
    }

    /// A longer history changes nothing that had happened before.
    #[test]
    fn more_candles_never_change_earlier_trades(seed in any::<u64>()) {
        let (_, short) = run(seed, 12);
        let (_, long) = run(seed, 15);
        let settled: Vec<_> =
            short.trades.iter().filter(|trade| trade.close_date.unwrap() < short.end).collect();
        prop_assert!(long.trades.len() >= settled.len());
        for (before, after) in settled.iter().zip(&long.trades) {
            prop_assert_eq!(*before, after);
        }
        let earlier = short.equity.values.len().saturating_sub(1);
        prop_assert_eq!(&short.equity.values[..earlier], &long.equity.values[..earlier]);
    }

    /// At no time are more trades open than slots, and never two on one pair.
    #[test]
    fn slots_are_kept(seed in any::<u64>()) {
        let (settings, outcome) = run(seed, 20);
        for trade in &outcome.trades {
            let open_then = outcome.trades.iter().filter(|other| {
                other.open_date <= trade.open_date && other.close_date.unwrap() > trade.open_date
            });
            prop_assert!(open_then.count() <= settings.max_open_trades.unwrap());
            let same_pair = outcome.trades.iter().filter(|other| {
                other.pair == trade.pair
                    && other.id != trade.id
                    && other.open_date < trade.open_date
                    && other.close_date.unwrap() > trade.open_date
            });
            prop_assert_eq!(same_pair.count(), 0);
        }
    }

    /// Fills lie inside the candles, and entries before exits.
    #[test]
    fn orders_fill_inside_their_candle(seed in any::<u64>()) {
        let (_, outcome) = run(seed, 10);
        for trade in &outcome.trades {
            // With detail candles a trade may open inside the last main candle and is then closed, as in Freqtrade,
            // at that main candle's open.
            let forced = trade.exit_reason == "force_exit";
            prop_assert!(forced || trade.close_date.unwrap() >= trade.open_date);
            for order in &trade.orders {
                prop_assert!(order.is_filled() && order.amount > 0.0 && order.price > 0.0);
                prop_assert!(forced || order.filled_date.unwrap() >= order.order_date);
                let extremes = trade.min_rate..=trade.max_rate;
                prop_assert!(forced || extremes.contains(&order.price));
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let result = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let (from, days) = (crate::world::START + 172_800_000, 15 * 86_400_000);
            let settings = settings(seed, &format!("{from}-"));
            let given = signals(seed, &settings, from + days);
            let futures = settings.trading_mode == tradai_strategy::TradingMode::Futures;
            let world = World { seed: 7, end: from + days };
            let source = SignalSource::Given(&given);
            let pairs =
                tradai_engine::prepare(&settings, &Nothing, &world, &rules(futures), source, &()).unwrap();
            let outcome = tradai_engine::backtest::run(&settings, &Nothing, &pairs, &());
            let statistics = Statistics::new(&settings, &pairs, &outcome);
            format!("{}{:?}", serde_json::to_string(&statistics).unwrap(), outcome)
        })
    };
    for seed in 0..6 {
        let seed = dice(99, seed);
        let one = result(1, seed);
        assert!(one.len() > 1_000);
        assert_eq!(one, result(2, seed));
        assert_eq!(one, result(7, seed));
    }
}
