//! The whole of a backtest in numbers.

use serde::{Deserialize, Serialize};
use tradai_domain::Millis;
use tradai_strategy::{Settings, Trade};

use super::breakdown::{PeriodicBreakdown, ResultLine, by_key};
use super::drawdown::trade_drawdown;
use super::ratios::{cagr, calmar, expectancy, p_value, profit_factor, sharpe, sortino, sqn};
use super::wallet::WalletStats;
use super::{Account, duration_minutes, mean, profit_abs, profit_ratio};
use crate::backtest::{Counters, Outcome, PairData};
use crate::money::round_decimals;

/// Statistics of a backtest under Freqtrade's names. Money is in stake currency, ratios are fractions (0.01 = 1 %),
/// moments are milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Number of trades.
    pub total_trades: usize,
    /// Number of long trades.
    pub trade_count_long: usize,
    /// Number of short trades.
    pub trade_count_short: usize,
    /// Sum of the cost of all orders.
    pub total_volume: f64,
    /// Mean stake of a trade.
    pub avg_stake_amount: f64,
    /// Mean profit ratio.
    pub profit_mean: f64,
    /// Median profit ratio.
    pub profit_median: f64,
    /// Profit as a fraction of the starting balance.
    pub profit_total: f64,
    /// Profit.
    pub profit_total_abs: f64,
    /// Profit of the long trades.
    pub profit_total_long_abs: f64,
    /// Profit of the short trades.
    pub profit_total_short_abs: f64,
    /// Compound annual growth rate.
    pub cagr: f64,
    /// Expected profit per trade.
    pub expectancy: f64,
    /// Expectancy over the average loss; 100 without a loss.
    pub expectancy_ratio: f64,
    /// Sortino ratio; -100 without deviation.
    pub sortino: f64,
    /// Sharpe ratio; -100 without deviation.
    pub sharpe: f64,
    /// Calmar ratio; -100 without a drawdown.
    pub calmar: f64,
    /// System Quality Number; -100 without deviation.
    pub sqn: f64,
    /// p-value of a mean return of 0.
    pub p_value: f64,
    /// Profits over losses; 0 without a loss.
    pub profit_factor: f64,
    /// Trades with a positive profit ratio.
    pub wins: usize,
    /// Trades with a negative one.
    pub losses: usize,
    /// The others.
    pub draws: usize,
    /// Share of wins.
    pub winrate: f64,
    /// Deepest drawdown as a fraction of its peak.
    pub max_drawdown_account: f64,
    /// Deepest relative drawdown.
    pub max_relative_drawdown: f64,
    /// Deepest drawdown.
    pub max_drawdown_abs: f64,
    /// Close of the trade at the peak.
    pub drawdown_start_ts: f64,
    /// Close of the trade at the bottom.
    pub drawdown_end_ts: f64,
    /// Profit at the bottom.
    pub max_drawdown_low: f64,
    /// Profit at the peak.
    pub max_drawdown_high: f64,
    /// Lowest balance after a close.
    pub csum_min: f64,
    /// Highest balance after a close.
    pub csum_max: f64,
    /// Mean change of price over the pairs.
    pub market_change: f64,
    /// Open time of the first candle.
    pub backtest_start_ts: Millis,
    /// Open time of the last candle.
    pub backtest_end_ts: Millis,
    /// Whole days between them, at least 1.
    pub backtest_days: i64,
    /// Trades per day, two decimals.
    pub trades_per_day: f64,
    /// Money at the start.
    pub starting_balance: f64,
    /// Money at the end.
    pub final_balance: f64,
    /// What did not happen.
    #[serde(flatten)]
    pub counters: Counters,
    /// Slots, at most one per pair.
    pub max_open_trades: usize,
    /// Mean duration of a trade in seconds, whole minutes.
    pub holding_avg_s: f64,
    /// The same of the winners.
    pub winner_holding_avg_s: f64,
    /// The same of the losers.
    pub loser_holding_avg_s: f64,
    /// Longest run of wins.
    pub max_consecutive_wins: usize,
    /// Longest run without a win.
    pub max_consecutive_losses: usize,
    /// Profit of the best day.
    pub backtest_best_day_abs: f64,
    /// Profit of the worst day.
    pub backtest_worst_day_abs: f64,
    /// Days with a profit, from the first close to the last.
    pub winning_days: usize,
    /// Days without profit or loss.
    pub draw_days: usize,
    /// Days with a loss.
    pub losing_days: usize,
    /// Mark-to-market statistics of the wallet; `None` when there were no candles.
    pub wallet_stats: Option<WalletStats>,
    /// Results by pair.
    pub results_per_pair: Vec<ResultLine>,
    /// Results by entry tag.
    pub results_per_enter_tag: Vec<ResultLine>,
    /// Results by exit reason.
    pub exit_reason_summary: Vec<ResultLine>,
    /// Results by entry tag and exit reason.
    pub mix_tag_stats: Vec<ResultLine>,
    /// Trades closed because the test ended, by pair.
    pub left_open_trades: Vec<ResultLine>,
    /// Results by period.
    pub periodic_breakdown: PeriodicBreakdown,
    /// Day (`YYYY-MM-DD`) and profit, from the first close to the last.
    pub daily_profit: Vec<(String, f64)>,
}

