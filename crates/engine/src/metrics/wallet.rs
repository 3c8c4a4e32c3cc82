//! Statistics of the wallet's value over time.

use serde::{Deserialize, Serialize};
use tradai_domain::{Millis, format_utc};

use super::drawdown::{Drawdown, max_drawdown};
use super::ratios::annualized;
use super::{deviation, mean};
use crate::EquityCurve;

const DAY: Millis = 86_400_000;

/// Freqtrade's `wallet_stats`: mark-to-market, from one value per main candle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WalletStats {
    /// First value, in stake currency.
    pub start_balance: f64,
    /// Last value.
    pub end_balance: f64,
    /// Highest value.
    pub high_balance: f64,
    /// Lowest value.
    pub low_balance: f64,
    /// Mean over deviation of daily returns, annualised; 0 with fewer than two days.
    pub sharpe: f64,
    /// Mean over deviation of negative daily returns, annualised; 0 with fewer than two days.
    pub sortino: f64,
    /// Return per day in percent over the drawdown, annualised.
    pub calmar: f64,
    /// When the value was lowest.
    pub low_date: String,
    /// The same in milliseconds.
    pub low_ts: Millis,
    /// When it was highest.
    pub high_date: String,
    /// The same in milliseconds.
    pub high_ts: Millis,
    /// Depth of the deepest drawdown as a fraction of its peak.
    pub max_drawdown_account: f64,
    /// Deepest relative drawdown.
    pub max_relative_drawdown: f64,
    /// Depth in stake currency.
    pub max_drawdown_abs: f64,
    /// Moment of the peak.
    pub drawdown_start: Option<String>,
    /// The same in milliseconds.
    pub drawdown_start_ts: Option<Millis>,
    /// Moment of the bottom.
    pub drawdown_end: Option<String>,
    /// The same in milliseconds.
    pub drawdown_end_ts: Option<Millis>,
    /// Time from peak to bottom, such as `3 days 04:05:00`.
    pub drawdown_duration: String,
    /// The same in seconds.
    pub drawdown_duration_s: f64,
    /// Profit since the start at the bottom.
    pub max_drawdown_low: f64,
    /// Profit since the start at the peak.
    pub max_drawdown_high: f64,
}

impl WalletStats {
    /// Returns the statistics of a curve; `None` when it is empty.
    #[must_use]
    pub fn new(curve: &EquityCurve) -> Option<Self> {
        let (&start_balance, &end_balance) = (curve.values.first()?, curve.values.last()?);
        let time = |index: usize| curve.start + i64::try_from(index).unwrap_or_default() * curve.step_ms;
        let (low, high) = extremes(&curve.values);
        let daily = daily_returns(curve);
        let falls: Vec<f64> = daily.iter().copied().filter(|value| *value < 0.0).collect();
        let ratio = |spread: f64| if daily.is_empty() { 0.0 } else { annualized(mean(&daily), spread) };
        let absolute = drawdown(curve, false);
        let relative = drawdown(curve, true);
        let days = (time(curve.values.len() - 1) - curve.start).div_euclid(DAY).max(1);
        let gain = (end_balance - start_balance) / start_balance / days as f64 * 100.0;
        let duration_ms = absolute.map_or(0, |drawdown| drawdown.low_date - drawdown.high_date);
        Some(Self {
            start_balance,
            end_balance,
            high_balance: curve.values[high],
            low_balance: curve.values[low],
            sharpe: ratio(deviation(&daily, 0)),
            sortino: ratio(deviation(&falls, 0)),
            calmar: absolute.map_or(0.0, |drawdown| annualized(gain, drawdown.relative_account_drawdown)),
            low_date: format_utc(time(low)),
            low_ts: time(low),
            high_date: format_utc(time(high)),
            high_ts: time(high),
            max_drawdown_account: absolute.map_or(0.0, |drawdown| drawdown.relative_account_drawdown),
            max_relative_drawdown: relative.map_or(0.0, |drawdown| drawdown.relative_account_drawdown),
            max_drawdown_abs: absolute.map_or(0.0, |drawdown| drawdown.drawdown_abs),
            drawdown_start: absolute.map(|drawdown| format_utc(drawdown.high_date)),
            drawdown_start_ts: absolute.map(|drawdown| drawdown.high_date),
            drawdown_end: absolute.map(|drawdown| format_utc(drawdown.low_date)),
            drawdown_end_ts: absolute.map(|drawdown| drawdown.low_date),
            drawdown_duration: days_and_time(duration_ms),
            drawdown_duration_s: duration_ms as f64 / 1_000.0,
            max_drawdown_low: absolute.map_or(0.0, |drawdown| drawdown.low_value),
            max_drawdown_high: absolute.map_or(0.0, |drawdown| drawdown.high_value),
        })
    }
}

/// `1 days 02:03:04`, as pandas prints a time span.
pub(super) fn days_and_time(millis: Millis) -> String {
    let seconds = millis / 1_000;
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    format!("{days} days {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60)
}

fn extremes(values: &[f64]) -> (usize, usize) {
    let (mut low, mut high) = (0, 0);
    for (index, &value) in values.iter().enumerate() {
        if value < values[low] {
            low = index;
        }
        if value > values[high] {
            high = index;
        }
    }
    (low, high)
}

fn drawdown(curve: &EquityCurve, relative: bool) -> Option<Drawdown> {
    if curve.values.len() < 2 {
        return None;
    }
    let mut before = curve.values[0];
    let changes = curve.points().map(|(time, value)| {
        let change = value - before;
        before = value;
        (time, change)
    });
    max_drawdown(changes, curve.values[0], relative)
}

/// Change from the last value of each UTC day to the next one's.
fn daily_returns(curve: &EquityCurve) -> Vec<f64> {
    let mut closes: Vec<(Millis, f64)> = Vec::new();
    for (time, value) in curve.points() {
        let day = time.div_euclid(DAY);
        match closes.last_mut() {
            Some(last) if last.0 == day => last.1 = value,
            _ => closes.push((day, value)),
        }
    }
    closes.windows(2).map(|pair| pair[1].1 / pair[0].1 - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_closes_with_its_last_value() {
        let curve = EquityCurve { start: 0, step_ms: DAY / 2, values: vec![100.0, 110.0, 105.0, 99.0, 99.0] };
        assert_eq!(daily_returns(&curve), [99.0 / 110.0 - 1.0, 0.0]);
        let stats = WalletStats::new(&curve).unwrap();
        assert_eq!((stats.high_ts, stats.low_ts), (DAY / 2, 3 * DAY / 2));
        assert_eq!((stats.max_drawdown_abs, stats.drawdown_duration.as_str()), (11.0, "1 days 00:00:00"));
        assert!(WalletStats::new(&EquityCurve::default()).is_none());
    }
}
