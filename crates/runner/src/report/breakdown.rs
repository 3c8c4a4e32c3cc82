//! Results by pair, tag, reason and period.

use serde::Serialize;
use tradai_domain::format_utc;
use tradai_engine::Statistics;
use tradai_engine::metrics::{PeriodLine, ResultLine};

use super::curve::short;

/// Lines per table: tags can be made up per trade.
const MOST_LINES: usize = 500;

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Breakdown {
    name: &'static str,
    lines: Vec<Line>,
    /// Lines that did not fit.
    left_out: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Line {
    key: String,
    trades: usize,
    wins: usize,
    draws: usize,
    losses: usize,
    profit_abs: f64,
    /// Profit as a fraction of the starting balance.
    profit: f64,
    /// Mean profit of a trade as a fraction; `None` for periods.
    profit_mean: Option<f64>,
    /// Mean duration; `None` for periods.
    minutes: Option<i64>,
    /// `None` without a loss.
    profit_factor: Option<f64>,
}

/// Returns the tables that have lines.
pub(super) fn all(statistics: &Statistics) -> Vec<Breakdown> {
    let periods = &statistics.periodic_breakdown;
    let tables = [
        results("Pair", &statistics.results_per_pair),
        results("Entry tag", &statistics.results_per_enter_tag),
        results("Exit reason", &statistics.exit_reason_summary),
        results("Entry tag / exit reason", &statistics.mix_tag_stats),
        results("Left open at the end", &statistics.left_open_trades),
        by_period("Weekday", &periods.weekday, statistics, |line| line.date.clone()),
        by_period("Month", &periods.month, statistics, |line| date(line, 7)),
        by_period("Year", &periods.year, statistics, |line| date(line, 4)),
    ];
    tables.into_iter().filter(|table| table.lines.iter().any(|line| line.trades > 0)).collect()
}

fn results(name: &'static str, lines: &[ResultLine]) -> Breakdown {
    // The last line is the total and stays, whatever is left out.
    let total = lines.len().saturating_sub(1);
    let left_out = total.saturating_sub(MOST_LINES);
    let shown = lines.iter().enumerate().filter(|(index, _)| *index < MOST_LINES || *index == total);
    Breakdown { name, lines: shown.map(|(_, line)| result(line)).collect(), left_out }
}

fn result(line: &ResultLine) -> Line {
    Line {
        key: line.key.clone(),
        trades: line.trades,
        wins: line.wins,
        draws: line.draws,
        losses: line.losses,
        profit_abs: short(line.profit_total_abs),
        profit: short(line.profit_total),
        profit_mean: Some(short(line.profit_mean)),
        minutes: Some(line.duration_avg_minutes),
        profit_factor: (line.losses > 0).then(|| short(line.profit_factor)),
    }
}

fn by_period(
    name: &'static str,
    lines: &[PeriodLine],
    statistics: &Statistics,
    key: impl Fn(&PeriodLine) -> String,
) -> Breakdown {
    let left_out = lines.len().saturating_sub(MOST_LINES);
    let line = |line: &PeriodLine| Line {
        key: key(line),
        trades: line.trades,
        wins: line.wins,
        draws: line.draws,
        losses: line.losses,
        profit_abs: short(line.profit_abs),
        profit: short(line.profit_abs / statistics.starting_balance),
        profit_mean: None,
        minutes: None,
        profit_factor: (line.losses > 0).then(|| short(line.profit_factor)),
    };
    Breakdown { name, lines: lines.iter().take(MOST_LINES).map(line).collect(), left_out }
}

/// The first characters of `YYYY-MM-DD`.
fn date(line: &PeriodLine, length: usize) -> String {
    format_utc(line.date_ts).chars().take(length).collect()
}

#[cfg(test)]
mod tests {
    use tradai_engine::metrics::Account;

    use super::*;

    #[test]
    fn the_total_survives_the_cap() {
        let account = Account { starting_balance: 1.0, start: 0, end: 1 };
        let line = |key: String| ResultLine::new(key, &[], &account);
        let mut lines: Vec<ResultLine> = (0..700).map(|tag| line(format!("tag {tag}"))).collect();
        lines.push(line("TOTAL".into()));
        let table = results("Entry tag", &lines);
        assert_eq!((table.lines.len(), table.left_out), (501, 200));
        assert_eq!(table.lines[500].key, "TOTAL");
    }
}
