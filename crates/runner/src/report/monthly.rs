//! Returns by month.

use chrono::{DateTime, Datelike};
use serde::Serialize;
use tradai_domain::Millis;
use tradai_engine::Outcome;

const DAY: Millis = 86_400_000;

/// One calendar year (UTC).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Year {
    year: i32,
    /// Return of each month as a fraction; `None` where the backtest has no candle.
    months: [Option<f64>; 12],
    /// Return of the year's part that was tested.
    total: f64,
}

/// Returns the growth of the wallet, mark-to-market, from the end of one month to the end of the next; the last month
/// ends with the final balance, so that all of them together compound to the total profit.
pub(super) fn returns(outcome: &Outcome, starting_balance: f64) -> Vec<Year> {
    let mut ends = month_ends(outcome);
    if let Some(last) = ends.last_mut() {
        last.2 = outcome.final_balance;
    }
    let mut years: Vec<Year> = Vec::new();
    let (mut before, mut year_start) = (starting_balance, starting_balance);
    for (year, month, value) in ends {
        if years.last().is_none_or(|last| last.year != year) {
            year_start = before;
            years.push(Year { year, months: [None; 12], total: 0.0 });
        }
        if let Some(last) = years.last_mut() {
            last.months[month] = Some(growth(before, value));
            last.total = growth(year_start, value);
        }
        before = value;
    }
    years
}

fn growth(before: f64, after: f64) -> f64 {
    if before > 0.0 { after / before - 1.0 } else { 0.0 }
}

/// Year, month (from 0) and last value of every month.
fn month_ends(outcome: &Outcome) -> Vec<(i32, usize, f64)> {
    let mut ends: Vec<(i32, usize, f64)> = Vec::new();
    let mut current_day = None;
    for (time, value) in outcome.equity.points() {
        // The calendar is asked once per day, not once per candle.
        let day = time.div_euclid(DAY);
        if current_day != Some(day) {
            current_day = Some(day);
            let date = DateTime::from_timestamp_millis(time).unwrap_or_default();
            let (year, month) = (date.year(), date.month0() as usize);
            if ends.last().is_none_or(|last| (last.0, last.1) != (year, month)) {
                ends.push((year, month, value));
            }
        }
        if let Some(last) = ends.last_mut() {
            last.2 = value;
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use tradai_engine::{Counters, EquityCurve};

    use super::*;

    #[test]
    fn months_compound_to_the_total() {
        // 2024-12-30 to 2025-02-02, one value per day.
        let start = 1_735_516_800_000;
        let values: Vec<f64> = (0..35).map(|day| 100.0 + f64::from(day)).collect();
        let outcome = Outcome {
            trades: Vec::new(),
            locks: Vec::new(),
            counters: Counters::default(),
            final_balance: 150.0,
            start,
            end: start + 34 * DAY,
            equity: EquityCurve { start, step_ms: DAY, values },
        };
        let years = returns(&outcome, 100.0);
        assert_eq!(years.len(), 2);
        assert_eq!((years[0].year, years[0].months[11]), (2024, Some(101.0 / 100.0 - 1.0)));
        assert_eq!(years[1].months[0], Some(132.0 / 101.0 - 1.0));
        assert_eq!(years[1].months[1], Some(150.0 / 132.0 - 1.0));
        assert_eq!(years[1].months[2], None);
        let all = years.iter().map(|year| 1.0 + year.total).product::<f64>();
        assert!((all - 1.5).abs() < 1e-12);
    }
}
