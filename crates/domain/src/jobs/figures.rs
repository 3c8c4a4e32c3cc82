//! What came of a job, in a few figures.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

/// The figures of a completed backtest that lists and tables show, so that nobody opens its results for them. Names and
/// meanings are those of its statistics; ratios are fractions (0.01 = 1 %). `None` where one is not defined.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JobFigures {
    /// Round trips.
    pub total_trades: Option<Number>,
    /// Part of them that won.
    pub winrate: Option<Number>,
    /// Profit as a part of the starting balance.
    pub profit_total: Option<Number>,
    /// Profit in the stake currency.
    pub profit_total_abs: Option<Number>,
    /// Largest drawdown as a part of the account.
    pub max_drawdown_account: Option<Number>,
    /// What was won for each unit that was lost.
    pub profit_factor: Option<Number>,
    /// Sharpe ratio.
    pub sharpe: Option<Number>,
    /// Sortino ratio.
    pub sortino: Option<Number>,
    /// Calmar ratio.
    pub calmar: Option<Number>,
    /// Growth per year.
    pub cagr: Option<Number>,
    /// What amounts are in.
    pub stake_currency: Option<String>,
}

impl JobFigures {
    /// The names of the figures that are numbers, in the order in which people read them.
    pub const NAMES: [&'static str; 10] = [
        "total_trades",
        "winrate",
        "profit_total",
        "profit_total_abs",
        "max_drawdown_account",
        "profit_factor",
        "sharpe",
        "sortino",
        "calmar",
        "cagr",
    ];

    /// Takes them out of a result document: `stake_currency` and the object `statistics`.
    #[must_use]
    pub fn of_result(result: &Map<String, Value>) -> Self {
        let number = |name: &str| match result.get("statistics")?.get(name)? {
            Value::Number(number) => Some(number.clone()),
            _ => None,
        };
        Self {
            total_trades: number("total_trades"),
            winrate: number("winrate"),
            profit_total: number("profit_total"),
            profit_total_abs: number("profit_total_abs"),
            max_drawdown_account: number("max_drawdown_account"),
            profit_factor: number("profit_factor"),
            sharpe: number("sharpe"),
            sortino: number("sortino"),
            calmar: number("calmar"),
            cagr: number("cagr"),
            stake_currency: result.get("stake_currency").and_then(Value::as_str).map(str::to_owned),
        }
    }

    /// Returns a figure by its name; `None` also where it is not defined.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        let figure = match name {
            "total_trades" => &self.total_trades,
            "winrate" => &self.winrate,
            "profit_total" => &self.profit_total,
            "profit_total_abs" => &self.profit_total_abs,
            "max_drawdown_account" => &self.max_drawdown_account,
            "profit_factor" => &self.profit_factor,
            "sharpe" => &self.sharpe,
            "sortino" => &self.sortino,
            "calmar" => &self.calmar,
            "cagr" => &self.cagr,
            _ => return None,
        };
        figure.as_ref().and_then(Number::as_f64)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_are_taken_out_of_a_result_and_survive_json() {
        let statistics: Map<String, Value> =
            JobFigures::NAMES.iter().zip(1..).map(|(name, n)| ((*name).to_owned(), json!(n))).collect();
        let result = json!({"stake_currency": "USDT", "statistics": statistics});
        let figures = JobFigures::of_result(result.as_object().unwrap());
        for (name, n) in JobFigures::NAMES.iter().zip(1..) {
            assert_eq!(figures.get(name), Some(f64::from(n)), "{name}");
        }
        assert_eq!(figures.stake_currency.as_deref(), Some("USDT"));
        let text = serde_json::to_string(&figures).unwrap();
        assert_eq!(serde_json::from_str::<JobFigures>(&text).unwrap(), figures);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let result = json!({"statistics": {"sharpe": null, "sortino": "x", "total_trades": 0}});
        let figures = JobFigures::of_result(result.as_object().unwrap());
        assert_eq!(figures, JobFigures { total_trades: Some(0.into()), ..JobFigures::default() });
        assert_eq!(JobFigures::of_result(&Map::new()), JobFigures::default());
    }
}
