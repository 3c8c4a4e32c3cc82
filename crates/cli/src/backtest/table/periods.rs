//! Results by period.

use tradai_domain::format_utc;
use tradai_engine::Statistics;
use tradai_engine::metrics::PeriodLine;

use super::Sheet;
use super::text::{ratio, won};
use crate::backtest::args::Period;

/// Returns the table; nothing without trades.
pub(super) fn table(sheet: &Sheet, period: Period, statistics: &Statistics) -> String {
    let periods = &statistics.periodic_breakdown;
    let (name, lines, characters) = match period {
        Period::Day => ("Day", &periods.day, 10),
        Period::Week => ("Week ending", &periods.week, 10),
        Period::Month => ("Month", &periods.month, 7),
        Period::Year => ("Year", &periods.year, 4),
        Period::Weekday => ("Weekday", &periods.weekday, 0),
    };
    if lines.is_empty() {
        return String::new();
    }
    let profit = format!("Profit {}", sheet.currency);
    let header = [name, "Trades", &profit, "Profit factor", "Win / Draw / Loss  Win%"];
    let rows: Vec<Vec<String>> = lines.iter().map(|line| row(sheet, line, characters)).collect();
    sheet.table(&format!("Results by {} (of closing, UTC)", name.to_lowercase()), &header, &rows, 1)
}

/// `characters` of the date as `YYYY-MM-DD`; 0 for lines that are named.
fn row(sheet: &Sheet, line: &PeriodLine, characters: usize) -> Vec<String> {
    let label = match characters {
        0 => line.date.clone(),
        _ => format_utc(line.date_ts).chars().take(characters).collect(),
    };
    vec![
        label,
        line.trades.to_string(),
        sheet.money(line.profit_abs),
        if line.losses == 0 { "n/a".to_owned() } else { ratio(line.profit_factor) },
        won(line.wins, line.draws, line.losses),
    ]
}
