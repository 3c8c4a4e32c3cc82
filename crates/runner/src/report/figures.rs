//! The single numbers of a backtest, named for people.

use serde::Serialize;
use tradai_domain::format_utc;
use tradai_engine::Statistics;

/// How the page writes a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    /// In stake currency.
    Money(f64),
    /// A fraction, shown in percent.
    Percent(f64),
    /// With two decimals.
    Number(f64),
    /// With four decimals.
    Probability(f64),
    /// Whole.
    Count(usize),
    /// A time span in seconds.
    Seconds(f64),
}

/// One number. `None` where it is not defined, with the reason in `note`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    label: &'static str,
    value: Option<Value>,
    /// Whether the sign of the value is good or bad news.
    signed: bool,
    note: String,
}

/// Figures under a heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Group {
    heading: &'static str,
    figures: Vec<Figure>,
}

fn figure(label: &'static str, value: impl Into<Option<Value>>) -> Figure {
    Figure { label, value: value.into(), signed: false, note: String::new() }
}

fn count(label: &'static str, count: impl TryInto<usize>) -> Figure {
    figure(label, Value::Count(count.try_into().unwrap_or(usize::MAX)))
}

/// A ratio that Freqtrade reports as -100 where it is not defined.
fn ratio(label: &'static str, value: f64, undefined: &str) -> Figure {
    // The marker is assigned, never computed, so the comparison is exact.
    let defined = value != -100.0 && value.is_finite();
    let number = figure(label, defined.then_some(Value::Number(value)));
    if defined { number } else { number.note(undefined) }
}

