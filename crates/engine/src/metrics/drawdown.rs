//! Drawdown of a running sum of profits.

use tradai_domain::Millis;
use tradai_strategy::Trade;

use super::profit_abs;

/// The deepest fall below an earlier peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// Depth in the values' own unit, not negative.
    pub drawdown_abs: f64,
    /// Depth as a fraction of the balance at the peak.
    pub relative_account_drawdown: f64,
    /// Moment of the peak.
    pub high_date: Millis,
    /// Moment of the bottom.
    pub low_date: Millis,
    /// Running sum at the peak.
    pub high_value: f64,
    /// Running sum at the bottom.
    pub low_value: f64,
}

/// Returns the deepest fall of the running sum of `changes` (moment and change, oldest first), measured absolutely
/// or, if `relative`, against the balance at the peak. The sum starts at 0, which counts as a peak.
///
/// `None` without changes. With a `starting_balance` of 0 relative depths are not defined and reported as 0.
#[must_use]
pub fn max_drawdown(
    changes: impl Iterator<Item = (Millis, f64)>,
    starting_balance: f64,
    relative: bool,
) -> Option<Drawdown> {
    let mut deepest: Option<Drawdown> = None;
    let (mut sum, mut peak) = (0.0_f64, 0.0_f64);
    let mut peak_date = None;
    for (date, change) in changes {
        sum += change;
        // The zero before the first change carries its date.
        let at_peak = *peak_date.get_or_insert(date);
        let first = deepest.get_or_insert(Drawdown {
            drawdown_abs: 0.0,
            relative_account_drawdown: 0.0,
            high_date: at_peak,
            low_date: at_peak,
            high_value: 0.0,
            low_value: 0.0,
        });
        if sum > peak {
            peak = sum;
            peak_date = Some(date);
            continue;
        }
        let depth = peak - sum;
        let highest = starting_balance + peak;
        let ratio =
            if starting_balance == 0.0 { 0.0 } else { (highest - (starting_balance + sum)) / highest };
        let deeper =
            if relative { ratio > first.relative_account_drawdown } else { depth > first.drawdown_abs };
        if deeper {
            *first = Drawdown {
                drawdown_abs: depth,
                relative_account_drawdown: ratio,
                high_date: at_peak,
                low_date: date,
                high_value: peak,
                low_value: sum,
            };
        }
    }
    deepest
}

/// The drawdown of closed trades, by the time of their closing. (What is left open at the end closes on the last
/// candle of its pair, which may be earlier than the last close of another.)
pub(super) fn trade_drawdown(trades: &[&Trade], starting_balance: f64, relative: bool) -> Option<Drawdown> {
    let dated = |trade: &&Trade| (trade.close_date.unwrap_or(trade.open_date), profit_abs(trade));
    let mut changes: Vec<(Millis, f64)> = trades.iter().map(dated).collect();
    changes.sort_by_key(|&(date, _)| date);
    max_drawdown(changes.into_iter(), starting_balance, relative)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_and_bottom() {
        let changes = [10.0, -4.0, 2.0, -6.0, 20.0, -7.0];
        let dated = || changes.iter().enumerate().map(|(day, &change)| (day as i64, change));
        let absolute = max_drawdown(dated(), 100.0, false).unwrap();
        assert_eq!((absolute.drawdown_abs, absolute.high_date, absolute.low_date), (8.0, 0, 3));
        assert_eq!((absolute.high_value, absolute.low_value), (10.0, 2.0));
        assert_eq!(absolute.relative_account_drawdown, 8.0 / 110.0);
        let small = max_drawdown(dated(), 0.0, false).unwrap();
        assert_eq!(small.relative_account_drawdown, 0.0);
    }

    #[test]
    fn losing_from_the_start_counts_from_zero() {
        let drawdown = max_drawdown([(5, -1.0), (6, -1.0)].into_iter(), 10.0, true).unwrap();
        assert_eq!((drawdown.high_date, drawdown.low_date, drawdown.drawdown_abs), (5, 6, 2.0));
        assert!(max_drawdown(std::iter::empty(), 10.0, true).is_none());
    }
}
