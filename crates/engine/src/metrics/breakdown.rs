//! Results by pair, tag, reason and period.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate};
use serde::{Deserialize, Serialize};
use tradai_domain::Millis;
use tradai_strategy::Trade;

use super::drawdown::trade_drawdown;
use super::ratios::{cagr, calmar, expectancy, p_value, profit_factor, sharpe, sortino, sqn};
use super::{Account, duration_minutes, mean, profit_abs, profit_ratio};
use crate::money::round_decimals;

/// Results of some of the trades (Freqtrade's `results_per_pair` and the like).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultLine {
    /// Pair, tag or reason; `TOTAL` for all.
    pub key: String,
    /// Number of trades.
    pub trades: usize,
    /// Mean profit ratio.
    pub profit_mean: f64,
    /// Profit in stake currency.
    pub profit_total_abs: f64,
    /// Profit as a fraction of the starting balance.
    pub profit_total: f64,
    /// Mean duration in minutes, rounded.
    pub duration_avg_minutes: i64,
    /// Trades with a profit (in stake currency).
    pub wins: usize,
    /// Trades without profit or loss.
    pub draws: usize,
    /// Trades with a loss.
    pub losses: usize,
    /// Share of wins.
    pub winrate: f64,
    /// Compound annual growth rate.
    pub cagr: f64,
    /// Expected profit per trade, in stake currency.
    pub expectancy: f64,
    /// Expectancy over the average loss; 100 without a loss.
    pub expectancy_ratio: f64,
    /// Sortino ratio.
    pub sortino: f64,
    /// Sharpe ratio.
    pub sharpe: f64,
    /// Calmar ratio.
    pub calmar: f64,
    /// System Quality Number.
    pub sqn: f64,
    /// p-value of a mean return of 0.
    pub p_value: f64,
    /// Profits over losses; 0 without a loss.
    pub profit_factor: f64,
    /// Deepest drawdown as a fraction of its peak.
    pub max_drawdown_account: f64,
    /// Deepest drawdown in stake currency.
    pub max_drawdown_abs: f64,
}

impl ResultLine {
    /// Returns the results of `trades` (in the order of closing).
    #[must_use]
    pub fn new(key: impl Into<String>, trades: &[&Trade], account: &Account) -> Self {
        let profits: Vec<f64> = trades.iter().map(|trade| profit_abs(trade)).collect();
        let ratios: Vec<f64> = trades.iter().map(|trade| profit_ratio(trade)).collect();
        let minutes: Vec<f64> = trades.iter().map(|trade| duration_minutes(trade) as f64).collect();
        let total: f64 = profits.iter().sum();
        let wins = profits.iter().filter(|profit| **profit > 0.0).count();
        let losses = profits.iter().filter(|profit| **profit < 0.0).count();
        let (expectancy, expectancy_ratio) = expectancy(trades);
        let drawdown = trade_drawdown(trades, account.starting_balance, false);
        Self {
            key: key.into(),
            trades: trades.len(),
            profit_mean: mean(&ratios),
            profit_total_abs: total,
            profit_total: total / account.starting_balance,
            duration_avg_minutes: mean(&minutes).round_ties_even() as i64,
            wins,
            draws: trades.len() - wins - losses,
            losses,
            winrate: if trades.is_empty() { 0.0 } else { wins as f64 / trades.len() as f64 },
            cagr: cagr(account.days(), account.starting_balance, account.starting_balance + total),
            expectancy,
            expectancy_ratio,
            sortino: sortino(trades, account),
            sharpe: sharpe(trades, account),
            calmar: calmar(trades, account),
            sqn: sqn(trades, account),
            p_value: p_value(trades, account),
            profit_factor: profit_factor(trades),
            max_drawdown_account: drawdown.map_or(0.0, |drawdown| drawdown.relative_account_drawdown),
            max_drawdown_abs: drawdown.map_or(0.0, |drawdown| drawdown.drawdown_abs),
        }
    }
}

/// Results by what `key_of` gives, best first, then `TOTAL`; `keys` come first even without trades.
pub(super) fn by_key(
    trades: &[&Trade],
    account: &Account,
    keys: &[String],
    key_of: impl Fn(&Trade) -> String,
) -> Vec<ResultLine> {
    let mut groups: indexmap::IndexMap<String, Vec<&Trade>> =
        keys.iter().map(|key| (key.clone(), Vec::new())).collect();
    for trade in trades {
        groups.entry(key_of(trade)).or_default().push(trade);
    }
    if keys.is_empty() {
        groups.sort_keys();
    }
    let mut lines: Vec<ResultLine> =
        groups.iter().map(|(key, trades)| ResultLine::new(key.as_str(), trades, account)).collect();
    lines.sort_by(|one, other| other.profit_total_abs.total_cmp(&one.profit_total_abs));
    lines.push(ResultLine::new("TOTAL", trades, account));
    lines
}

