//! Trades and summaries in the words of Freqtrade's backtest export.

use serde_json::{Map, Value, json};
use tradai_domain::{Millis, format_utc};
use tradai_engine::{Lock, Outcome, Statistics};
use tradai_strategy::{Order, Trade};

/// Returns one closed trade as Freqtrade exports it, with `seq`, its place in the order of closing.
#[must_use]
pub fn trade_line(trade: &Trade, seq: usize) -> Value {
    let close = trade.close_date.unwrap_or(trade.open_date);
    json!({
        "pair": trade.pair,
        "stake_amount": trade.stake_amount,
        "max_stake_amount": trade.max_stake_amount,
        "amount": trade.amount,
        "open_date": with_zone(trade.open_date),
        "close_date": with_zone(close),
        "open_rate": trade.open_rate,
        "close_rate": trade.close_rate,
        "fee_open": trade.fee_open,
        "fee_close": trade.fee_close,
        "trade_duration": trade.duration_minutes(close),
        "profit_ratio": trade.close_profit,
        "profit_abs": trade.close_profit_abs,
        "exit_reason": trade.exit_reason,
        "initial_stop_loss_abs": trade.initial_stop_loss,
        "initial_stop_loss_ratio": trade.initial_stop_loss_pct,
        "stop_loss_abs": trade.stop_loss,
        "stop_loss_ratio": trade.stop_loss_pct,
        "min_rate": seen(trade.min_rate),
        "max_rate": seen(trade.max_rate),
        "is_open": trade.is_open,
        "enter_tag": trade.enter_tag,
        "leverage": trade.leverage,
        "is_short": trade.is_short,
        "open_timestamp": trade.open_date,
        "close_timestamp": close,
        "orders": trade.orders.iter().map(|order| order_line(trade, order)).collect::<Vec<_>>(),
        "funding_fees": trade.funding_fees,
        "weekday": weekday(close),
        "seq": seq,
    })
}

/// An extreme, or nothing when the trade closed before any candle was evaluated.
fn seen(rate: f64) -> Option<f64> {
    (rate != 0.0).then_some(rate)
}

fn order_line(trade: &Trade, order: &Order) -> Value {
    let buys = order.is_entry != trade.is_short;
    json!({
        "ft_is_entry": order.is_entry,
        "ft_order_side": if buys { "buy" } else { "sell" },
        "order_filled_timestamp": order.filled_date,
        "amount": order.amount,
        "safe_price": order.price,
        "cost": order.cost,
        "ft_order_tag": order.tag,
    })
}

/// Monday is 0. The epoch was a Thursday.
fn weekday(at: Millis) -> i64 {
    (at.div_euclid(86_400_000) + 3).rem_euclid(7)
}

fn with_zone(at: Millis) -> String {
    format!("{}+00:00", format_utc(at))
}

/// Returns the statistics in the shape of the golden `summary.json`: single numbers by name, results per pair and
/// per exit reason as maps, locks.
#[must_use]
pub fn summary(statistics: &Statistics, outcome: &Outcome) -> Value {
    const AS_LISTS: [&str; 6] = [
        "results_per_enter_tag",
        "mix_tag_stats",
        "left_open_trades",
        "periodic_breakdown",
        "daily_profit",
        "wallet_stats",
    ];
    let mut map = match serde_json::to_value(statistics) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    };
    map.retain(|key, _| !AS_LISTS.contains(&key.as_str()));
    map.insert("wallet_stats".to_owned(), json!(statistics.wallet_stats));
    let reasons = statistics.exit_reason_summary.iter();
    let reasons = reasons
        .map(|line| (line.key.clone(), json!({"trades": line.trades, "profit_abs": line.profit_total_abs})));
    map.insert("exit_reason_summary".to_owned(), Value::Object(reasons.collect()));
    let pairs = statistics.results_per_pair.iter();
    let pairs = pairs.map(|line| {
        (line.key.clone(), json!({"trades": line.trades, "profit_total_abs": line.profit_total_abs}))
    });
    map.insert("results_per_pair".to_owned(), Value::Object(pairs.collect()));
    map.insert("locks".to_owned(), outcome.locks.iter().map(lock_line).collect());
    Value::Object(map)
}

pub(super) fn lock_line(lock: &Lock) -> Value {
    json!({
        "id": null,
        "pair": lock.pair,
        "lock_time": format_utc(lock.lock_time),
        "lock_timestamp": lock.lock_time,
        "lock_end_time": format_utc(lock.lock_end_time),
        "lock_end_timestamp": lock.lock_end_time,
        "reason": lock.reason,
        "side": lock.side,
        "active": true,
    })
}
