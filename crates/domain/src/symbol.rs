//! Market symbols in CCXT's unified grammar.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A market: `BTC/USDT` (spot) or `BTC/USDT:USDT` (a perpetual, settled in what follows the colon).
///
/// Ordered and hashed by its text. In file names and store keys `/` and `:` become `_`
/// ([`Symbol::file_stem`]), as Freqtrade writes them. Cheap to clone: every trade carries one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol {
    text: Arc<str>,
    slash: usize,
    colon: Option<usize>,
}

/// The text is no symbol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a symbol; write BASE/QUOTE (BTC/USDT) or BASE/QUOTE:SETTLE (BTC/USDT:USDT)")]
pub struct SymbolError(pub String);

impl Symbol {
    /// Returns the whole text, such as `BTC/USDT:USDT`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the traded currency, `BTC` of `BTC/USDT`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.text[..self.slash]
    }

    /// Returns the pricing currency, `USDT` of `BTC/USDT`.
    #[must_use]
    pub fn quote(&self) -> &str {
        &self.text[self.slash + 1..self.colon.unwrap_or(self.text.len())]
    }

    /// Returns the settlement currency of a derivative; `None` for spot.
    #[must_use]
    pub fn settle(&self) -> Option<&str> {
        self.colon.map(|colon| &self.text[colon + 1..])
    }

    /// Returns whether this is a derivative (it names a settlement currency).
    #[must_use]
    pub fn is_futures(&self) -> bool {
        self.colon.is_some()
    }

    /// Returns the form that file names use: `BTC_USDT`, `BTC_USDT_USDT`.
    #[must_use]
    pub fn file_stem(&self) -> String {
        self.text.replace(['/', ':'], "_")
    }

    /// Parses the form of [`Symbol::file_stem`].
    ///
    /// # Errors
    /// [`SymbolError`] unless the text is two or three codes joined by `_`.
    pub fn from_file_stem(stem: &str) -> Result<Self, SymbolError> {
        let parts: Vec<&str> = stem.split('_').collect();
        match parts.as_slice() {
            [base, quote] => format!("{base}/{quote}").parse(),
            [base, quote, settle] => format!("{base}/{quote}:{settle}").parse(),
            _ => Err(SymbolError(stem.to_owned())),
        }
        .map_err(|_| SymbolError(stem.to_owned()))
    }
}

fn is_code(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 32
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'))
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || SymbolError(text.to_owned());
        let slash = text.find('/').ok_or_else(refused)?;
        let colon = text.find(':');
        if colon.is_some_and(|colon| colon < slash) {
            return Err(refused());
        }
        let symbol = Self { text: text.into(), slash, colon };
        let codes = [Some(symbol.base()), Some(symbol.quote()), symbol.settle()];
        if codes.into_iter().flatten().all(is_code) { Ok(symbol) } else { Err(refused()) }
    }
}

impl TryFrom<String> for Symbol {
    type Error = SymbolError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.text.as_ref().to_owned()
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts_of_spot_and_perpetual() {
        let spot: Symbol = "BTC/USDT".parse().unwrap();
        assert_eq!((spot.base(), spot.quote(), spot.settle()), ("BTC", "USDT", None));
        let swap: Symbol = "1000PEPE/USDT:USDT".parse().unwrap();
        assert_eq!((swap.base(), swap.quote(), swap.settle()), ("1000PEPE", "USDT", Some("USDT")));
        assert_eq!(swap.file_stem(), "1000PEPE_USDT_USDT");
        assert_eq!(Symbol::from_file_stem("1000PEPE_USDT_USDT"), Ok(swap));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "BTC", "/USDT", "BTC/", "BTC:USDT/USDT", "BTC/USDT:", "BTC/US DT", "A/B/C", "../x/y"]
        {
            assert!(text.parse::<Symbol>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>()) {
            if let Ok(symbol) = text.parse::<Symbol>() {
                prop_assert_eq!(symbol.as_str(), text.as_str());
            }
        }
    }
}
