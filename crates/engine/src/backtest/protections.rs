//! Protections: which closed trades lead to which locks (Freqtrade's four rules).

use tradai_domain::{Millis, Symbol};
use tradai_strategy::settings::ProtectionMethod;
use tradai_strategy::{Protection, Trade};

use super::locks::{ALL_PAIRS, BOTH_SIDES, Locks};
use crate::python::float_repr;

const MINUTE: Millis = 60_000;
const DAY: Millis = 86_400_000;

/// What protections look at after a close.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closes<'a> {
    /// Closed trades in the order of closing.
    pub(crate) trades: &'a [Trade],
    pub(crate) pair: &'a Symbol,
    pub(crate) side: &'static str,
    pub(crate) now: Millis,
    pub(crate) starting_balance: f64,
}

/// Evaluates every protection, first for the pair, then for all pairs, and makes the locks.
pub(crate) fn run(protections: &[Protection], closes: &Closes<'_>, locks: &mut Locks) {
    for protection in protections {
        if let Some(stop) = pair_stop(protection, closes) {
            locks.lock(closes.pair.as_str(), stop.until, stop.reason, closes.now, stop.side);
        }
    }
    for protection in protections {
        if let Some(stop) = global_stop(protection, closes) {
            locks.lock(ALL_PAIRS, stop.until, stop.reason, closes.now, stop.side);
        }
    }
}

struct Stop {
    until: Millis,
    reason: String,
    side: &'static str,
}

fn pair_stop(protection: &Protection, closes: &Closes<'_>) -> Option<Stop> {
    let trades = in_window(protection, closes, Some(closes.pair));
    match protection.method {
        ProtectionMethod::CooldownPeriod => {
            let last = trades.iter().max_by_key(|trade| trade.close_date)?;
            let reason = format!("Cooldown period for {}.", unlock_text(protection));
            Some(Stop { until: lock_end(protection, &[last])?, reason, side: BOTH_SIDES })
        }
        ProtectionMethod::StoplossGuard { .. } => stoploss_guard(protection, closes, trades),
        ProtectionMethod::LowProfitPairs { trade_limit, required_profit, only_per_side } => {
            if trades.len() < trade_limit {
                return None;
            }
            let counts = |trade: &&&Trade| !only_per_side || trade.direction() == closes.side;
            let counted = trades.iter().filter(counts).filter_map(|trade| trade.close_profit);
            let profits: Vec<f64> = counted.filter(|profit| *profit != 0.0).collect();
            let profit = profits.iter().fold(0.0, |sum, profit| sum + profit);
            let reason = format!(
                "{} < {} in {}, locking {}.",
                // Python's sum of nothing is a whole number.
                if profits.is_empty() { "0".to_owned() } else { float_repr(profit) },
                float_repr(required_profit),
                lookback_text(protection),
                unlock_text(protection)
            );
            let side = if only_per_side { closes.side } else { BOTH_SIDES };
            (profit < required_profit).then_some(Stop { until: lock_end(protection, &trades)?, reason, side })
        }
        ProtectionMethod::MaxDrawdown { .. } => None,
    }
}

fn global_stop(protection: &Protection, closes: &Closes<'_>) -> Option<Stop> {
    match protection.method {
        ProtectionMethod::StoplossGuard { only_per_pair: false, .. } => {
            stoploss_guard(protection, closes, in_window(protection, closes, None))
        }
        ProtectionMethod::MaxDrawdown { trade_limit, max_allowed_drawdown, equity } => {
            let mut trades = in_window(protection, closes, None);
            if trades.is_empty() || trades.len() < trade_limit {
                return None;
            }
            trades.sort_by_key(|trade| trade.close_date);
            let drawdown = if equity {
                equity_drawdown(protection, &trades, closes)
            } else {
                deepest(trades.iter().map(|trade| trade.close_profit.unwrap_or_default()), 0.0).0
            };
            let reason = format!(
                "{} passed {} in {}, locking {}.",
                float_repr(drawdown),
                float_repr(max_allowed_drawdown),
                lookback_text(protection),
                unlock_text(protection)
            );
            let until = lock_end(protection, &trades)?;
            (drawdown > max_allowed_drawdown).then_some(Stop { until, reason, side: BOTH_SIDES })
        }
        _ => None,
    }
}

