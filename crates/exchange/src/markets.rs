//! The markets of one exchange, by symbol and by id.

use std::collections::BTreeMap;

use tradai_domain::Symbol;

use crate::model::{Market, MarketKind};
use crate::{Error, ErrorClass};

/// The markets of one exchange.
#[derive(Debug, Clone, Default)]
pub struct Markets {
    list: Vec<Market>,
    by_symbol: BTreeMap<Symbol, usize>,
    by_id: BTreeMap<String, Vec<usize>>,
}

impl Markets {
    /// Indexes a list; of two markets with one symbol the later wins.
    #[must_use]
    pub fn new(list: Vec<Market>) -> Self {
        let mut markets = Self { list, ..Self::default() };
        for (index, market) in markets.list.iter().enumerate() {
            markets.by_symbol.insert(market.symbol.clone(), index);
            markets.by_id.entry(market.id.clone()).or_default().push(index);
        }
        markets
    }

    /// Returns the markets in the order they were listed.
    pub fn iter(&self) -> impl Iterator<Item = &Market> {
        self.list.iter()
    }

    /// Returns the market of a symbol.
    #[must_use]
    pub fn find(&self, symbol: &Symbol) -> Option<&Market> {
        self.by_symbol.get(symbol).and_then(|index| self.list.get(*index))
    }

    /// Returns the market of a symbol.
    ///
    /// # Errors
    /// `BadSymbol` when there is none.
    pub fn get(&self, symbol: &Symbol) -> Result<&Market, Error> {
        self.find(symbol)
            .ok_or_else(|| Error::new(ErrorClass::BadSymbol, format!("there is no market {symbol}")))
    }

    /// Returns the markets that an exchange calls `id`; spot and contracts may share one.
    pub fn with_id(&self, id: &str) -> impl Iterator<Item = &Market> {
        self.by_id.get(id).into_iter().flatten().filter_map(|index| self.list.get(*index))
    }

    /// Returns the market that an exchange calls `id`: the only one, or the first of several that `fits`.
    #[must_use]
    pub fn resolve(&self, id: &str, fits: impl Fn(&Market) -> bool) -> Option<&Market> {
        let mut named = self.with_id(id);
        let first = named.next()?;
        if self.with_id(id).nth(1).is_none() {
            return Some(first);
        }
        self.with_id(id).find(|market| fits(market))
    }

    /// Returns the market of this kind that an exchange calls `id`.
    #[must_use]
    pub fn of_kind(&self, id: &str, kind: MarketKind) -> Option<&Market> {
        self.with_id(id).find(|market| market.kind == kind)
    }
}
