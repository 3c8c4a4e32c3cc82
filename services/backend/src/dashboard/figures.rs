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
    max_relative_drawdown: f64,
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
    /// Mark to market; not there when there were no candles.
    #[serde(default)]
    wallet_stats: Option<Wallet>,
}

/// What the wallet with its open trades went through.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Wallet {
    max_relative_drawdown: f64,
}

/// What results have in common, and have to for a figure of theirs to be ranked; each holds the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alike {
    /// Nothing: it is a ratio or a count.
    Nothing,
    /// The stake currency.
    Currency,
    /// The stake currency, and what they began with.
    CurrencyAndStart,
}

/// One figure, and how figures of several results are told apart.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) text: String,
    pub(super) tone: &'static str,
    /// What is compared, the larger the better; `None` where neither is better.
    pub(super) rank: Option<f64>,
    pub(super) alike: Alike,
}

impl Figure {
    fn alike(self, alike: Alike) -> Self {
        Self { alike, ..self }
    }
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

    /// Returns what the results of a list have in common.
    pub(super) fn in_common<'a>(all: impl Iterator<Item = &'a Self>) -> Alike {
        let all: Vec<&Self> = all.collect();
        let same = |equal: fn(&Self, &Self) -> bool| all.windows(2).all(|pair| equal(pair[0], pair[1]));
        if !same(|a, b| a.stake_currency == b.stake_currency) {
            Alike::Nothing
        } else if !same(|a, b| a.statistics.starting_balance == b.statistics.starting_balance) {
            Alike::Currency
        } else {
            Alike::CurrencyAndStart
        }
    }

    /// Returns the cells of a list: profit, drawdown, trades, Sharpe.
    pub(super) fn cells(&self) -> Markup {
        let n = &self.statistics;
        let (drawdown, whose) = self.drawdown();
        html! {
            td class=(tone(n.profit_total)) { (percent(n.profit_total)) }
            td title=(whose) { (percent(drawdown)) }
            td { (count(n.total_trades)) }
            td { (ratio(n.sharpe)) }
        }
    }

    /// The largest part that was lost, and of what. What open trades went through shows in the wallet only; without
    /// candles there is none.
    fn drawdown(&self) -> (f64, &'static str) {
        match &self.statistics.wallet_stats {
            Some(wallet) => (wallet.max_relative_drawdown, "of the wallet, open trades included"),
            None => (self.statistics.max_relative_drawdown, "of the balance, closed trades only"),
        }
    }

    /// Returns what a comparison lists.
    pub(super) fn all(&self) -> Vec<Figure> {
        let n = &self.statistics;
        let money = |value: f64| format!("{} {}", number(value), self.stake_currency);
        let wallet = n.wallet_stats.as_ref().map(|wallet| wallet.max_relative_drawdown);
        vec![
            signed("Total profit", percent(n.profit_total), n.profit_total),
            signed("Profit", money(n.profit_total_abs), n.profit_total_abs).alike(Alike::Currency),
            signed("Annual growth (CAGR)", percent(n.cagr), n.cagr),
            plain("Market change", percent(n.market_change), None),
            plain(
                "Max drawdown of the wallet, open trades included",
                wallet.map_or_else(|| NONE.to_owned(), percent),
                wallet.map(|depth| -depth),
            ),
            plain(
                "Max % of account underwater, closed trades",
                percent(n.max_relative_drawdown),
                Some(-n.max_relative_drawdown),
            ),
            plain("Absolute drawdown, closed trades", self.absolute_drawdown(), Some(-n.max_drawdown_abs))
                .alike(Alike::Currency),
            plain("Sharpe", ratio(n.sharpe), defined(n.sharpe)),
            plain("Sortino", ratio(n.sortino), defined(n.sortino)),
            plain("Calmar", ratio(n.calmar), defined(n.calmar)),
            plain(
                "Profit factor",
                if n.losses > 0 { number(n.profit_factor) } else { NONE.into() },
                (n.losses > 0).then_some(n.profit_factor),
            ),
            signed("Expectancy", money(n.expectancy), n.expectancy).alike(Alike::Currency),
            plain("Trades", count(n.total_trades), None),
            plain(
                "Win rate",
                if n.total_trades > 0 { percent(n.winrate) } else { NONE.into() },
                (n.total_trades > 0).then_some(n.winrate),
            ),
            signed("Mean profit per trade", percent(n.profit_mean), n.profit_mean),
            plain("Mean duration", super::text::duration(n.holding_avg_s as i64 * 1_000), None),
            plain("Starting balance", money(n.starting_balance), None),
            plain("Final balance", money(n.final_balance), Some(n.final_balance))
                .alike(Alike::CurrencyAndStart),
        ]
    }

    /// The deepest fall in money, and what part of its peak that one was, which need not be the largest part.
    fn absolute_drawdown(&self) -> String {
        let n = &self.statistics;
        let (depth, share) = (number(n.max_drawdown_abs), percent(n.max_drawdown_account));
        format!("{depth} {} ({share})", self.stake_currency)
    }
}

fn plain(label: &'static str, text: String, rank: Option<f64>) -> Figure {
    Figure { label, text, tone: "", rank, alike: Alike::Nothing }
}

fn signed(label: &'static str, text: String, value: f64) -> Figure {
    Figure { label, text, tone: tone(value), rank: Some(value), alike: Alike::Nothing }
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
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    /// A result of 1,000 → 500 → 10,000 → 9,000 by closed trades, with a wallet that fell further; `scale` is what
    /// money and Sharpe are multiplied with.
    pub(in super::super) fn result(currency: &str, starting_balance: f64, scale: f64) -> Figures {
        let statistics = json!({
            "total_trades": 3, "profit_total": 8.0, "profit_total_abs": 8_000.0 * scale, "max_drawdown_account": 0.1,
            "max_relative_drawdown": 0.5, "max_drawdown_abs": 1_000.0 * scale, "sharpe": scale, "sortino": 1.0, "calmar": 1.0,
            "profit_factor": 6.3, "expectancy": 2_666.0 * scale, "winrate": 0.33, "losses": 2, "profit_mean": 0.5,
            "market_change": 0.2, "cagr": 1.0, "starting_balance": starting_balance, "final_balance": 9_000.0 * scale,
            "holding_avg_s": 60.0, "wallet_stats": {"max_relative_drawdown": 0.62, "max_drawdown_account": 0.1},
        });
        let result = json!({
            "strategy": "EmaCross", "timeframe": "1h", "backtest_start": "2024-01-01", "backtest_end": "2024-02-01",
            "stake_currency": currency, "pairs": [], "statistics": statistics,
        });
        Figures::read(result.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_drawdown_is_the_largest_part_that_was_lost() {
        let mut result = result("USDT", 1_000.0, 1.0);
        assert!(result.cells().into_string().contains("62.00%"), "open trades count");
        let shown = |result: &Figures| {
            let figures = result.all();
            let drawdowns =
                figures.iter().filter(|figure| figure.text.contains('%') && figure.label.contains("Max"));
            drawdowns.map(|figure| (figure.text.clone(), figure.rank)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&result), [("62.00%".to_owned(), Some(-0.62)), ("50.00%".to_owned(), Some(-0.5))]);
        assert!(result.all().iter().any(|figure| figure.text == "1,000.00 USDT (10.00%)"));
        result.statistics.wallet_stats = None;
        assert!(result.cells().into_string().contains("50.00%"), "closed trades, and never the smaller part");
        assert_eq!(shown(&result), [("50.00%".to_owned(), Some(-0.5))]);
    }

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