fn stoploss_guard(protection: &Protection, closes: &Closes<'_>, mut trades: Vec<&Trade>) -> Option<Stop> {
    let ProtectionMethod::StoplossGuard { trade_limit, only_per_side, required_profit, .. } =
        protection.method
    else {
        return None;
    };
    trades.retain(|trade| {
        let stopped = ["trailing_stop_loss", "stop_loss", "stoploss_on_exchange", "liquidation"];
        let profit = trade.close_profit.unwrap_or_default();
        stopped.contains(&trade.exit_reason.as_str())
            && profit != 0.0
            && profit < required_profit
            && (!only_per_side || trade.direction() == closes.side)
    });
    if trades.len() < trade_limit {
        return None;
    }
    let reason = format!(
        "{trade_limit} stoplosses in {} min, locking {}.",
        protection.lookback_period,
        unlock_text(protection)
    );
    let side = if only_per_side { closes.side } else { BOTH_SIDES };
    Some(Stop { until: lock_end(protection, &trades)?, reason, side })
}

/// Trades that closed after the start of the look-back window, in the order of closing.
fn in_window<'a>(protection: &Protection, closes: &Closes<'a>, pair: Option<&Symbol>) -> Vec<&'a Trade> {
    let recent = |trade: &&Trade| is_recent(protection, closes, trade);
    // Trades are kept in the order of closing; but what is left open at the end closes with the last candle of its
    // pair, whatever closed before.
    let reachable = |trade: &&Trade| recent(trade) || trade.exit_reason == "force_exit";
    let count = closes.trades.iter().rev().take_while(reachable).count();
    let last = closes.trades[closes.trades.len() - count..].iter();
    last.filter(recent).filter(|trade| pair.is_none_or(|pair| trade.pair == *pair)).collect()
}

fn is_recent(protection: &Protection, closes: &Closes<'_>, trade: &Trade) -> bool {
    let from = closes.now - protection.lookback_period * MINUTE;
    trade.close_date.is_some_and(|close| close > from)
}

fn lock_end(protection: &Protection, trades: &[&Trade]) -> Option<Millis> {
    let last = trades.iter().filter_map(|trade| trade.close_date).max()?;
    Some(match protection.unlock_at {
        Some(minutes) => {
            // Seconds of the close are kept, as Python's `replace(hour=…, minute=…)` does.
            let at = last.div_euclid(DAY) * DAY + minutes * MINUTE + last.rem_euclid(MINUTE);
            if at < last { at + DAY } else { at }
        }
        None => last + protection.stop_duration * MINUTE,
    })
}

fn equity_drawdown(protection: &Protection, trades: &[&Trade], closes: &Closes<'_>) -> f64 {
    let before = closes.trades.iter().filter(|trade| !is_recent(protection, closes, trade));
    let earned: f64 = before.filter_map(|trade| trade.close_profit_abs).sum();
    let profits = trades.iter().map(|trade| trade.close_profit_abs.unwrap_or_default());
    deepest(profits, closes.starting_balance + earned).1
}

/// The deepest fall of the running sum below its peak (0 at least): absolute, and relative to `balance` at the
/// peak.
fn deepest(values: impl Iterator<Item = f64>, balance: f64) -> (f64, f64) {
    let (mut sum, mut peak, mut absolute, mut relative) = (0.0_f64, 0.0_f64, 0.0_f64, 0.0_f64);
    for value in values {
        sum += value;
        peak = peak.max(sum);
        absolute = absolute.max(peak - sum);
        if balance != 0.0 {
            let highest = balance + peak;
            relative = relative.max((highest - (balance + sum)) / highest);
        }
    }
    (absolute, relative)
}

fn unlock_text(protection: &Protection) -> String {
    match (protection.unlock_at, protection.stop_duration_candles) {
        (Some(minutes), _) => format!("until {:02}:{:02}", minutes / 60, minutes % 60),
        (None, Some(candles)) => format!("for {}", counted(candles, "candle")),
        (None, None) => format!("for {}", counted(protection.stop_duration, "minute")),
    }
}

fn lookback_text(protection: &Protection) -> String {
    match protection.lookback_period_candles {
        Some(candles) => counted(candles, "candle"),
        None => counted(protection.lookback_period, "minute"),
    }
}

fn counted(count: i64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
