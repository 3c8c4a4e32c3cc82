//! Curves, thinned to what a screen can show.

use serde::Serialize;
use tradai_domain::Millis;
use tradai_engine::{EquityCurve, Outcome};

/// Points per curve.
const MOST_POINTS: usize = 3_000;

/// A line: moments (milliseconds, ascending) and values.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Curve {
    time: Vec<Millis>,
    value: Vec<f64>,
}

impl Curve {
    /// Thins `values` and dates what is left.
    fn new(values: &[f64], time_of: impl Fn(usize) -> Millis) -> Self {
        let kept = kept(values, MOST_POINTS);
        Self {
            time: kept.iter().map(|&index| time_of(index)).collect(),
            value: kept.iter().map(|&index| short(values[index])).collect(),
        }
    }
}

/// The wallet, what is below its peak, and the profit of closed trades.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Curves {
    /// Value of the account at candle opens, in stake currency.
    wallet: Curve,
    /// Fraction below the highest value so far, at most 0.
    drawdown: Curve,
    /// Starting balance and closed profit, in stake currency.
    closed: Curve,
}

impl Curves {
    pub(super) fn new(outcome: &Outcome, starting_balance: f64) -> Self {
        let equity = &outcome.equity;
        let at = |index: usize| equity.start + i64::try_from(index).unwrap_or_default() * equity.step_ms;
        Self {
            wallet: Curve::new(&equity.values, at),
            drawdown: Curve::new(&drawdowns(equity, starting_balance), at),
            closed: closed(outcome, starting_balance),
        }
    }
}

fn drawdowns(equity: &EquityCurve, starting_balance: f64) -> Vec<f64> {
    let mut peak = starting_balance;
    let below = |value: &f64| {
        peak = peak.max(*value);
        if peak > 0.0 { value / peak - 1.0 } else { 0.0 }
    };
    equity.values.iter().map(below).collect()
}

fn closed(outcome: &Outcome, starting_balance: f64) -> Curve {
    let mut balance = starting_balance;
    let (mut times, mut values) = (vec![outcome.start], vec![balance]);
    for trade in &outcome.trades {
        balance += trade.close_profit_abs.unwrap_or_default();
        times.push(trade.close_date.unwrap_or(trade.open_date));
        values.push(balance);
    }
    times.push(outcome.end);
    values.push(balance);
    Curve::new(&values, |index| times[index])
}

/// Indices of at most `most` values (at least 4): the first, the last, and the lowest and highest of every bucket,
/// so that no spike is lost.
pub(crate) fn kept(values: &[f64], most: usize) -> Vec<usize> {
    if values.len() <= most {
        return (0..values.len()).collect();
    }
    let buckets = most / 2 - 1;
    let mut kept = vec![0];
    for bucket in 0..buckets {
        let (from, to) = (bucket * values.len() / buckets, (bucket + 1) * values.len() / buckets);
        let by_value = |one: &usize, other: &usize| values[*one].total_cmp(&values[*other]);
        kept.extend((from..to).min_by(by_value));
        kept.extend((from..to).max_by(by_value));
    }
    kept.push(values.len() - 1);
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Eight significant digits: finer than any screen, half the bytes of a full `f64`.
pub(super) fn short(value: f64) -> f64 {
    format!("{value:.7e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thinning_keeps_ends_and_extremes() {
        let mut values: Vec<f64> = (0..105_000).map(|at| (f64::from(at) / 900.0).sin()).collect();
        values[77_777] = 9.0;
        values[33_333] = -9.0;
        let kept = kept(&values, MOST_POINTS);
        assert!(kept.len() <= MOST_POINTS, "{}", kept.len());
        for index in [0, 33_333, 77_777, 104_999] {
            assert!(kept.contains(&index), "lost {index}");
        }
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn short_curves_stay_whole() {
        assert_eq!(kept(&[1.0, 2.0], MOST_POINTS), [0, 1]);
        assert_eq!(kept(&[], MOST_POINTS), [0; 0]);
        assert_eq!(kept(&[5.0; 10], 4), [0, 9]);
    }

    #[test]
    fn drawdown_counts_from_the_starting_balance() {
        let equity = EquityCurve { start: 0, step_ms: 1, values: vec![90.0, 110.0, 99.0] };
        let below = drawdowns(&equity, 100.0);
        assert!((below[0] + 0.1).abs() < 1e-12 && below[1] == 0.0 && (below[2] + 0.1).abs() < 1e-12);
    }

    #[test]
    fn eight_digits() {
        assert_eq!(short(1_234.567_891_23), 1_234.567_9);
        assert_eq!(short(0.0), 0.0);
    }
}
