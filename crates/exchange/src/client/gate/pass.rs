//! What callers hold of the gate: a place in the queue, and leave to send.

use std::sync::Arc;

use tradai_domain::Millis;

use super::{Ask, Gate, Waiting};
use crate::Lane;
use crate::client::Breaker;

/// A place in the queue; left when dropped.
pub(super) struct Place<'a> {
    gate: &'a Gate,
    pub(super) ticket: (Lane, u64),
    pub(super) ask: Ask,
}

impl<'a> Place<'a> {
    pub(super) fn new(gate: &'a Gate, ask: Ask) -> Self {
        let mut state = gate.state();
        state.tickets += 1;
        let ticket = (ask.lane, state.tickets);
        state.waiting.insert(ticket, Waiting { base: ask.endpoint.base, budgets: Vec::new() });
        Self { gate, ticket, ask }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.gate.state().waiting.remove(&self.ticket);
        self.gate.changed.notify_waiters();
    }
}

/// Leave to send one request. Its holder reports how that went; dropped without a report, it counts as neither.
pub(crate) struct Pass {
    gate: Arc<Gate>,
    base: &'static str,
    reported: bool,
}

impl Pass {
    pub(super) fn new(gate: &Arc<Gate>, base: &'static str) -> Self {
        Self { gate: Arc::clone(gate), base, reported: false }
    }

    /// The exchange answered, be it with a refusal.
    pub(crate) fn answered(mut self) {
        self.report(|breaker, _| breaker.succeeded());
    }

    /// The exchange did not answer, or said that it is in trouble.
    pub(crate) fn failed(mut self) {
        self.report(Breaker::failed);
    }

    fn report(&mut self, report: impl FnOnce(&mut Breaker, Millis)) {
        self.reported = true;
        let now = self.gate.clock.now_ms();
        let mut state = self.gate.state();
        report(&mut self.gate.host(&mut state, self.base).breaker, now);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let now = self.gate.clock.now_ms();
        {
            let mut state = self.gate.state();
            let host = self.gate.host(&mut state, self.base);
            host.in_flight = host.in_flight.saturating_sub(1);
            if !self.reported {
                host.breaker.abandoned(now);
            }
        }
        self.gate.changed.notify_waiters();
    }
}
