//! The ledger's invariants, checked after every change.
//!
//! The audit keeps sums of its own, made of deposits, executions and funding alone, and compares the account with
//! them. It finds faults of the sandbox; a client's faults show in `repeated_client_ids`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::Engine;
use crate::market::Venue;
use crate::number::{cost, plain};
use crate::order::{Fill, PositionSide, Side};

/// Violations kept; one is enough to stop trusting a run.
const MAX_VIOLATIONS: usize = 100;

/// Client ids counted; later ones are not.
const MAX_CLIENT_IDS: usize = 1_000_000;

/// Sums apart from the account's.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// What every wallet must hold, positions of USD-M aside.
    expected: BTreeMap<(Venue, String), Decimal>,
    /// Signed quantity and value of all executions of a position.
    traded: BTreeMap<(usize, PositionSide), (Decimal, Decimal)>,
    /// Quantity and value of the executions of an order since it was last looked at.
    touched: BTreeMap<u64, (Decimal, Decimal)>,
    accepted: BTreeMap<(Venue, String), u32>,
    pub(crate) violations: Vec<String>,
    pub(crate) checks: u64,
}

impl Audit {
    pub(super) fn deposited(&mut self, venue: Venue, asset: &str, amount: Decimal) {
        *self.expected.entry((venue, asset.to_owned())).or_default() += amount;
    }

    pub(super) fn funded(&mut self, asset: &str, amount: Decimal) {
        self.deposited(Venue::UsdM, asset, amount);
    }

    pub(super) fn insured(&mut self, asset: &str, amount: Decimal) {
        self.deposited(Venue::UsdM, asset, amount);
    }

    /// Counts an accepted client id.
    pub(super) fn accepted(&mut self, venue: Venue, client_id: &str) {
        if self.accepted.len() < MAX_CLIENT_IDS {
            *self.accepted.entry((venue, client_id.to_owned())).or_default() += 1;
        }
    }

    pub(super) fn filled(&mut self, venue: Venue, (base, quote): (&str, &str), fill: &Fill) {
        let sign = if fill.side == Side::Buy { Decimal::ONE } else { -Decimal::ONE };
        if venue == Venue::Spot {
            self.deposited(venue, base, sign * fill.quantity);
            self.deposited(venue, quote, -sign * cost(fill.price, fill.quantity));
        } else {
            let traded = self.traded.entry((fill.market, fill.position_side)).or_default();
            traded.0 += sign * fill.quantity;
            traded.1 += sign * fill.quantity * fill.price;
        }
        self.deposited(venue, &fill.commission_asset, -fill.commission);
        let touched = self.touched.entry(fill.order_id).or_default();
        touched.0 += fill.quantity;
        touched.1 += cost(fill.price, fill.quantity);
    }
}

impl Engine {
    /// Compares the account with the audit's sums, and notes what differs.
    pub(super) fn check(&mut self) {
        self.audit.checks += 1;
        let mut found = Vec::new();
        self.check_wallets(&mut found);
        self.check_locks(&mut found);
        self.check_positions(&mut found);
        self.check_touched(&mut found);
        let room = MAX_VIOLATIONS.saturating_sub(self.audit.violations.len());
        self.audit
            .violations
            .extend(found.into_iter().take(room).map(|what| format!("at {}: {what}", self.now)));
    }

    /// What a wallet holds is what came in, less what went out.
    fn check_wallets(&self, found: &mut Vec<String>) {
        let mut expected = self.audit.expected.clone();
        for (key, (_, value)) in &self.audit.traded {
            let position = self.account.position(key.0, key.1);
            let asset = self.markets[key.0].quote().to_owned();
            *expected.entry((Venue::UsdM, asset)).or_default() += position.cost - value;
        }
        for (key, balance) in &self.account.balances {
            let wanted = expected.get(key).copied().unwrap_or_default();
            if balance.total() != wanted {
                found.push(format!("{} {} is {}, must be {wanted}", key.0, key.1, balance.total()));
            }
            let is_negative = balance.free.is_sign_negative() && !balance.free.is_zero();
            if (is_negative && key.0 == Venue::Spot) || balance.locked < Decimal::ZERO {
                found.push(format!("{} {} is negative: {balance:?}", key.0, key.1));
            }
        }
    }

    /// What is locked is what open orders hold, and each holds what it needs.
    fn check_locks(&self, found: &mut Vec<String>) {
        let mut locked: BTreeMap<&str, Decimal> = BTreeMap::new();
        for (market, of) in self.markets.iter().enumerate().filter(|(_, of)| of.venue == Venue::Spot) {
            for order in self.open_orders(market) {
                let asset = if order.asked.side == Side::Buy { of.quote() } else { of.base() };
                *locked.entry(asset).or_default() += order.locked;
                if order.locked != self.lock_of(order) {
                    found.push(format!(
                        "order {} holds {}, needs {}",
                        order.id,
                        order.locked,
                        self.lock_of(order)
                    ));
                }
                if !order.status.is_open() || order.executed > order.quantity {
                    found.push(format!("order {} is on the book as {:?}", order.id, order.status));
                }
            }
        }
        for ((venue, asset), balance) in &self.account.balances {
            let wanted = locked.get(asset.as_str()).copied().unwrap_or_default();
            if *venue == Venue::Spot && balance.locked != wanted {
                found.push(format!("{asset} has {} locked, orders hold {wanted}", balance.locked));
            }
        }
    }

    fn check_positions(&self, found: &mut Vec<String>) {
        for (key, position) in &self.account.positions {
            let traded = self.audit.traded.get(key).map_or(Decimal::ZERO, |(quantity, _)| *quantity);
            if position.amount != traded {
                let symbol = &self.markets[key.0].id;
                found.push(format!(
                    "position {symbol} {} is {}, traded {traded}",
                    key.1.name(),
                    position.amount
                ));
            }
        }
    }

    /// What an order says it executed is what was executed.
    fn check_touched(&mut self, found: &mut Vec<String>) {
        for (id, (quantity, value)) in &self.audit.touched {
            let Some(order) = self.orders.get(id) else { continue };
            if order.executed != *quantity || order.cost != *value {
                found.push(format!("order {id} executed {}, its fills say {quantity}", order.executed));
            }
        }
        let orders = &self.orders;
        self.audit.touched.retain(|id, _| orders.get(id).is_some_and(|order| order.status.is_open()));
    }

    /// Returns the sums, what went wrong, and which client ids were accepted more than once.
    pub(crate) fn audit_report(&self) -> Value {
        let repeated = self.audit.accepted.iter().filter(|(_, count)| **count > 1);
        let repeated: Vec<Value> = repeated
            .map(|((venue, id), count)| json!({"venue": venue, "client_id": id, "accepted": count}))
            .collect();
        let sums = self.account.ledger.sums.iter().map(|((venue, asset, cause), amount)| {
            json!({"venue": venue, "asset": asset, "cause": cause, "amount": plain(*amount)})
        });
        json!({
            "ok": self.audit.violations.is_empty(),
            "checks": self.audit.checks,
            "violations": self.audit.violations,
            "accepted_client_ids": self.audit.accepted.len(),
            "repeated_client_ids": repeated,
            "sums": sums.collect::<Vec<_>>(),
        })
    }
}
