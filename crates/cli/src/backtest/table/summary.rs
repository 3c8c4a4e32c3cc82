//! The single numbers of a backtest.

use tradai_domain::{Millis, format_utc};
use tradai_engine::Statistics;
use tradai_engine::metrics::{ResultLine, WalletStats};
use tradai_strategy::{Settings, TradingMode};

use super::Sheet;
use super::text::{clean, percent, ratio, span};

/// Returns all numbers, one per line.
pub(super) fn table(sheet: &Sheet, statistics: &Statistics, settings: &Settings) -> String {
    let money_of = |value: f64| format!("{} {}", sheet.money(value), sheet.currency);
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |parts: Vec<(&str, String)>| {
        rows.extend(parts.into_iter().map(|(name, value)| vec![name.to_owned(), value]));
    };
    add(account(statistics, settings, &money_of));
    add(ratios(statistics, &money_of));
    add(trades(statistics, &money_of));
    add(drawdown(statistics, &money_of));
    if let Some(wallet) = &statistics.wallet_stats {
        add(mark_to_market(wallet, &money_of));
    }
    add(orders(statistics));
    sheet.table("Summary", &["Figure", "Value"], &rows, 1)
}

type Lines = Vec<(&'static str, String)>;

fn account(s: &Statistics, settings: &Settings, money_of: &dyn Fn(f64) -> String) -> Lines {
    let mode = match settings.trading_mode {
        TradingMode::Spot => "spot",
        TradingMode::Futures => "futures, isolated margin",
    };
    vec![
        ("From", minute(s.backtest_start_ts)),
        ("To", minute(s.backtest_end_ts)),
        ("Timeframe", settings.timeframe.as_str().to_owned()),
        ("Trading mode", mode.to_owned()),
        ("Trades open at once, at most", s.max_open_trades.to_string()),
        ("Trades / per day", format!("{} / {}", s.total_trades, s.trades_per_day)),
        ("Starting balance", money_of(s.starting_balance)),
        ("Final balance", money_of(s.final_balance)),
        ("Profit", money_of(s.profit_total_abs)),
        ("Total profit", percent(s.profit_total)),
        ("Annual growth (CAGR)", percent(s.cagr)),
        ("Market change", percent(s.market_change)),
    ]
}

fn ratios(s: &Statistics, money_of: &dyn Fn(f64) -> String) -> Lines {
    let factor = if s.losses == 0 { "n/a".to_owned() } else { ratio(s.profit_factor) };
    vec![
        ("Sortino", ratio(s.sortino)),
        ("Sharpe", ratio(s.sharpe)),
        ("Calmar", ratio(s.calmar)),
        ("System quality (SQN)", ratio(s.sqn)),
        ("p-value of no profit", format!("{:.4}", s.p_value)),
        ("Profit factor", factor),
        ("Expectancy (ratio)", format!("{} ({:.2})", money_of(s.expectancy), s.expectancy_ratio)),
        ("Mean profit per day", money_of(s.profit_total_abs / s.backtest_days as f64)),
        ("Mean stake", money_of(s.avg_stake_amount)),
        ("Volume", money_of(s.total_volume)),
    ]
}

fn trades(s: &Statistics, money_of: &dyn Fn(f64) -> String) -> Lines {
    let minutes = |seconds: f64| span((seconds / 60.0) as i64);
    let mut lines = Vec::new();
    if s.trade_count_short > 0 {
        lines.push(("Trades long / short", format!("{} / {}", s.trade_count_long, s.trade_count_short)));
        lines.push(("Profit long", money_of(s.profit_total_long_abs)));
        lines.push(("Profit short", money_of(s.profit_total_short_abs)));
    }
    // Best first, the total last.
    let pairs = s.results_per_pair.split_last().map_or(&[][..], |(_, pairs)| pairs);
    lines.extend(pairs.first().map(|line| ("Best pair", named(line))));
    lines.extend(pairs.last().map(|line| ("Worst pair", named(line))));
    lines.extend([
        ("Best day", money_of(s.backtest_best_day_abs)),
        ("Worst day", money_of(s.backtest_worst_day_abs)),
        ("Days win / draw / loss", format!("{} / {} / {}", s.winning_days, s.draw_days, s.losing_days)),
        ("Mean duration", minutes(s.holding_avg_s)),
        ("Mean duration of winners", minutes(s.winner_holding_avg_s)),
        ("Mean duration of losers", minutes(s.loser_holding_avg_s)),
        (
            "Longest run of wins / losses",
            format!("{} / {}", s.max_consecutive_wins, s.max_consecutive_losses),
        ),
    ]);
    lines
}

fn named(line: &ResultLine) -> String {
    format!("{} {}", clean(&line.key), percent(line.profit_total))
}

fn drawdown(s: &Statistics, money_of: &dyn Fn(f64) -> String) -> Lines {
    let mut lines = vec![
        ("Lowest balance", money_of(s.csum_min)),
        ("Highest balance", money_of(s.csum_max)),
        ("Max drawdown", money_of(s.max_drawdown_abs)),
        ("Max drawdown of the account", percent(s.max_drawdown_account)),
        ("Largest relative drawdown", percent(s.max_relative_drawdown)),
    ];
    if s.max_drawdown_abs > 0.0 {
        let (from, to) = (s.drawdown_start_ts as Millis, s.drawdown_end_ts as Millis);
        lines.extend([
            ("Drawdown from", minute(from)),
            ("Drawdown to", minute(to)),
            ("Drawdown lasted", span((to - from).div_euclid(60_000))),
            ("Profit at its start", money_of(s.max_drawdown_high)),
            ("Profit at its end", money_of(s.max_drawdown_low)),
        ]);
    }
    lines
}

fn mark_to_market(w: &WalletStats, money_of: &dyn Fn(f64) -> String) -> Lines {
    vec![
        ("Wallet: Sortino", ratio(w.sortino)),
        ("Wallet: Sharpe", ratio(w.sharpe)),
        ("Wallet: Calmar", ratio(w.calmar)),
        ("Wallet: lowest / highest", format!("{} / {}", money_of(w.low_balance), money_of(w.high_balance))),
        ("Wallet: max drawdown", money_of(w.max_drawdown_abs)),
        ("Wallet: max drawdown of the account", percent(w.max_drawdown_account)),
        ("Wallet: drawdown lasted", span((w.drawdown_duration_s / 60.0) as i64)),
    ]
}

fn orders(s: &Statistics) -> Lines {
    let c = &s.counters;
    let mut lines = vec![
        ("Signals without a free slot", c.rejected_signals.to_string()),
        (
            "Orders timed out, entry / exit",
            format!("{} / {}", c.timedout_entry_orders, c.timedout_exit_orders),
        ),
    ];
    if c.canceled_trade_entries + c.canceled_entry_orders + c.replaced_entry_orders > 0 {
        lines.push(("Trades whose entry was cancelled", c.canceled_trade_entries.to_string()));
        let counts = format!("{} / {}", c.canceled_entry_orders, c.replaced_entry_orders);
        lines.push(("Entry orders cancelled / replaced", counts));
    }
    lines
}

/// Returns the whole result in one line.
pub(super) fn line(sheet: &Sheet, s: &Statistics) -> String {
    if s.total_trades == 0 {
        return "No trade happened.".to_owned();
    }
    format!(
        "{} trades, profit {} {} ({}), {} won, drawdown {} {} ({}), Sharpe {}, market {}",
        s.total_trades,
        sheet.money(s.profit_total_abs),
        sheet.currency,
        percent(s.profit_total),
        percent(s.winrate),
        sheet.money(s.max_drawdown_abs),
        sheet.currency,
        percent(s.max_drawdown_account),
        ratio(s.sharpe),
        percent(s.market_change),
    )
}

/// `2025-01-31 13:05`.
fn minute(at: Millis) -> String {
    format_utc(at).chars().take(16).collect()
}