impl Statistics {
    /// Sums up a backtest over `pairs`.
    #[must_use]
    pub fn new(settings: &Settings, pairs: &[PairData], outcome: &Outcome) -> Self {
        let starting_balance = settings.dry_run_wallet;
        let account = Account { starting_balance, start: outcome.start, end: outcome.end };
        let all: Vec<&Trade> = outcome.trades.iter().collect();
        let names: Vec<String> = pairs.iter().map(|pair| pair.symbol.to_string()).collect();
        let tested = Tested { trades: &all, account };
        let (expectancy, expectancy_ratio) = expectancy(&all);
        let absolute = trade_drawdown(&all, starting_balance, false);
        let relative = trade_drawdown(&all, starting_balance, true);
        let (csum_min, csum_max) = tested.balance_extremes();
        let ratios: Vec<f64> = all.iter().map(|trade| profit_ratio(trade)).collect();
        let (wins, losses) = (count(&ratios, |r| r > 0.0), count(&ratios, |r| r < 0.0));
        let (max_consecutive_wins, max_consecutive_losses) = streaks(&ratios);
        let periodic_breakdown = PeriodicBreakdown::new(&all);
        let days: Vec<f64> = periodic_breakdown.day.iter().map(|day| day.profit_abs).collect();
        let left_open: Vec<&Trade> =
            all.iter().copied().filter(|trade| trade.exit_reason == "force_exit").collect();
        let profit_total_abs: f64 = all.iter().map(|trade| profit_abs(trade)).sum();
        let total = profit_total_abs / starting_balance;
        Self {
            total_trades: all.len(),
            trade_count_long: all.iter().filter(|trade| !trade.is_short).count(),
            trade_count_short: all.iter().filter(|trade| trade.is_short).count(),
            total_volume: all
                .iter()
                .map(|trade| trade.orders.iter().map(|order| order.cost).sum::<f64>())
                .sum(),
            avg_stake_amount: mean(&all.iter().map(|trade| trade.stake_amount).collect::<Vec<_>>()),
            profit_mean: mean(&ratios),
            profit_median: median(&ratios),
            profit_total: total,
            profit_total_abs,
            profit_total_long_abs: tested.profit(|trade| !trade.is_short),
            profit_total_short_abs: tested.profit(|trade| trade.is_short),
            cagr: cagr(account.days(), starting_balance, outcome.final_balance),
            expectancy,
            expectancy_ratio,
            sortino: sortino(&all, &account),
            sharpe: sharpe(&all, &account),
            calmar: calmar(&all, &account),
            sqn: sqn(&all, &account),
            p_value: p_value(&all, &account),
            profit_factor: profit_factor(&all),
            wins,
            losses,
            draws: all.len() - wins - losses,
            winrate: if all.is_empty() { 0.0 } else { wins as f64 / all.len() as f64 },
            max_drawdown_account: absolute.map_or(0.0, |drawdown| drawdown.relative_account_drawdown),
            max_relative_drawdown: relative.map_or(0.0, |drawdown| drawdown.relative_account_drawdown),
            max_drawdown_abs: absolute.map_or(0.0, |drawdown| drawdown.drawdown_abs),
            drawdown_start_ts: absolute.map_or(0.0, |drawdown| drawdown.high_date as f64),
            drawdown_end_ts: absolute.map_or(0.0, |drawdown| drawdown.low_date as f64),
            max_drawdown_low: absolute.map_or(0.0, |drawdown| drawdown.low_value),
            max_drawdown_high: absolute.map_or(0.0, |drawdown| drawdown.high_value),
            csum_min,
            csum_max,
            market_change: market_change(pairs, outcome.start),
            backtest_start_ts: outcome.start,
            backtest_end_ts: outcome.end,
            backtest_days: account.days(),
            trades_per_day: round_decimals(all.len() as f64 / account.days() as f64, 2),
            starting_balance,
            final_balance: outcome.final_balance,
            counters: outcome.counters,
            max_open_trades: settings.max_open_trades.map_or(names.len(), |slots| slots.min(names.len())),
            holding_avg_s: tested.holding_seconds(|_| true),
            winner_holding_avg_s: tested.holding_seconds(|ratio| ratio > 0.0),
            loser_holding_avg_s: tested.holding_seconds(|ratio| ratio < 0.0),
            max_consecutive_wins,
            max_consecutive_losses,
            backtest_best_day_abs: days.iter().copied().reduce(f64::max).unwrap_or_default(),
            backtest_worst_day_abs: days.iter().copied().reduce(f64::min).unwrap_or_default(),
            winning_days: count(&days, |profit| profit > 0.0),
            draw_days: count(&days, |profit| profit == 0.0),
            losing_days: count(&days, |profit| profit < 0.0),
            wallet_stats: WalletStats::new(&outcome.equity),
            results_per_pair: by_key(&all, &account, &names, |trade| trade.pair.to_string()),
            results_per_enter_tag: by_key(&all, &account, &[], |trade| trade.enter_tag.clone()),
            exit_reason_summary: by_key(&all, &account, &[], |trade| trade.exit_reason.clone()),
            mix_tag_stats: by_key(&all, &account, &[], |trade| {
                format!("{} / {}", trade.enter_tag, trade.exit_reason)
            }),
            left_open_trades: by_key(&left_open, &account, &[], |trade| trade.pair.to_string()),
            daily_profit: daily_profit(&periodic_breakdown),
            periodic_breakdown,
        }
    }
}

