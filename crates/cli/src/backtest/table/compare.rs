//! Several results side by side.

use serde::Deserialize;
use tradai_engine::Statistics;

use super::Sheet;
use super::text::{clean, percent, ratio};

/// The numbers that results are compared by, named as in `result.json` under `statistics`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub(crate) struct StatisticsSummary {
    pub(crate) total_trades: usize,
    pub(crate) profit_total_abs: f64,
    pub(crate) profit_total: f64,
    pub(crate) max_drawdown_account: f64,
    pub(crate) sharpe: f64,
    pub(crate) sortino: f64,
    pub(crate) calmar: f64,
    pub(crate) profit_factor: f64,
    pub(crate) winrate: f64,
    pub(crate) market_change: f64,
}

impl From<&Statistics> for StatisticsSummary {
    fn from(s: &Statistics) -> Self {
        Self {
            total_trades: s.total_trades,
            profit_total_abs: s.profit_total_abs,
            profit_total: s.profit_total,
            max_drawdown_account: s.max_drawdown_account,
            sharpe: s.sharpe,
            sortino: s.sortino,
            calmar: s.calmar,
            profit_factor: s.profit_factor,
            winrate: s.winrate,
            market_change: s.market_change,
        }
    }
}

/// Returns a table with one row per result, in the given order; the name is a job, a strategy or both.
pub(crate) fn compare(rows: &[(String, StatisticsSummary)], width: usize) -> String {
    let header = [
        "Result", "Trades", "Profit", "%", "Drawdown", "Sharpe", "Sortino", "Calmar", "Factor", "Win%",
        "Market",
    ];
    let sheet = Sheet { currency: String::new(), decimals: 3, width };
    let rows: Vec<Vec<String>> = rows.iter().map(|(name, summary)| row(&sheet, name, summary)).collect();
    sheet.table("Results", &header, &rows, 1)
}

fn row(sheet: &Sheet, name: &str, s: &StatisticsSummary) -> Vec<String> {
    vec![
        clean(name),
        s.total_trades.to_string(),
        sheet.money(s.profit_total_abs),
        percent(s.profit_total),
        percent(s.max_drawdown_account),
        ratio(s.sharpe),
        ratio(s.sortino),
        ratio(s.calmar),
        ratio(s.profit_factor),
        percent(s.winrate),
        percent(s.market_change),
    ]
}
