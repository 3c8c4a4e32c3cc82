//! The one way out: who may send now, and who waits.
//!
//! All clones of a client share one gate. It holds the exchange's time, and for every host a breaker, the budgets
//! and the calls under way. Calls wait in the order of their lanes, and in their lane in the order they came; a call
//! waits behind another only where it wants what the other waits for.
//!
//! Invariant: nothing is sent while the exchange wants us to wait, and whatever a caller drops (a place in the queue,
//! a pass, the one try of a half-open breaker) goes to the next.

mod host;
mod pass;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::Notify;
use tradai_domain::{Clock, Millis};

pub(crate) use host::Ask;
use host::{Host, Moment};
pub(crate) use pass::Pass;
use pass::Place;

use super::limiter::lane_share;
use super::{Breaker, BreakerState, ServerTime, Timer};
use crate::budget::{Budget, LimitNote, LimitScope};
use crate::{Adapter, Endpoint, Error, ErrorClass, Lane};

/// What the gate goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GateSettings {
    /// Failures in a row that open a breaker.
    pub(crate) failures_to_open: u32,
    /// How long it is open the first time.
    pub(crate) breaker_pause: Duration,
    /// Calls under way to one host at most.
    pub(crate) max_in_flight: u32,
    /// The longest that a call waits for a budget or a ban.
    pub(crate) max_wait: Duration,
}

/// See the module.
pub(crate) struct Gate {
    adapter: &'static dyn Adapter,
    clock: Arc<dyn Clock>,
    timer: Arc<dyn Timer>,
    settings: GateSettings,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    server_time: ServerTime,
    hosts: BTreeMap<&'static str, Host>,
    waiting: BTreeMap<(Lane, u64), Waiting>,
    tickets: u64,
}

/// How a host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) breaker: BreakerState,
    /// Of the budget of calls, in the current window.
    pub(crate) used: u32,
    pub(crate) capacity: u32,
    pub(crate) window_ms: i64,
    /// Until when the exchange wants no calls.
    pub(crate) blocked_until: Option<Millis>,
}

/// A call in the queue.
struct Waiting {
    base: &'static str,
    /// The budgets it waits for.
    budgets: Vec<&'static str>,
}

enum Turn {
    Go,
    Wait(Duration),
    Behind,
}

impl Gate {
    pub(crate) fn new(
        adapter: &'static dyn Adapter,
        clock: Arc<dyn Clock>,
        timer: Arc<dyn Timer>,
        settings: GateSettings,
    ) -> Self {
        let state = Mutex::new(State::default());
        Self { adapter, clock, timer, settings, state, changed: Notify::new() }
    }

    /// Waits until the call may be sent.
    ///
    /// # Errors
    /// `ExchangeNotAvailable` while the breaker is open; `RateLimitExceeded` when the wait would be too long. Both
    /// say for how long.
    pub(crate) async fn pass(self: &Arc<Self>, ask: Ask) -> Result<Pass, Error> {
        let place = Place::new(self, ask);
        loop {
            let changed = self.changed.notified();
            futures_util::pin_mut!(changed);
            changed.as_mut().enable();
            match self.turn(&place)? {
                Turn::Go => {
                    return Ok(Pass::new(self, ask.endpoint.base));
                }
                Turn::Behind => changed.await,
                Turn::Wait(pause) => match select(self.timer.sleep(pause), changed).await {
                    Either::Left(((), _)) | Either::Right(((), _)) => {}
                },
            }
        }
    }

    fn turn(&self, place: &Place) -> Result<Turn, Error> {
        let mut state = self.state();
        let moment = self.moment(&state);
        let budgets = self.adapter.budgets(place.ask.endpoint);
        let ahead =
            state.waiting.range(..place.ticket).filter(|(_, ahead)| ahead.base == place.ask.endpoint.base);
        let wanted: Vec<&str> = ahead.flat_map(|(_, ahead)| ahead.budgets.iter().copied()).collect();
        let mut missing: Vec<&str> =
            budgets.iter().map(|budget| budget.name).filter(|name| wanted.contains(name)).collect();
        let behind = !missing.is_empty();
        let host = self.host(&mut state, place.ask.endpoint.base);
        if let Some(rest) = host.breaker.refuses(moment.local) {
            return Err(breaker_open(rest));
        }
        let pause = host.pause(&place.ask, &budgets, moment, &mut missing);
        if let Some(waiting) = state.waiting.get_mut(&place.ticket) {
            waiting.budgets = missing;
        }
        if let Some(pause) = pause {
            return if pause > self.settings.max_wait { Err(too_long(pause)) } else { Ok(Turn::Wait(pause)) };
        }
        if behind {
            return Ok(Turn::Behind);
        }
        let host = self.host(&mut state, place.ask.endpoint.base);
        if host.in_flight >= lane_share(self.settings.max_in_flight, place.ask.lane) {
            return Ok(Turn::Behind);
        }
        if !host.breaker.allows(moment.local) {
            return Err(breaker_open(self.settings.breaker_pause));
        }
        host.take(&place.ask, &budgets, moment);
        Ok(Turn::Go)
    }

