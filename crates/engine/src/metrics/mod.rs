//! What a backtest comes to: Freqtrade's statistics under Freqtrade's names.
//!
//! All ratios are trade-based as in Freqtrade (`data/metrics.py`): returns are profits divided by the *starting*
//! balance, annualised with √365. [`WalletStats`] has their mark-to-market counterparts. Where a ratio is not defined,
//! Freqtrade reports -100 (or 0, or 1), and so do we, so that both can be compared; each function says which.

mod breakdown;
mod drawdown;
mod ratios;
mod statistics;
mod wallet;

pub use breakdown::{PeriodLine, PeriodicBreakdown, ResultLine};
pub use drawdown::{Drawdown, max_drawdown};
pub use statistics::Statistics;
pub use wallet::WalletStats;

use tradai_domain::Millis;
use tradai_strategy::Trade;

/// Days in a year of a market that never closes.
const DAYS_PER_YEAR: f64 = 365.0;

/// The account and the time that ratios refer to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Account {
    /// Money at the start, in stake currency.
    pub starting_balance: f64,
    /// Open time of the first candle.
    pub start: Millis,
    /// Open time of the last candle.
    pub end: Millis,
}

impl Account {
    /// Whole days between the first and the last candle, at least 1.
    #[must_use]
    pub fn days(&self) -> i64 {
        (self.end - self.start).div_euclid(86_400_000).max(1)
    }
}

fn profit_abs(trade: &Trade) -> f64 {
    trade.close_profit_abs.unwrap_or_default()
}

fn profit_ratio(trade: &Trade) -> f64 {
    trade.close_profit.unwrap_or_default()
}

fn duration_minutes(trade: &Trade) -> i64 {
    trade.duration_minutes(trade.close_date.unwrap_or(trade.open_date))
}

/// Mean; 0 of nothing.
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Standard deviation with `ddof` degrees of freedom taken off; NaN when too few values are left.
fn deviation(values: &[f64], ddof: usize) -> f64 {
    let Some(count) = values.len().checked_sub(ddof).filter(|&count| count > 0) else { return f64::NAN };
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / count as f64).sqrt()
}
