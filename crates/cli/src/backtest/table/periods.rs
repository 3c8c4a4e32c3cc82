//! Results by period.

use tradai_domain::format_utc;
use tradai_engine::Statistics;
use tradai_engine::metrics::PeriodLine;

use super::Sheet;
use super::text::{money, ratio, won};
use crate::backtest::args::Period;

/// Returns the table; nothing without trades.
pub(super) fn table(sheet: &Sheet, period: Period, statistics: &Statistics) -> String {
    let periods = &statistics.periodic_breakdown;
    let (name, lines, characters) = match period {
        Period::Day => ("day", &periods.day, 10),
        Period::Week => ("week ending", &periods.week, 10),
        Period::Month => ("month", &periods.month, 7),
        Period::Year => ("year", &periods.year, 4),
        Period::Weekday => ("weekday", &periods.weekday, 0),
    };
    if lines.is_empty() {
        return String::new();
    }
    let profit = format!("Profit {}", sheet.currency);
    let header = [name, "Trades", &profit, "Profit factor", "Win / Draw / Loss  Win%"];
    let rows: Vec<Vec<String>> = lines.iter().map(|line| row(line, characters)).collect();
    sheet.table(&format!("Results by {name} (of closing, UTC)"), &header, &rows, 1)
}

/// `characters` of the date as `YYYY-MM-DD`; 0 for lines that are named.
fn row(line: &PeriodLine, characters: usize) -> Vec<String> {
    let label = match characters {
        0 => line.date.clone(),
        _ => format_utc(line.date_ts).chars().take(characters).collect(),
    };
    vec![
        label,
        line.trades.to_string(),
        money(line.profit_abs),
        if line.losses == 0 { "n/a".to_owned() } else { ratio(line.profit_factor) },
        won(line.wins, line.draws, line.losses),
    ]
}
