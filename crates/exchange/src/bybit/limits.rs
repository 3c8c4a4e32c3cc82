//! What Bybit counts: calls per address in five seconds, and calls per account and endpoint, which its headers tell.

use crate::budget::{Budget, Counts, LimitNote, LimitScope};
use crate::{Endpoint, Error, Headers};

const ADDRESS: Budget = Budget::new("address", Counts::Calls, 600, 5);

/// Endpoints are limited per second; ten is the least that Bybit documents for any that we use.
pub(super) fn budgets(endpoint: &Endpoint) -> Vec<Budget> {
    if endpoint.signed {
        vec![ADDRESS, Budget::new(endpoint.name, Counts::Calls, 10, 1)]
    } else {
        vec![ADDRESS]
    }
}

/// `X-Bapi-Limit-Status` is what is left; the reset time is when that is none any more.
pub(super) fn notes(endpoint: &Endpoint, headers: &Headers) -> Vec<LimitNote> {
    let exhausted = headers.count("X-Bapi-Limit-Status") == Some(0);
    let reset = headers.get("X-Bapi-Limit-Reset-Timestamp").and_then(|text| text.trim().parse().ok());
    let note = |until| LimitNote::Exhausted { budget: endpoint.name, until };
    reset.filter(|_| exhausted && endpoint.signed).map(note).into_iter().collect()
}

/// 403 is about the address, codes are about the endpoint.
pub(super) fn scope(endpoint: &Endpoint, error: &Error) -> LimitScope {
    match error.status {
        Some(403) => LimitScope::Host,
        _ if endpoint.signed => LimitScope::Budget(endpoint.name),
        _ => LimitScope::Host,
    }
}