    /// Takes in what the headers of the answer to a call of `asked`, by our clock, say.
    pub(crate) fn note(&self, endpoint: &Endpoint, notes: &[LimitNote], asked: Millis) {
        let mut state = self.state();
        let moment = self.moment(&state);
        let asked = state.server_time.at(asked);
        let budgets = self.adapter.budgets(endpoint);
        let host = self.host(&mut state, endpoint.base);
        for note in notes {
            match *note {
                LimitNote::Used { budget, used } => {
                    if let Some(counter) = host.counter(&budgets, budget) {
                        counter.limiter.resync(used, asked, moment.exchange);
                    }
                }
                LimitNote::Exhausted { budget, until } => {
                    if let Some(counter) = host.counter(&budgets, budget) {
                        let local = moment.local.saturating_add(until.saturating_sub(moment.exchange));
                        counter.blocked_until = counter.blocked_until.max(local);
                    }
                }
            }
        }
    }

    /// Takes in the capacities that a list of markets names.
    pub(crate) fn set_limits(&self, base: &'static str, limits: &[(&'static str, u32)]) {
        let mut state = self.state();
        let endpoints = self.adapter.endpoints().iter().filter(|endpoint| endpoint.base == base);
        let known: Vec<Budget> = endpoints.flat_map(|endpoint| self.adapter.budgets(endpoint)).collect();
        let host = self.host(&mut state, base);
        for (name, capacity) in limits {
            if let Some(counter) = host.counter(&known, name) {
                counter.limiter.set_capacity(*capacity);
            }
        }
    }

    /// Stops what a refusal for too many calls is about, for as long as it says.
    pub(crate) fn block(&self, endpoint: &Endpoint, error: &Error) {
        if !matches!(error.class, ErrorClass::RateLimitExceeded | ErrorClass::DDoSProtection) {
            return;
        }
        let mut state = self.state();
        let moment = self.moment(&state);
        let after = error.retry_after.and_then(|after| i64::try_from(after.as_millis()).ok()).unwrap_or(0);
        let named = error.retry_at.map_or(0, |at| at.saturating_sub(moment.exchange));
        let until = moment.local.saturating_add(after.max(named).max(0));
        match self.adapter.limit_scope(endpoint, error) {
            LimitScope::Everything => {
                for base in self.adapter.endpoints().iter().map(|endpoint| endpoint.base) {
                    let host = self.host(&mut state, base);
                    host.blocked_until = host.blocked_until.max(until);
                }
            }
            LimitScope::Host => {
                let host = self.host(&mut state, endpoint.base);
                host.blocked_until = host.blocked_until.max(until);
            }
            LimitScope::Budget(name) => {
                let budgets = self.adapter.budgets(endpoint);
                if let Some(counter) = self.host(&mut state, endpoint.base).counter(&budgets, name) {
                    counter.blocked_until = counter.blocked_until.max(until);
                }
            }
        }
    }

    /// Returns the longest that a call waits.
    pub(crate) fn max_wait(&self) -> Duration {
        self.settings.max_wait
    }

    /// Does something with the exchange's time.
    pub(crate) fn server_time<T>(&self, with: impl FnOnce(&mut ServerTime) -> T) -> T {
        with(&mut self.state().server_time)
    }

    /// Returns the exchange's time: ours until it was asked.
    pub(crate) fn exchange_now(&self) -> Millis {
        let state = self.state();
        self.moment(&state).exchange
    }

    /// Returns how the host of an endpoint stands, and the first budget that the endpoint draws on.
    pub(crate) fn standing(&self, endpoint: &Endpoint) -> Standing {
        let mut state = self.state();
        let moment = self.moment(&state);
        let budgets = self.adapter.budgets(endpoint);
        let host = self.host(&mut state, endpoint.base);
        let breaker = host.breaker.state();
        let blocked_until = Some(host.blocked_until).filter(|until| *until > moment.local);
        let first = budgets.first().and_then(|budget| host.counter(&budgets, budget.name));
        let (used, capacity, window_ms) = first.map_or((0, 0, 0), |counter| {
            // Rolls the window on, so that yesterday's count does not show.
            counter.limiter.take(0, moment.exchange);
            (counter.limiter.used(), counter.limiter.capacity(), counter.limiter.window_ms())
        });
        Standing { breaker, used, capacity, window_ms, blocked_until }
    }

    fn moment(&self, state: &State) -> Moment {
        let local = self.clock.now_ms();
        Moment { local, exchange: state.server_time.at(local) }
    }

    fn host<'a>(&self, state: &'a mut State, base: &'static str) -> &'a mut Host {
        state.hosts.entry(base).or_insert_with(|| Host {
            breaker: Breaker::new(self.settings.failures_to_open, self.settings.breaker_pause),
            in_flight: 0,
            blocked_until: 0,
            budgets: BTreeMap::new(),
        })
    }

    /// Every change under the lock is whole before anything can panic.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn breaker_open(rest: Duration) -> Error {
    let mut error = Error::new(
        ErrorClass::ExchangeNotAvailable,
        "the exchange did not answer several times in a row and is left alone for a while",
    );
    error.retry_after = Some(rest);
    error
}

fn too_long(pause: Duration) -> Error {
    let seconds = pause.as_secs_f64().ceil();
    let mut error = Error::new(
        ErrorClass::RateLimitExceeded,
        format!("the budget of calls is used up for another {seconds} s, longer than a call waits"),
    );
    error.retry_after = Some(pause);
    error
}

#[cfg(test)]
mod tests;
