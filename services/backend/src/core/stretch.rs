//! From when on the candles of a job are needed.

use std::collections::BTreeMap;

use tradai_domain::{Millis, Symbol};

use super::needs::{DAY_MS, Need};

/// Days that are collected of a pair of which nothing is stored, for a job that names no first day: as many as
/// Freqtrade's `download-data` gets when it is not told how many.
pub(crate) const DAYS_WITHOUT_START: i64 = 30;

/// Candles of one length and kind, from one moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Which; its padding lies before the start.
    pub(super) need: Need,
    /// The first moment.
    pub(super) start: Millis,
    /// The first moment after; until now without.
    pub(super) end: Option<Millis>,
}

impl Stretch {
    /// Returns how many series it has.
    pub(super) fn series(&self) -> u64 {
        self.need.symbols.len() as u64
    }
}

/// Returns stretches that all begin with the first moment that a job tests.
pub(super) fn from_start(needs: Vec<Need>, start: Millis, end: Option<Millis>) -> Vec<Stretch> {
    needs.into_iter().map(|need| Stretch { need, start, end }).collect()
}

/// Returns the stretches of a job that names no first moment: a pair is tested from its first stored candle on, one of
/// which nothing is stored over the last days. What it is tested on besides begins there, too.
///
/// `stored`: the first stored candle of each pair that has one; `until`: where the test ends, now at the latest.
pub(super) fn from_stored(
    needs: Vec<Need>,
    pairs: &[Symbol],
    stored: &BTreeMap<Symbol, Millis>,
    until: Millis,
    end: Option<Millis>,
) -> Vec<Stretch> {
    let days = (until - DAYS_WITHOUT_START * DAY_MS).max(0);
    let fresh = days - days.rem_euclid(DAY_MS);
    let start_of = |pair: &Symbol| stored.get(pair).copied().unwrap_or(fresh);
    // Another pair that the strategy looks at serves all of them.
    let first = pairs.iter().map(start_of).min().unwrap_or(fresh);
    let mut stretches = Vec::new();
    for need in needs {
        let mut groups: BTreeMap<(Millis, i64), Vec<Symbol>> = BTreeMap::new();
        for symbol in &need.symbols {
            let start = if pairs.contains(symbol) { start_of(symbol) } else { first };
            // Nobody asked for more than is stored; where nothing is, the days that are tested come after the padding.
            let padding_days = if stored.contains_key(symbol) { 0 } else { need.padding_days };
            groups.entry((start, padding_days)).or_default().push(symbol.clone());
        }
        stretches.extend(groups.into_iter().map(|((start, padding_days), symbols)| {
            let need = Need { symbols, padding_days, ..need };
            Stretch { need, start, end }
        }));
    }
    stretches
}

#[cfg(test)]
mod tests {
    use tradai_domain::Timeframe;

    use super::*;

    fn symbols(texts: &[&str]) -> Vec<Symbol> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn need(timeframe: Timeframe, texts: &[&str]) -> Need {
        Need { timeframe, price: "traded", symbols: symbols(texts), padding_days: 2 }
    }

    #[test]
    fn pairs_begin_where_they_are_stored_and_others_thirty_days_ago() {
        let pairs = symbols(&["BTC/USDT", "ETH/USDT"]);
        let stored = [(pairs[0].clone(), 5 * DAY_MS)].into();
        let needs = vec![
            need(Timeframe::M5, &["BTC/USDT", "ETH/USDT"]),
            need(Timeframe::H1, &["ETH/USDT", "SOL/USDT"]),
        ];
        let found = from_stored(needs, &pairs, &stored, 100 * DAY_MS + 7, None);
        let of = |stretch: &Stretch| {
            let names: Vec<String> = stretch.need.symbols.iter().map(ToString::to_string).collect();
            (stretch.need.timeframe, names.join(" "), stretch.start / DAY_MS, stretch.need.padding_days)
        };
        let found: Vec<_> = found.iter().map(of).collect();
        let expected = [
            (Timeframe::M5, "BTC/USDT".to_owned(), 5, 0),
            (Timeframe::M5, "ETH/USDT".to_owned(), 70, 2),
            (Timeframe::H1, "SOL/USDT".to_owned(), 5, 2),
            (Timeframe::H1, "ETH/USDT".to_owned(), 70, 2),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn nothing_begins_before_1970() {
        let pairs = symbols(&["BTC/USDT"]);
        let found =
            from_stored(vec![need(Timeframe::H1, &["BTC/USDT"])], &pairs, &BTreeMap::new(), 5, Some(5));
        assert_eq!((found[0].start, found[0].end), (0, Some(5)));
    }
}
