//! What may go wrong in a schedule, and how often.
//!
//! The bounds are what the store assumes of its surroundings (docs/adr/0005): a request that was sent takes
//! effect within [`REQUEST_LIFE`] or never, and clocks differ by at most twice [`SKEW`].

use tradai_domain::Millis;

use crate::disk::Action;
use crate::random::Random;

pub(crate) const SECOND: Millis = 1_000;
pub(crate) const MINUTE: Millis = 60 * SECOND;
pub(crate) const HOUR: Millis = 60 * MINUTE;
pub(crate) const DAY: Millis = 24 * HOUR;

/// The shortest grace period that collectors accept.
pub(crate) use tradai_timeseries::store::MIN_GRACE_MS as MIN_GRACE;

/// Longest time between sending a request and its effect.
pub(crate) const REQUEST_LIFE: Millis = 30 * MINUTE;

/// Longest distance of a process's clock from the storage's.
pub(crate) const SKEW: Millis = 4 * MINUTE;

/// What happens to a request or to the process that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is stored and the answer says so. A torn put is this too: its contract says all or nothing.
    FailBefore,
    /// It took effect, and the answer is an error.
    FailAfter,
    /// The answer is an error, and it takes effect minutes later; a hint, days later.
    Late,
    /// The process stands still before the request leaves it.
    FreezeBefore,
    /// The process stands still before it sees the answer.
    FreezeAfter,
    /// The process dies before the request leaves it.
    CrashBefore,
    /// The process dies before it sees the answer.
    CrashAfter,
    /// A listing is put together from two pages, minutes apart.
    TwoPages,
    /// The process's clock steps.
    ClockStep,
}

pub(crate) const FAULTS: [Fault; 9] = [
    Fault::FailBefore,
    Fault::FailAfter,
    Fault::Late,
    Fault::FreezeBefore,
    Fault::FreezeAfter,
    Fault::CrashBefore,
    Fault::CrashAfter,
    Fault::TwoPages,
    Fault::ClockStep,
];

/// How often each fault strikes, of ten thousand requests.
#[derive(Debug, Clone)]
pub(crate) struct Faults {
    rates: [u64; FAULTS.len()],
}

impl Faults {
    /// Returns random faults: each kind is absent, rare or frequent, so that the rare ones do not drown in the
    /// others.
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut rates = [0; FAULTS.len()];
        for rate in &mut rates {
            *rate = *random.pick(&[0, 0, 40, 150, 400]);
        }
        Self { rates }
    }

    pub(crate) fn none() -> Self {
        Self { rates: [0; FAULTS.len()] }
    }

    /// Returns the same without one kind.
    pub(crate) fn without(&self, fault: Fault) -> Self {
        let mut rates = self.rates;
        rates[position(fault)] = 0;
        Self { rates }
    }

    pub(crate) fn kinds(&self) -> Vec<Fault> {
        FAULTS.into_iter().filter(|&fault| self.rates[position(fault)] > 0).collect()
    }

    /// Draws the fate of a request. Freezes favour the moments that matter.
    pub(crate) fn draw(&self, action: &Action, random: &mut Random) -> Option<Fault> {
        for fault in FAULTS {
            let delicate = matches!(fault, Fault::FreezeBefore | Fault::FreezeAfter | Fault::CrashAfter)
                && (action.writes() || action.key().contains("/v/"))
                && !action.is_hint();
            let is_hint = fault == Fault::Late && action.is_hint();
            let rate = self.rates[position(fault)] * if delicate || is_hint { 3 } else { 1 };
            if rate > 0 && random.chance(rate) && applies(fault, action) {
                return Some(fault);
            }
        }
        None
    }
}

fn applies(fault: Fault, action: &Action) -> bool {
    match fault {
        Fault::FailAfter | Fault::Late => action.writes(),
        Fault::TwoPages => matches!(action, Action::List(_)),
        _ => true,
    }
}

pub(crate) fn position(fault: Fault) -> usize {
    FAULTS.iter().position(|&known| known == fault).unwrap_or(0)
}

/// Draws how long after its timeout a late request takes effect.
pub(crate) fn lateness(action: &Action, random: &mut Random) -> Millis {
    // Nobody trusts a hint, so that it may come at any time.
    let most = if action.is_hint() { 2 * DAY } else { REQUEST_LIFE };
    random.between(MINUTE, most)
}

/// Draws how long a process stands still: seconds, less than the grace period, more, or days.
pub(crate) fn freeze(random: &mut Random) -> Millis {
    match random.below(10) {
        0 => random.between(SECOND, MINUTE),
        1 | 2 => random.between(MINUTE, HOUR),
        3..=8 => random.between(HOUR, 8 * HOUR),
        _ => random.between(8 * HOUR, 3 * DAY),
    }
}

/// Draws how long a request takes, one way.
pub(crate) fn latency(random: &mut Random) -> Millis {
    match random.below(20) {
        0 => random.between(SECOND, 20 * SECOND),
        _ => random.between(1, 60),
    }
}