struct Tested<'a> {
    trades: &'a [&'a Trade],
    account: Account,
}

impl Tested<'_> {
    fn profit(&self, side: impl Fn(&Trade) -> bool) -> f64 {
        self.trades.iter().filter(|trade| side(trade)).map(|trade| profit_abs(trade)).sum()
    }

    fn balance_extremes(&self) -> (f64, f64) {
        let mut sum = 0.0;
        let sums = self.trades.iter().map(|trade| {
            sum += profit_abs(trade);
            (sum, sum)
        });
        let extremes = sums.reduce(|(low, high), (next, _)| (low.min(next), high.max(next)));
        let start = self.account.starting_balance;
        extremes.map_or((0.0, 0.0), |(low, high)| (low + start, high + start))
    }

    fn holding_seconds(&self, counts: impl Fn(f64) -> bool) -> f64 {
        let minutes: Vec<f64> = self
            .trades
            .iter()
            .filter(|trade| counts(profit_ratio(trade)))
            .map(|trade| duration_minutes(trade) as f64)
            .collect();
        mean(&minutes).round_ties_even() * 60.0
    }
}

fn count(values: &[f64], counts: impl Fn(f64) -> bool) -> usize {
    values.iter().filter(|value| counts(**value)).count()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Longest runs of wins, and of everything else.
fn streaks(ratios: &[f64]) -> (usize, usize) {
    let (mut wins, mut losses, mut run) = (0, 0, 0);
    for (index, ratio) in ratios.iter().enumerate() {
        let win = *ratio > 0.0;
        let goes_on = index > 0 && (ratios[index - 1] > 0.0) == win;
        run = if goes_on { run + 1 } else { 1 };
        let longest = if win { &mut wins } else { &mut losses };
        *longest = run.max(*longest);
    }
    (wins, losses)
}

/// Mean over the pairs of the change from the first close since `start` to the last.
fn market_change(pairs: &[PairData], start: Millis) -> f64 {
    let changes: Vec<f64> = pairs
        .iter()
        .filter_map(|pair| {
            let candles = pair.frame.candles();
            let first = candles.open_time().partition_point(|&time| time < start);
            let (first, last) = (*candles.close().get(first)?, *candles.close().last()?);
            Some((last - first) / first)
        })
        .collect();
    mean(&changes)
}

fn daily_profit(breakdown: &PeriodicBreakdown) -> Vec<(String, f64)> {
    let day = |line: &super::PeriodLine| {
        let date = tradai_domain::format_utc(line.date_ts);
        (date.chars().take(10).collect(), line.profit_abs)
    };
    breakdown.day.iter().map(day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_wins_and_losses() {
        assert_eq!(streaks(&[0.1, 0.2, -0.1, 0.0, -0.3, 0.1]), (2, 3));
        assert_eq!(streaks(&[]), (0, 0));
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }
}