impl Figure {
    fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// Returns the figures at the top of the page.
pub(super) fn headline(statistics: &Statistics) -> Vec<Figure> {
    let s = statistics;
    vec![
        figure("Total profit", Value::Percent(s.profit_total)).signed(),
        figure("Profit", Value::Money(s.profit_total_abs)).signed(),
        figure("Market change", Value::Percent(s.market_change)).note("mean over the pairs"),
        figure("Max drawdown", Value::Percent(s.max_drawdown_account)).note("of closed trades"),
        sharpe(s),
        sortino(s),
        calmar(s),
        count("Trades", s.total_trades).note(format!("{} per day", s.trades_per_day)),
        figure("Win rate", (s.total_trades > 0).then_some(Value::Percent(s.winrate)))
            .note(format!("{} won, {} even, {} lost", s.wins, s.draws, s.losses)),
        profit_factor(s),
        expectancy(s),
        figure("Mean profit per trade", Value::Percent(s.profit_mean)).signed(),
    ]
}

fn sharpe(s: &Statistics) -> Figure {
    ratio("Sharpe", s.sharpe, "needs trades with different returns")
}

fn sortino(s: &Statistics) -> Figure {
    ratio("Sortino", s.sortino, "needs losing trades with different returns")
}

fn calmar(s: &Statistics) -> Figure {
    ratio("Calmar", s.calmar, "needs a drawdown")
}

fn profit_factor(s: &Statistics) -> Figure {
    let defined = s.losses > 0;
    let value = defined.then_some(Value::Number(s.profit_factor));
    figure("Profit factor", value).note(if defined { "" } else { "needs a losing trade" })
}

fn expectancy(s: &Statistics) -> Figure {
    let note = match (s.total_trades, s.losses) {
        (0, _) => "needs a trade".to_owned(),
        (_, 0) => String::new(),
        _ => format!("{:.2} per unit lost", s.expectancy_ratio),
    };
    figure("Expectancy", (s.total_trades > 0).then_some(Value::Money(s.expectancy))).signed().note(note)
}

/// Returns all figures.
pub(super) fn groups(statistics: &Statistics) -> Vec<Group> {
    let mut groups = vec![
        Group { heading: "Profit", figures: profit(statistics) },
        Group { heading: "Risk, from closed trades", figures: risk(statistics) },
        Group { heading: "Trades", figures: trading(statistics) },
        Group { heading: "Days", figures: days(statistics) },
        Group { heading: "What did not happen", figures: orders(statistics) },
    ];
    if let Some(figures) = wallet(statistics) {
        groups.insert(2, Group { heading: "Risk, mark-to-market", figures });
    }
    groups
}

fn profit(s: &Statistics) -> Vec<Figure> {
    vec![
        figure("Starting balance", Value::Money(s.starting_balance)),
        figure("Final balance", Value::Money(s.final_balance)),
        figure("Profit", Value::Money(s.profit_total_abs)).signed(),
        figure("Total profit", Value::Percent(s.profit_total)).signed(),
        figure("Annual growth (CAGR)", Value::Percent(s.cagr)).signed(),
        figure("Market change", Value::Percent(s.market_change)).signed(),
        figure("Profit of long trades", Value::Money(s.profit_total_long_abs)).signed(),
        figure("Profit of short trades", Value::Money(s.profit_total_short_abs)).signed(),
    ]
}

fn risk(s: &Statistics) -> Vec<Figure> {
    let span = |from: f64, to: f64| match s.max_drawdown_abs > 0.0 {
        true => format!("{} to {}", minute(from as i64), minute(to as i64)),
        false => String::new(),
    };
    vec![
        figure("Max drawdown", Value::Money(s.max_drawdown_abs))
            .note(span(s.drawdown_start_ts, s.drawdown_end_ts)),
        figure("Max drawdown of the account", Value::Percent(s.max_drawdown_account)),
        figure("Largest relative drawdown", Value::Percent(s.max_relative_drawdown)),
        figure("Lowest balance", Value::Money(s.csum_min)),
        figure("Highest balance", Value::Money(s.csum_max)),
        sharpe(s),
        sortino(s),
        calmar(s),
        ratio("System quality (SQN)", s.sqn, "needs trades with different returns"),
        figure("p-value", Value::Probability(s.p_value)).note("of a mean return of zero"),
    ]
}

fn wallet(s: &Statistics) -> Option<Vec<Figure>> {
    let w = s.wallet_stats.as_ref()?;
    Some(vec![
        figure("Max drawdown", Value::Money(w.max_drawdown_abs)).note(
            match (w.drawdown_start_ts, w.drawdown_end_ts) {
                (Some(from), Some(to)) if w.max_drawdown_abs > 0.0 => {
                    format!("{} to {}", minute(from), minute(to))
                }
                _ => String::new(),
            },
        ),
        figure("Max drawdown of the account", Value::Percent(w.max_drawdown_account)),
        figure("Largest relative drawdown", Value::Percent(w.max_relative_drawdown)),
        figure("Lowest value", Value::Money(w.low_balance)).note(minute(w.low_ts)),
        figure("Highest value", Value::Money(w.high_balance)).note(minute(w.high_ts)),
        ratio("Sharpe", w.sharpe, "needs daily returns that differ"),
        ratio("Sortino", w.sortino, "needs falling days"),
        ratio("Calmar", w.calmar, "needs a drawdown"),
    ])
}

fn trading(s: &Statistics) -> Vec<Figure> {
    vec![
        count("Trades", s.total_trades),
        count("Long", s.trade_count_long),
        count("Short", s.trade_count_short),
        profit_factor(s),
        expectancy(s),
        figure("Mean profit", Value::Percent(s.profit_mean)).signed(),
        figure("Median profit", Value::Percent(s.profit_median)).signed(),
        figure("Mean duration", Value::Seconds(s.holding_avg_s)),
        figure("Mean duration of winners", Value::Seconds(s.winner_holding_avg_s)),
        figure("Mean duration of losers", Value::Seconds(s.loser_holding_avg_s)),
        count("Longest run of wins", s.max_consecutive_wins),
        count("Longest run without a win", s.max_consecutive_losses),
        figure("Mean stake", Value::Money(s.avg_stake_amount)),
        figure("Volume", Value::Money(s.total_volume)),
        count("Slots", s.max_open_trades),
    ]
}

fn days(s: &Statistics) -> Vec<Figure> {
    vec![
        figure("Best day", Value::Money(s.backtest_best_day_abs)).signed(),
        figure("Worst day", Value::Money(s.backtest_worst_day_abs)).signed(),
        count("Days with a profit", s.winning_days),
        count("Days without either", s.draw_days),
        count("Days with a loss", s.losing_days),
    ]
}

fn orders(s: &Statistics) -> Vec<Figure> {
    let c = &s.counters;
    vec![
        count("Signals without a free slot", c.rejected_signals),
        count("Entry orders timed out", c.timedout_entry_orders),
        count("Exit orders timed out", c.timedout_exit_orders),
        count("Trades whose entry was cancelled", c.canceled_trade_entries),
        count("Entry orders cancelled", c.canceled_entry_orders),
        count("Entry orders replaced", c.replaced_entry_orders),
    ]
}

/// `2025-01-31 13:05`.
fn minute(at: i64) -> String {
    format_utc(at).chars().take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freqtrades_marker_is_not_shown_as_a_number() {
        let undefined = ratio("Sharpe", -100.0, "needs trades");
        assert_eq!((undefined.value, undefined.note.as_str()), (None, "needs trades"));
        assert_eq!(ratio("Sharpe", 1.5, "needs trades").value, Some(Value::Number(1.5)));
        assert_eq!(ratio("Sharpe", f64::NAN, "needs trades").value, None);
    }
}
