//! Results by pair, tag or reason.

use tradai_engine::metrics::ResultLine;

use super::Sheet;
use super::text::{clean, percent, span, won};

/// Returns the table; nothing when no line has a trade.
pub(super) fn table(sheet: &Sheet, heading: &str, key: &str, lines: &[ResultLine]) -> String {
    if lines.iter().all(|line| line.trades == 0) {
        return String::new();
    }
    let profit = format!("Profit {}", sheet.currency);
    let header =
        [key, "Trades", "Mean profit", &profit, "Profit", "Mean duration", "Win / Draw / Loss  Win%"];
    let rows: Vec<Vec<String>> = lines.iter().map(|line| row(sheet, line)).collect();
    sheet.table(heading, &header, &rows, 1)
}

fn row(sheet: &Sheet, line: &ResultLine) -> Vec<String> {
    vec![
        if line.key.is_empty() { "(none)".to_owned() } else { clean(&line.key) },
        line.trades.to_string(),
        percent(line.profit_mean),
        sheet.money(line.profit_total_abs),
        percent(line.profit_total),
        span(line.duration_avg_minutes),
        won(line.wins, line.draws, line.losses),
    ]
}