/// Results of the trades that closed in one period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeriodLine {
    /// `DD/MM/YYYY` of the period (days: the day; weeks: the Monday that ends it; months and years: their last
    /// day), or the name of a weekday.
    pub date: String,
    /// The same in milliseconds (weekdays: 0 for Monday).
    pub date_ts: i64,
    /// Profit in stake currency.
    pub profit_abs: f64,
    /// Trades with a profit.
    pub wins: usize,
    /// Trades without profit or loss.
    pub draws: usize,
    /// Trades with a loss.
    pub losses: usize,
    /// Number of trades.
    pub trades: usize,
    /// Profits over losses; 0 without a loss.
    pub profit_factor: f64,
}

/// Results by period, as Freqtrade cuts time.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PeriodicBreakdown {
    /// By day.
    pub day: Vec<PeriodLine>,
    /// By week, Tuesday to Monday.
    pub week: Vec<PeriodLine>,
    /// By month.
    pub month: Vec<PeriodLine>,
    /// By year.
    pub year: Vec<PeriodLine>,
    /// By weekday; only those with trades.
    pub weekday: Vec<PeriodLine>,
}

impl PeriodicBreakdown {
    /// Returns the results by period of `trades` in the order of closing.
    #[must_use]
    pub fn new(trades: &[&Trade]) -> Self {
        if trades.is_empty() {
            return Self::default();
        }
        Self {
            day: periods(trades, Some, |day| day.checked_add_days(Days::new(1))),
            week: periods(trades, week_end, |day| day.checked_add_days(Days::new(7))),
            month: periods(trades, month_end, |day| month_end(day.checked_add_days(Days::new(1))?)),
            year: periods(trades, year_end, |day| NaiveDate::from_ymd_opt(day.year() + 1, 12, 31)),
            weekday: weekdays(trades),
        }
    }
}

/// Label of a week: the Monday on or after the day.
fn week_end(day: NaiveDate) -> Option<NaiveDate> {
    let ahead = (7 - day.weekday().num_days_from_monday()) % 7;
    day.checked_add_days(Days::new(u64::from(ahead)))
}

fn month_end(day: NaiveDate) -> Option<NaiveDate> {
    day.with_day(1)?.checked_add_months(Months::new(1))?.pred_opt()
}

fn year_end(day: NaiveDate) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(day.year(), 12, 31)
}

fn close_day(trade: &Trade) -> NaiveDate {
    let close = trade.close_date.unwrap_or(trade.open_date);
    DateTime::from_timestamp_millis(close).unwrap_or_default().date_naive()
}

fn millis(day: NaiveDate) -> Millis {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()
}

/// One line per period from the first trade's to the last one's, empty ones included.
fn periods(
    trades: &[&Trade],
    label: impl Fn(NaiveDate) -> Option<NaiveDate>,
    next: impl Fn(NaiveDate) -> Option<NaiveDate>,
) -> Vec<PeriodLine> {
    let labels: Vec<Option<NaiveDate>> = trades.iter().map(|trade| label(close_day(trade))).collect();
    let (Some(first), Some(last)) = (labels.iter().flatten().min(), labels.iter().flatten().max()) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    let mut period = Some(*first);
    while let Some(day) = period.filter(|day| day <= last) {
        let inside: Vec<&Trade> = trades
            .iter()
            .zip(&labels)
            .filter(|(_, label)| **label == Some(day))
            .map(|(trade, _)| *trade)
            .collect();
        lines.push(line(day.format("%d/%m/%Y").to_string(), millis(day), &inside));
        period = next(day);
    }
    lines
}

fn weekdays(trades: &[&Trade]) -> Vec<PeriodLine> {
    const NAMES: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let mut lines = Vec::new();
    for (number, name) in (0_u32..).zip(NAMES) {
        let on_day = |trade: &&&Trade| close_day(trade).weekday().num_days_from_monday() == number;
        let inside: Vec<&Trade> = trades.iter().filter(on_day).copied().collect();
        if !inside.is_empty() {
            lines.push(line(name.to_owned(), i64::from(number), &inside));
        }
    }
    lines
}

fn line(date: String, date_ts: i64, trades: &[&Trade]) -> PeriodLine {
    let profits: Vec<f64> = trades.iter().map(|trade| profit_abs(trade)).collect();
    let wins = profits.iter().filter(|profit| **profit > 0.0).count();
    let losses = profits.iter().filter(|profit| **profit < 0.0).count();
    PeriodLine {
        date,
        date_ts,
        profit_abs: round_decimals(profits.iter().sum(), 10),
        wins,
        draws: trades.len() - wins - losses,
        losses,
        trades: trades.len(),
        profit_factor: round_decimals(profit_factor(trades), 8),
    }
}
