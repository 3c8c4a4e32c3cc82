//! The key figures of a completed backtest, out of its `result.json`.

use maud::{Markup, html};
use serde::Deserialize;

use super::text::{NONE, count, number, percent, tone};

/// What lists and comparisons show of a result.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Figures {
    pub(super) strategy: String,
    #[serde(default)]
    pub(super) synthetic: bool,
    pub(super) timeframe: String,
    pub(super) backtest_start: String,
    pub(super) backtest_end: String,
    pub(super) stake_currency: String,
    pub(super) pairs: Vec<Pair>,
    pub(super) statistics: Numbers,
    /// Effective settings, as given.
    #[serde(default)]
    pub(super) settings: serde_json::Map<String, serde_json::Value>,
}

/// A pair that was tested.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Pair {
    pub(super) pair: String,
}

/// Single numbers by Freqtrade's names. Ratios are -100 where they are not defined.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Numbers {
    total_trades: u64,
    profit_total: f64,
    profit_total_abs: f64,
    max_drawdown_account: f64,
    max_drawdown_abs: f64,
    sharpe: f64,
    sortino: f64,
    calmar: f64,
    profit_factor: f64,
    expectancy: f64,
    winrate: f64,
    losses: u64,
    profit_mean: f64,
    market_change: f64,
    cagr: f64,
    starting_balance: f64,
    final_balance: f64,
    holding_avg_s: f64,
}

/// One figure, and how figures of several results are told apart.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) tone: &'static str,
    /// What is compared, the larger the better; `None` where neither is better.
    pub(super) rank: Option<f64>,
}

impl Figures {
    /// Reads a `result.json`.
    pub(super) fn read(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Returns pairs in few words.
    pub(super) fn pairs(&self) -> String {
        few(self.pairs.iter().map(|pair| pair.pair.as_str()))
    }

    /// Returns the cells of a list: profit, drawdown, trades, Sharpe.
    pub(super) fn cells(&self) -> Markup {
        let n = &self.statistics;
        html! {
            td class=(tone(n.profit_total)) { (percent(n.profit_total)) }
            td { (percent(n.max_drawdown_account)) }
            td { (count(n.total_trades)) }
            td { (ratio(n.sharpe)) }
        }
    }

    /// Returns what a comparison lists.
    pub(super) fn all(&self) -> Vec<Figure> {
        let n = &self.statistics;
        let money = |value: f64| format!("{} {}", number(value), self.stake_currency);
        vec![
            signed("Total profit", percent(n.profit_total), n.profit_total),
            signed("Profit", money(n.profit_total_abs), n.profit_total_abs),
            signed("Annual growth (CAGR)", percent(n.cagr), n.cagr),
            plain("Market change", percent(n.market_change), None),
            plain("Max drawdown", percent(n.max_drawdown_account), Some(-n.max_drawdown_account)),
            plain("Max drawdown, absolute", money(n.max_drawdown_abs), Some(-n.max_drawdown_abs)),
            plain("Sharpe", ratio(n.sharpe), defined(n.sharpe)),
            plain("Sortino", ratio(n.sortino), defined(n.sortino)),
            plain("Calmar", ratio(n.calmar), defined(n.calmar)),
            plain(
                "Profit factor",
                if n.losses > 0 { number(n.profit_factor) } else { NONE.into() },
                (n.losses > 0).then_some(n.profit_factor),
            ),
            signed("Expectancy", money(n.expectancy), n.expectancy),
            plain("Trades", count(n.total_trades), None),
            plain(
                "Win rate",
                if n.total_trades > 0 { percent(n.winrate) } else { NONE.into() },
                Some(n.winrate),
            ),
            signed("Mean profit per trade", percent(n.profit_mean), n.profit_mean),
            plain("Mean duration", super::text::duration(n.holding_avg_s as i64 * 1_000), None),
            plain("Starting balance", money(n.starting_balance), None),
            plain("Final balance", money(n.final_balance), Some(n.final_balance)),
        ]
    }
}

fn plain(label: &'static str, text: String, rank: Option<f64>) -> Figure {
    Figure { label, text, tone: "", rank }
}

fn signed(label: &'static str, text: String, value: f64) -> Figure {
    Figure { label, text, tone: tone(value), rank: Some(value) }
}

/// Freqtrade's mark for a ratio that is not defined is assigned, never computed, so the comparison is exact.
fn defined(ratio: f64) -> Option<f64> {
    Some(ratio).filter(|ratio| *ratio != -100.0 && ratio.is_finite())
}

fn ratio(value: f64) -> String {
    defined(value).map_or_else(|| NONE.to_owned(), number)
}

/// Names the first three, and how many more there are.
pub(super) fn few<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(3).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0..=3 => shown,
        all => format!("{shown} and {} more", all - 3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_defined_is_no_number() {
        assert_eq!((ratio(-100.0).as_str(), ratio(1.5).as_str()), (NONE, "1.50"));
        assert_eq!((defined(f64::NAN), defined(-99.0)), (None, Some(-99.0)));
    }

    #[test]
    fn many_names_are_cut() {
        assert_eq!(few(["a", "b"].into_iter()), "a, b");
        assert_eq!(few(["a", "b", "c", "d", "e"].into_iter()), "a, b, c and 2 more");
    }
}
