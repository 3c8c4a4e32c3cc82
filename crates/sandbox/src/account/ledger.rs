//! Why balances changed.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;
use serde::Serialize;
use tradai_domain::Millis;

use crate::market::Venue;

/// Entries kept; sums are kept of all.
const MAX_ENTRIES: usize = 100_000;

/// Why a balance changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// Put in or taken out by the operator.
    Deposit,
    Trade,
    Fee,
    RealizedPnl,
    Funding,
    /// Loss of a liquidation beyond the margin, borne by the exchange.
    Insurance,
}

impl Cause {
    /// Returns what `/fapi/v1/income` calls it.
    pub(crate) fn income_type(self) -> Option<&'static str> {
        match self {
            Self::Deposit => Some("TRANSFER"),
            Self::Trade => None,
            Self::Fee => Some("COMMISSION"),
            Self::RealizedPnl => Some("REALIZED_PNL"),
            Self::Funding => Some("FUNDING_FEE"),
            Self::Insurance => Some("INSURANCE_CLEAR"),
        }
    }
}

/// One change of a balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Counts from 1.
    pub(crate) number: u64,
    pub(crate) at: Millis,
    pub(crate) venue: Venue,
    pub(crate) asset: String,
    pub(crate) amount: Decimal,
    pub(crate) cause: Cause,
    /// Place of the market in the list; `None` for what concerns none.
    pub(crate) market: Option<usize>,
}

/// All changes of balances: the latest one by one, and the sums of all.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last_number: u64,
    pub(crate) entries: VecDeque<Entry>,
    pub(crate) sums: BTreeMap<(Venue, String, Cause), Decimal>,
}

impl Ledger {
    pub(crate) fn enter(&mut self, mut entry: Entry) {
        self.last_number += 1;
        entry.number = self.last_number;
        *self.sums.entry((entry.venue, entry.asset.clone(), entry.cause)).or_default() += entry.amount;
        if self.entries.len() == MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }
}
