//! Trades as rows of a table and as marks on the price chart.

use std::collections::BTreeMap;

use serde::Serialize;
use tradai_domain::Millis;
use tradai_strategy::Trade;

use super::curve::short;

/// Trades a page carries; about 2 MB of JSON.
const MOST_TRADES: usize = 20_000;

/// Trades in the order of closing. Pairs, tags and reasons are numbers into `words`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub(super) struct Trades {
    words: Vec<String>,
    rows: Vec<Row>,
    /// How many there were.
    total: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    /// Number into `words`, as are `tag` and `reason`.
    pair: usize,
    short: u8,
    open: Millis,
    close: Millis,
    open_rate: f64,
    close_rate: Option<f64>,
    stake: f64,
    leverage: f64,
    profit_abs: f64,
    profit: f64,
    tag: usize,
    reason: usize,
    /// Time, price and 1 for an entry or 0 for an exit; empty for trades with one of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fills: Vec<(Millis, f64, u8)>,
}

impl Trades {
    pub(super) fn new(trades: &[Trade]) -> Self {
        let mut words = Words::default();
        let rows = trades.iter().take(MOST_TRADES).map(|trade| row(trade, &mut words)).collect();
        Self { rows, words: words.list, total: trades.len() }
    }
}

/// Strings by number, in the order of their first use.
#[derive(Default)]
struct Words {
    list: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Words {
    fn number(&mut self, word: &str) -> usize {
        if let Some(&number) = self.numbers.get(word) {
            return number;
        }
        self.numbers.insert(word.to_owned(), self.list.len());
        self.list.push(word.to_owned());
        self.list.len() - 1
    }
}

fn row(trade: &Trade, words: &mut Words) -> Row {
    Row {
        pair: words.number(trade.pair.as_str()),
        short: u8::from(trade.is_short),
        open: trade.open_date,
        close: trade.close_date.unwrap_or(trade.open_date),
        open_rate: short(trade.open_rate),
        close_rate: trade.close_rate.map(short),
        stake: short(trade.max_stake_amount),
        leverage: trade.leverage,
        profit_abs: short(trade.close_profit_abs.unwrap_or_default()),
        profit: short(trade.close_profit.unwrap_or_default()),
        tag: words.number(&trade.enter_tag),
        reason: words.number(&trade.exit_reason),
        fills: fills(trade),
    }
}

fn fills(trade: &Trade) -> Vec<(Millis, f64, u8)> {
    let filled = trade.orders.iter().filter_map(|order| Some((order, order.filled_date?)));
    let fills: Vec<_> =
        filled.map(|(order, at)| (at, short(order.price), u8::from(order.is_entry))).collect();
    if fills.len() > 2 { fills } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_numbered_once() {
        let mut words = Words::default();
        let numbers: Vec<usize> = ["b", "a", "b", ""].map(|word| words.number(word)).to_vec();
        assert_eq!(numbers, [0, 1, 0, 2]);
        assert_eq!(words.list, ["b", "a", ""]);
    }
}
