//! Ratios over trades.

use statrs::distribution::{ContinuousCDF, StudentsT};
use tradai_strategy::Trade;

use super::drawdown::trade_drawdown;
use super::{Account, DAYS_PER_YEAR, deviation, mean, profit_abs};
use crate::money::round_decimals;

/// What Freqtrade reports where a ratio has no denominator.
const UNDEFINED: f64 = -100.0;

/// `mean / spread · √365`; -100 when the spread is 0 or not a number.
pub(super) fn annualized(mean: f64, spread: f64) -> f64 {
    if spread == 0.0 || spread.is_nan() { UNDEFINED } else { mean / spread * DAYS_PER_YEAR.sqrt() }
}

fn returns(trades: &[&Trade], account: &Account) -> Vec<f64> {
    trades.iter().map(|trade| profit_abs(trade) / account.starting_balance).collect()
}

fn is_degenerate(trades: &[&Trade], account: &Account) -> bool {
    trades.is_empty() || account.start == account.end
}

/// Profit per day over the deviation of all returns; 0 without trades.
pub(super) fn sharpe(trades: &[&Trade], account: &Account) -> f64 {
    if is_degenerate(trades, account) {
        return 0.0;
    }
    let returns = returns(trades, account);
    annualized(returns.iter().sum::<f64>() / account.days() as f64, deviation(&returns, 0))
}

/// Profit per day over the deviation of the losses around their own mean; 0 without trades.
pub(super) fn sortino(trades: &[&Trade], account: &Account) -> f64 {
    if is_degenerate(trades, account) {
        return 0.0;
    }
    let returns = returns(trades, account);
    let losses: Vec<f64> = returns.iter().copied().filter(|value| *value < 0.0).collect();
    annualized(returns.iter().sum::<f64>() / account.days() as f64, deviation(&losses, 0))
}

/// Profit per day in percent over the drawdown; 0 without trades.
pub(super) fn calmar(trades: &[&Trade], account: &Account) -> f64 {
    if is_degenerate(trades, account) {
        return 0.0;
    }
    let profit = trades.iter().map(|trade| profit_abs(trade)).sum::<f64>() / account.starting_balance;
    let drawdown = trade_drawdown(trades, account.starting_balance, false);
    let relative = drawdown.map_or(0.0, |drawdown| drawdown.relative_account_drawdown);
    annualized(profit / account.days() as f64 * 100.0, relative)
}

/// Van Tharp's System Quality Number, four decimals; 0 without trades, -100 without deviation.
pub(super) fn sqn(trades: &[&Trade], account: &Account) -> f64 {
    if trades.is_empty() {
        return 0.0;
    }
    let returns = returns(trades, account);
    let spread = deviation(&returns, 1);
    if spread == 0.0 || spread.is_nan() {
        return UNDEFINED;
    }
    round_decimals((trades.len() as f64).sqrt() * (mean(&returns) / spread), 4)
}

/// Two-sided p-value of a one-sample t-test that the mean return is 0; 1 with fewer than two trades or without
/// deviation.
pub(super) fn p_value(trades: &[&Trade], account: &Account) -> f64 {
    let returns = returns(trades, account);
    let spread = deviation(&returns, 1);
    if returns.len() < 2 || spread == 0.0 || spread.is_nan() {
        return 1.0;
    }
    let count = returns.len() as f64;
    let t = mean(&returns) / (spread / count.sqrt());
    StudentsT::new(0.0, 1.0, count - 1.0).map_or(1.0, |distribution| 2.0 * distribution.cdf(-t.abs()))
}

/// Compound annual growth rate; 0 when the account is lost.
pub(super) fn cagr(days: i64, starting_balance: f64, final_balance: f64) -> f64 {
    if final_balance < 0.0 || starting_balance <= 0.0 || days <= 0 {
        return 0.0;
    }
    let growth = (final_balance / starting_balance).powf(1.0 / (days as f64 / DAYS_PER_YEAR)) - 1.0;
    if growth.is_finite() { growth } else { 0.0 }
}

/// Expected profit per trade in stake currency, and its ratio to the average loss (100 without a loss).
pub(super) fn expectancy(trades: &[&Trade]) -> (f64, f64) {
    if trades.is_empty() {
        return (0.0, 100.0);
    }
    let (wins, losses) = (side_of(trades, |profit| profit > 0.0), side_of(trades, |profit| profit < 0.0));
    let average =
        |side: &[f64]| if side.is_empty() { 0.0 } else { side.iter().sum::<f64>().abs() / side.len() as f64 };
    let (average_win, average_loss) = (average(&wins), average(&losses));
    let count = trades.len() as f64;
    let (win_rate, loss_rate) = (wins.len() as f64 / count, losses.len() as f64 / count);
    let ratio = if average_loss > 0.0 { (1.0 + average_win / average_loss) * win_rate - 1.0 } else { 100.0 };
    (win_rate * average_win - loss_rate * average_loss, ratio)
}

/// Profits over losses; 0 without a loss.
pub(super) fn profit_factor(trades: &[&Trade]) -> f64 {
    let wins: f64 = side_of(trades, |profit| profit > 0.0).iter().sum();
    let losses: f64 = side_of(trades, |profit| profit < 0.0).iter().sum();
    if losses == 0.0 { 0.0 } else { wins / losses.abs() }
}

fn side_of(trades: &[&Trade], side: impl Fn(f64) -> bool) -> Vec<f64> {
    trades.iter().map(|trade| profit_abs(trade)).filter(|profit| side(*profit)).collect()
}
