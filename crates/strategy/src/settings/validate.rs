//! Ranges, and combinations that cannot be.

use super::{SettingFault, Settings, StakeAmount, TradingMode};

/// Far beyond any indicator's memory, and well inside what time stamps can hold.
const MOST_STARTUP_CANDLES: usize = 1_000_000;

/// Longest time in minutes, some 1 900 years: whatever is reckoned with it, in milliseconds, stays a time.
pub(super) const MOST_MINUTES: i64 = 1_000_000_000;

/// Returns everything wrong with settings whose single values have the right types.
pub(super) fn faults(settings: &Settings) -> Vec<SettingFault> {
    let mut faults = Vec::new();
    let mut check = |holds: bool, key: &str, message: String| {
        if !holds {
            faults.push(SettingFault { key: key.to_owned(), message });
        }
    };
    let s = settings;
    check(
        (-1.0..0.0).contains(&s.stoploss),
        "stoploss",
        format!("is {}; at least -1 and below 0 (-0.1 is a loss of 10 %)", s.stoploss),
    );
    check(
        s.startup_candle_count <= MOST_STARTUP_CANDLES,
        "startup_candle_count",
        format!("is {}; 0 to {MOST_STARTUP_CANDLES}", s.startup_candle_count),
    );
    check(!s.minimal_roi.is_empty(), "minimal_roi", "is empty; {\"0\": 100} never takes profit".into());
    if let Some((minutes, _)) = s.minimal_roi.last().filter(|(minutes, _)| *minutes > MOST_MINUTES) {
        check(false, "minimal_roi", format!("has {minutes} minutes; at most {MOST_MINUTES}"));
    }
    let expired = s.ignore_buying_expired_candle_after;
    check(
        expired.unsigned_abs() <= MOST_MINUTES.unsigned_abs(),
        "ignore_buying_expired_candle_after",
        format!("is {expired}; at most {MOST_MINUTES} seconds"),
    );
    if s.trailing_stop {
        trailing(s, &mut check);
    }
    check(
        s.trading_mode == TradingMode::Futures || !s.can_short,
        "can_short",
        "needs trading_mode \"futures\": spot markets cannot be sold short".into(),
    );
    check(
        s.leverage.is_none_or(|leverage| leverage >= 1.0),
        "leverage",
        format!("is {}; 1 or more", s.leverage.unwrap_or_default()),
    );
    if let Some(detail) = s.timeframe_detail {
        check(
            detail < s.timeframe && s.timeframe.millis() % detail.millis() == 0,
            "timeframe_detail",
            format!("is {detail}; a shorter timeframe that divides {} is needed", s.timeframe),
        );
    }
    money(s, &mut check);
    for pair in &s.pair_whitelist {
        check(
            pair.is_futures() == (s.trading_mode == TradingMode::Futures),
            "pair_whitelist",
            match s.trading_mode {
                TradingMode::Futures => format!("has {pair}; futures are written BASE/QUOTE:SETTLE"),
                TradingMode::Spot => format!("has {pair}, a futures market; trading_mode is spot"),
            },
        );
        check(
            pair.settle().unwrap_or(pair.quote()) == s.stake_currency,
            "pair_whitelist",
            format!("has {pair}, which is not traded in the stake currency {}", s.stake_currency),
        );
    }
    faults
}

fn trailing(s: &Settings, check: &mut impl FnMut(bool, &str, String)) {
    let offset = s.trailing_stop_positive_offset;
    if let Some(positive) = s.trailing_stop_positive {
        check(positive > 0.0, "trailing_stop_positive", format!("is {positive}; above 0"));
        check(
            offset <= 0.0 || offset > positive,
            "trailing_stop_positive_offset",
            format!("is {offset}; it must be above trailing_stop_positive ({positive}), or 0"),
        );
    }
    check(
        !s.trailing_only_offset_is_reached || s.trailing_stop_positive.is_some(),
        "trailing_only_offset_is_reached",
        "needs trailing_stop_positive, and an offset to reach".into(),
    );
}

fn money(s: &Settings, check: &mut impl FnMut(bool, &str, String)) {
    let fraction = |value: f64| (0.0..=1.0).contains(&value);
    match s.stake_amount {
        StakeAmount::Fixed(amount) => {
            check(amount > 0.0, "stake_amount", format!("is {amount}; above 0, or \"unlimited\""));
        }
        StakeAmount::Unlimited => check(
            s.max_open_trades.is_some(),
            "max_open_trades",
            "is unlimited and so is stake_amount; limit one of them".into(),
        ),
    }
    check(s.dry_run_wallet > 0.0, "dry_run_wallet", format!("is {}; above 0", s.dry_run_wallet));
    check(
        s.available_capital.is_none_or(|capital| capital >= 0.0),
        "available_capital",
        "must not be negative".into(),
    );
    check(
        s.tradable_balance_ratio > 0.0 && s.tradable_balance_ratio <= 1.0,
        "tradable_balance_ratio",
        format!("is {}; above 0, at most 1", s.tradable_balance_ratio),
    );
    check(
        fraction(s.last_stake_amount_min_ratio),
        "last_stake_amount_min_ratio",
        format!("is {}; 0 to 1", s.last_stake_amount_min_ratio),
    );
    check(
        (0.0..=0.5).contains(&s.amount_reserve_percent),
        "amount_reserve_percent",
        format!("is {}; 0 to 0.5", s.amount_reserve_percent),
    );
    check(
        s.fee.is_none_or(|fee| (0.0..=0.1).contains(&fee)),
        "fee",
        format!("is {}; 0 to 0.1 (0.001 is 0.1 %)", s.fee.unwrap_or_default()),
    );
    check(
        (0.0..=0.99).contains(&s.liquidation_buffer),
        "liquidation_buffer",
        format!("is {}; 0 to 0.99", s.liquidation_buffer),
    );
}
