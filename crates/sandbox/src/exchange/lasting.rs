//! Faults that are states of the exchange: set as long as they are in force, as usual without them.

use serde_json::Value;
use tradai_domain::Millis;

use super::Exchange;
use crate::engine::Hiding;
use crate::faults::{Fault, Faults};

impl Exchange {
    /// Replaces the plan.
    pub(crate) fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        for market in &mut self.engine.markets {
            market.gaps = self.faults.gaps(&market.id);
        }
    }

    /// Sets what is in force now.
    pub(super) fn apply_lasting(&mut self, now: Millis) {
        if self.faults.strikes_once(|fault| *fault == Fault::ExpireListenKey, now) {
            self.listen_keys.close();
        }
        for at in 0..self.engine.markets.len() {
            let market = &mut self.engine.markets[at];
            let (mut is_halted, mut is_delisted) = (false, false);
            let mut hiding = Hiding::default();
            let mut filters: &[Value] = &[];
            for rule in self.faults.lasting(now).filter(|rule| rule.is_of(&market.id)) {
                match &rule.fault {
                    Fault::HideOrders { ms } => hiding.orders = *ms,
                    Fault::HideAlgos { ms } => hiding.algos = *ms,
                    Fault::Halt => is_halted = true,
                    Fault::Delist => is_delisted = true,
                    Fault::Filters { filters: changed } => filters = changed,
                    _ => {}
                }
            }
            market.is_halted = is_halted;
            let ends = is_delisted && !market.is_delisted;
            market.is_delisted = is_delisted;
            if !filters.is_empty() || market.filters != market.usual_filters {
                market.set_filters(filters);
            }
            self.engine.hiding[at] = hiding;
            if ends {
                self.engine.end_market(at);
            }
        }
    }

    /// Returns what the exchange's clock shows: its time, unless a fault has it off.
    pub(crate) fn shown_time(&self, now: Millis) -> Millis {
        let off = self.faults.lasting(now).map(|rule| match rule.fault {
            Fault::Skew { ms, drift_ppm } => {
                let running = now - rule.from.unwrap_or(self.start);
                ms.saturating_add(running.saturating_mul(drift_ppm) / 1_000_000)
            }
            _ => 0,
        });
        now.saturating_add(off.sum())
    }
}
