//! What an exchange counts of the calls made to it, and what its answers say about those counts.

use std::time::Duration;

use tradai_domain::Millis;

/// What a call takes from a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counts {
    /// Its weight.
    Weight,
    /// One.
    Calls,
    /// One for each order that it places.
    Orders,
}

/// One of the budgets that a call draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// What it is called; unique within a host.
    pub name: &'static str,
    /// How much a window holds until the exchange says otherwise.
    pub capacity: u32,
    /// How long a window is.
    pub window: Duration,
    /// What a call takes.
    pub counts: Counts,
}

impl Budget {
    pub(crate) const fn new(name: &'static str, counts: Counts, capacity: u32, seconds: u64) -> Self {
        Self { name, capacity, window: Duration::from_secs(seconds), counts }
    }
}

/// What the headers of an answer say about a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitNote {
    /// So much of it is used in the current window.
    Used {
        /// Which budget.
        budget: &'static str,
        /// How much.
        used: u32,
    },
    /// It is used up until this moment of the exchange's time.
    Exhausted {
        /// Which budget.
        budget: &'static str,
        /// Until when.
        until: Millis,
    },
}

/// What a refusal for too many calls is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// Every call to every host: the address is banned.
    Everything,
    /// Every call to the host.
    Host,
    /// Calls that draw on this budget.
    Budget(&'static str),
}
