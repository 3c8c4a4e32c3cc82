//! What a run may hold: events of its history.

/// Events of one run: AWS's own bound. A document that goes round in circles, or tries again for ever, ends here.
pub(super) const MAX_EVENTS: u64 = 25_000;
