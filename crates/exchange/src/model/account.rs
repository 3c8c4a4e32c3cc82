//! Balances and the account's own fees.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use tradai_domain::{Millis, Symbol};

use super::datetime;
use crate::Decimal;

/// What an account has of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Balance {
    /// What can be spent.
    pub free: Option<Decimal>,
    /// What orders and positions hold.
    pub used: Option<Decimal>,
    /// Both.
    pub total: Option<Decimal>,
    /// What is owed (margin accounts).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debt: Option<Decimal>,
}

impl Balance {
    /// Computes the one of free, used and total that the exchange did not send.
    #[must_use]
    pub fn completed(mut self) -> Self {
        self.total = self.total.or_else(|| self.free?.checked_add(self.used?));
        self.free = self.free.or_else(|| self.total?.checked_sub(self.used?));
        self.used = self.used.or_else(|| self.total?.checked_sub(self.free?));
        self
    }
}

/// What an account has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Balances {
    /// By unified currency code.
    pub currencies: BTreeMap<String, Balance>,
    /// When the exchange made it.
    pub timestamp: Option<Millis>,
}

impl Serialize for Balances {
    /// In CCXT's structure: by currency, and once more as `free`, `used`, `total` (and `debt`).
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Unified<'a> {
            timestamp: Option<Millis>,
            datetime: Option<String>,
            free: BTreeMap<&'a str, Option<Decimal>>,
            used: BTreeMap<&'a str, Option<Decimal>>,
            total: BTreeMap<&'a str, Option<Decimal>>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            debt: BTreeMap<&'a str, Decimal>,
            #[serde(flatten)]
            currencies: &'a BTreeMap<String, Balance>,
        }
        let column = |pick: fn(&Balance) -> Option<Decimal>| {
            self.currencies.iter().map(|(code, balance)| (code.as_str(), pick(balance))).collect()
        };
        let debts = self.currencies.iter().filter_map(|(code, balance)| Some((code.as_str(), balance.debt?)));
        Unified {
            timestamp: self.timestamp,
            datetime: datetime(self.timestamp),
            free: column(|balance| balance.free),
            used: column(|balance| balance.used),
            total: column(|balance| balance.total),
            debt: debts.collect(),
            currencies: &self.currencies,
        }
        .serialize(serializer)
    }
}

/// The fees of one market for this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TradingFee {
    /// The market.
    pub symbol: Option<Symbol>,
    /// Of a maker, as a fraction of the cost.
    pub maker: Option<Decimal>,
    /// Of a taker, as a fraction of the cost.
    pub taker: Option<Decimal>,
    /// Whether they are fractions.
    pub percentage: Option<bool>,
    /// Whether they depend on the traded volume.
    pub tier_based: Option<bool>,
}
