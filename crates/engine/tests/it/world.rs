//! A small made-up world to run backtests in: candles, markets, signals, settings, all from one seed.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tradai_domain::{CandleSeries, LeverageTier, Market, Millis, SeriesKey, Symbol, TimeRange, Timeframe};
use tradai_engine::{CandleProvider, GivenSignal, MarketRules, Outcome, SignalSource};
use tradai_strategy::{CandleSource, Frame, Settings, Signals, Strategy, StrategyError};
use tradai_timeseries::sample;

pub(crate) const START: Millis = 1_672_531_200_000;
const DAY: Millis = 86_400_000;

/// Candles of one seed up to a moment.
pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) end: Millis,
}

impl CandleProvider for World {
    fn load(&self, key: &SeriesKey, range: TimeRange) -> Result<Option<CandleSeries>, String> {
        let start = range.start.unwrap_or(START).max(START);
        let end = range.end.unwrap_or(self.end).min(self.end);
        Ok(Some(sample::candles(self.seed, key, start, end)))
    }
}

/// A strategy without a will of its own.
pub(crate) struct Nothing;

impl Strategy for Nothing {
    fn name(&self) -> &str {
        "Nothing"
    }

    fn populate_indicators(&self, _: &mut Frame, _: &dyn CandleSource) -> Result<(), StrategyError> {
        Ok(())
    }

    fn populate_entry_trend(&self, _: &Frame, _: &mut Signals) -> Result<(), StrategyError> {
        Ok(())
    }

    fn populate_exit_trend(&self, _: &Frame, _: &mut Signals) -> Result<(), StrategyError> {
        Ok(())
    }
}

/// A number that depends on nothing but its arguments (splitmix64).
pub(crate) fn dice(seed: u64, at: u64) -> u64 {
    let mut z = seed.wrapping_add(at.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

pub(crate) fn pairs(futures: bool) -> Vec<Symbol> {
    let names: &[&str] = if futures {
        &["BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT"]
    } else {
        &["BTC/USDT", "ETH/USDT", "SOL/USDT"]
    };
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Settings drawn from a seed, spot or futures.
pub(crate) fn settings(seed: u64, timerange: &str) -> Settings {
    let pick = |at: u64, of: u64| dice(seed, 1_000 + at) % of;
    let futures = pick(0, 2) == 1;
    let mut map = json!({
        "timeframe": "15m",
        "timerange": timerange,
        "startup_candle_count": pick(1, 3) * 20,
        "stoploss": -0.01 - pick(2, 20) as f64 / 100.0,
        "minimal_roi": {"0": 0.01 + pick(3, 10) as f64 / 100.0, "120": pick(4, 3) as f64 / 100.0},
        "max_open_trades": 1 + pick(5, 3),
        "stake_amount": if pick(6, 2) == 0 { json!("unlimited") } else { json!(120) },
        "dry_run_wallet": 1_000,
        "fee": 0.001,
        "use_exit_signal": pick(7, 4) != 0,
        "exit_profit_only": pick(8, 4) == 0,
        "trailing_stop": pick(9, 2) == 0,
        "enable_protections": pick(11, 2) == 0,
        "protections": [{"method": "CooldownPeriod", "stop_duration_candles": 3},
            {"method": "StoplossGuard", "trade_limit": 2, "stop_duration": 120, "lookback_period": 600}],
        "pair_whitelist": pairs(futures),
    });
    if pick(12, 2) == 0 {
        map["trailing_stop_positive"] = json!(0.005);
        map["trailing_stop_positive_offset"] = json!(0.01);
        map["trailing_only_offset_is_reached"] = json!(pick(13, 2) == 0);
    }
    if pick(14, 3) == 0 {
        map["timeframe_detail"] = json!("5m");
    }
    if futures {
        map["trading_mode"] = json!("futures");
        map["margin_mode"] = json!("isolated");
        map["can_short"] = json!(true);
        map["leverage"] = json!(1 + pick(15, 8));
    }
    let Value::Object(map) = map else { unreachable!("a map was made") };
    Settings::merge(&[&map]).unwrap()
}

/// Signals on about one candle in twenty.
pub(crate) fn signals(seed: u64, settings: &Settings, end: Millis) -> BTreeMap<Symbol, Vec<GivenSignal>> {
    let step = Timeframe::M15.millis();
    let first = settings.timerange.start.unwrap();
    let of_pair = |pair: &Symbol| {
        let salt = pair.as_str().bytes().fold(seed, |salt, byte| dice(salt, u64::from(byte)));
        let rows = (0..).map(|row| first + row * step).take_while(|time| *time < end - step);
        let drawn = rows.filter_map(|time| {
            let roll = dice(salt, time.unsigned_abs());
            let tag = if roll.is_multiple_of(3) { String::new() } else { format!("tag{}", roll % 3) };
            roll.is_multiple_of(19).then(|| GivenSignal {
                time,
                flags: u8::try_from((roll >> 8) % 16).unwrap(),
                enter_tag: tag.clone(),
                exit_tag: tag,
            })
        });
        drawn.collect::<Vec<_>>()
    };
    settings.pair_whitelist.iter().map(|pair| (pair.clone(), of_pair(pair))).collect()
}

pub(crate) fn rules(futures: bool) -> MarketRules {
    let market = |symbol: Symbol| -> Market {
        serde_json::from_value(json!({
            "symbol": symbol,
            "precision": {"amount": 0.0001, "price": 0.01},
            "limits": {"amount": {"min": 0.0001}, "cost": {"min": 5}},
            "contractSize": if futures { json!(1.0) } else { Value::Null },
        }))
        .unwrap()
    };
    let tier = LeverageTier {
        min_notional: 0.0,
        max_notional: Some(1e9),
        maintenance_margin_rate: 0.005,
        max_leverage: 50.0,
        maint_amt: Some(0.0),
    };
    MarketRules {
        markets: pairs(futures).into_iter().map(|pair| (pair.clone(), market(pair))).collect(),
        leverage_tiers: pairs(futures).into_iter().map(|pair| (pair, vec![tier])).collect(),
    }
}

/// Runs a drawn backtest over the first `days` days (two of them for startup candles).
pub(crate) fn run(seed: u64, days: i64) -> (Settings, Outcome) {
    let from = START + 2 * DAY;
    let end = from + days * DAY;
    let settings = settings(seed, &format!("{from}-"));
    let world = World { seed: 7, end };
    let futures = settings.trading_mode == tradai_strategy::TradingMode::Futures;
    let given = signals(seed, &settings, end);
    let pairs = tradai_engine::prepare(
        &settings,
        &Nothing,
        &world,
        &rules(futures),
        SignalSource::Given(&given),
        &(),
    );
    let outcome = tradai_engine::backtest::run(&settings, &Nothing, &pairs.unwrap(), &());
    (settings, outcome)
}
