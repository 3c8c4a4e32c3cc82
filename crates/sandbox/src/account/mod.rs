//! The one account of the sandbox: balances of both wallets, positions and their settings.

mod ledger;
mod position;

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use tradai_domain::Millis;

pub(crate) use ledger::{Cause, Entry, Ledger};
pub(crate) use position::Position;

use crate::market::Venue;
use crate::order::PositionSide;

/// What is held of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Balance {
    pub(crate) free: Decimal,
    /// Held back by open orders; spot only.
    pub(crate) locked: Decimal,
}

impl Balance {
    pub(crate) fn total(self) -> Decimal {
        self.free + self.locked
    }
}

/// Leverage and margin of a perpetual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leverage {
    pub(crate) leverage: u32,
    pub(crate) is_isolated: bool,
}

impl Default for Leverage {
    fn default() -> Self {
        Self { leverage: 20, is_isolated: false }
    }
}

/// Why a balance changes, and over which market.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Why {
    pub(crate) cause: Cause,
    pub(crate) market: Option<usize>,
}

/// Balances and positions.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) balances: BTreeMap<(Venue, String), Balance>,
    /// By market and side; a closed one stays with amount zero.
    pub(crate) positions: BTreeMap<(usize, PositionSide), Position>,
    pub(crate) leverage: BTreeMap<usize, Leverage>,
    /// Whether long and short positions are kept apart.
    pub(crate) is_hedged: bool,
    pub(crate) is_multi_assets: bool,
    pub(crate) ledger: Ledger,
}

impl Account {
    pub(crate) fn balance(&self, venue: Venue, asset: &str) -> Balance {
        self.balances.get(&(venue, asset.to_owned())).copied().unwrap_or_default()
    }

    /// Changes what is free of an asset, and writes it in the ledger.
    pub(crate) fn change(&mut self, at: Millis, (venue, asset): (Venue, &str), amount: Decimal, why: Why) {
        if amount.is_zero() {
            return;
        }
        self.balances.entry((venue, asset.to_owned())).or_default().free += amount;
        let Why { cause, market } = why;
        self.ledger.enter(Entry { number: 0, at, venue, asset: asset.to_owned(), amount, cause, market });
    }

    /// Moves an amount of a spot asset from free to locked, or back when negative.
    pub(crate) fn lock(&mut self, asset: &str, amount: Decimal) {
        let balance = self.balances.entry((Venue::Spot, asset.to_owned())).or_default();
        balance.free -= amount;
        balance.locked += amount;
    }

    pub(crate) fn leverage_of(&self, market: usize) -> Leverage {
        self.leverage.get(&market).copied().unwrap_or_default()
    }

    pub(crate) fn position(&self, market: usize, side: PositionSide) -> Position {
        self.positions.get(&(market, side)).cloned().unwrap_or_default()
    }
}
