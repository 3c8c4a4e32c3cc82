//! One host: its breaker, its budgets, and the calls under way.

use std::collections::BTreeMap;
use std::time::Duration;

use tradai_domain::Millis;

use crate::budget::{Budget, Counts};
use crate::client::Breaker;
use crate::client::limiter::{Decision, Limiter};
use crate::{Endpoint, Lane};

/// See the module.
pub(super) struct Host {
    pub(super) breaker: Breaker,
    pub(super) in_flight: u32,
    /// By our clock, so that measuring the exchange's anew does not end a ban.
    pub(super) blocked_until: Millis,
    pub(super) budgets: BTreeMap<&'static str, Counter>,
}

pub(super) struct Counter {
    pub(super) limiter: Limiter,
    pub(super) blocked_until: Millis,
}

/// What a call wants to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) endpoint: &'static Endpoint,
    pub(crate) lane: Lane,
    pub(crate) weight: u32,
    /// How many orders it places.
    pub(crate) orders: u32,
}

/// The moment by both clocks.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub(super) local: Millis,
    pub(super) exchange: Millis,
}

impl Host {
    pub(super) fn counter(&mut self, budgets: &[Budget], name: &str) -> Option<&mut Counter> {
        let budget = budgets.iter().find(|budget| budget.name == name)?;
        let counter = self.budgets.entry(budget.name);
        Some(counter.or_insert_with(|| Counter {
            limiter: Limiter::new(budget.capacity, budget.window),
            blocked_until: 0,
        }))
    }

    /// Returns how long a call has to wait, and adds for which budgets; `None` when it may go. While the host wants
    /// no calls they all are missing.
    pub(super) fn pause(
        &mut self,
        ask: &Ask,
        budgets: &[Budget],
        now: Moment,
        missing: &mut Vec<&'static str>,
    ) -> Option<Duration> {
        let blocked = until(self.blocked_until, now.local);
        let mut pause = blocked;
        for budget in budgets {
            let Some(counter) = self.counter(budgets, budget.name) else { continue };
            let exhausted = until(counter.blocked_until, now.local);
            let check = counter.limiter.check(ask.lane, ask.cost(budget.counts), now.exchange);
            let short = if let Decision::Wait(wait) = check { Some(wait) } else { None };
            let own = exhausted.max(short);
            if own.is_some() || blocked.is_some() {
                missing.push(budget.name);
            }
            pause = pause.max(own);
        }
        pause
    }

    pub(super) fn take(&mut self, ask: &Ask, budgets: &[Budget], now: Moment) {
        self.in_flight += 1;
        for budget in budgets {
            if let Some(counter) = self.counter(budgets, budget.name) {
                counter.limiter.take(ask.cost(budget.counts), now.exchange);
            }
        }
    }
}

impl Ask {
    fn cost(&self, counts: Counts) -> u32 {
        match counts {
            Counts::Weight => self.weight,
            Counts::Calls => 1,
            Counts::Orders => self.orders,
        }
    }
}

fn until(moment: Millis, now: Millis) -> Option<Duration> {
    let left = u64::try_from(moment.saturating_sub(now)).ok().filter(|left| *left > 0)?;
    Some(Duration::from_millis(left))
}
