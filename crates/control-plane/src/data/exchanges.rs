//! The exchanges that are collected from, each with the candles kept of it.

use std::fmt;
use std::sync::Arc;

use tradai_domain::ports::{CandleRepository, ExchangeKey, MarketDataSource};

use crate::{Error, RequestFault};

/// One exchange: where its data comes from, and where its candles are kept.
#[derive(Clone)]
pub struct Exchange {
    /// Its data.
    pub source: Arc<dyn MarketDataSource>,
    /// Its candles, apart from those of any other exchange.
    pub candles: Arc<dyn CandleRepository>,
}

impl Exchange {
    /// Returns its key.
    #[must_use]
    pub fn key(&self) -> &ExchangeKey {
        self.source.exchange()
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exchange").field(self.key()).finish()
    }
}

/// The configured exchanges, in the order of the settings. The first is meant when a request names none.
#[derive(Debug, Clone)]
pub struct Exchanges(Vec<Exchange>);

impl Exchanges {
    /// Returns the exchanges; of two with one key the first counts.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>) -> Self {
        let mut kept: Vec<Exchange> = Vec::with_capacity(exchanges.len());
        for exchange in exchanges {
            if kept.iter().all(|other| other.key() != exchange.key()) {
                kept.push(exchange);
            }
        }
        Self(kept)
    }

    /// Returns the exchange of a key; the first one without a key.
    ///
    /// # Errors
    /// [`Error::Request`] naming those that there are.
    pub fn resolve(&self, key: Option<&ExchangeKey>) -> Result<&Exchange, Error> {
        let found = match key {
            Some(key) => self.0.iter().find(|exchange| exchange.key() == key),
            None => self.0.first(),
        };
        found.ok_or_else(|| {
            let known = self.0.iter().map(|exchange| exchange.key().as_str()).collect::<Vec<_>>().join(", ");
            let reason = match key {
                Some(key) => format!("`{key}` is not configured here; configured are {known}"),
                None => "no exchange is configured".to_owned(),
            };
            Error::Request(vec![RequestFault::new("exchange", reason)])
        })
    }

    /// Iterates over the exchanges, the default first.
    pub fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.0.iter()
    }
}
