//! Tickets: for a minute and one use, in place of a credential in an address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tradai_domain::{Clock, Millis};

use super::caller::{Caller, Proof};
use super::keys::random_text;

/// How long a ticket may wait for its use.
const TTL_MS: Millis = 60_000;
/// Most tickets that wait.
const MOST: usize = 10_000;
/// Most tickets of one caller that wait; a further one takes the place of the oldest.
const MOST_EACH: usize = 100;

/// The tickets that wait for their use, by hash.
pub(super) struct Tickets {
    clock: Arc<dyn Clock>,
    waiting: Mutex<HashMap<[u8; 32], Ticket>>,
}

struct Ticket {
    caller: Caller,
    until: Millis,
}

impl Tickets {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, waiting: Mutex::default() }
    }

    /// Makes a ticket for a caller, and returns it with the moment until which it is good; `None` when too many wait,
    /// or the system has no randomness.
    pub(super) fn issue(&self, caller: &Caller) -> Option<(String, Millis)> {
        let ticket = random_text()?;
        let now = self.clock.now_ms();
        let until = caller.until.unwrap_or(Millis::MAX).min(now + TTL_MS);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, ticket| ticket.until > now);
        let own = waiting.iter().filter(|(_, ticket)| ticket.caller.name == caller.name);
        let (own, oldest) =
            own.fold((0, None), |(count, oldest): (usize, Option<(Millis, [u8; 32])>), (hash, ticket)| {
                let this = (ticket.until, *hash);
                (count + 1, Some(oldest.map_or(this, |oldest| oldest.min(this))))
            });
        if let Some((_, oldest)) = oldest.filter(|_| own >= MOST_EACH) {
            waiting.remove(&oldest);
        }
        if waiting.len() >= MOST {
            return None;
        }
        waiting.insert(hash(&ticket), Ticket { caller: caller.clone(), until });
        Some((ticket, until))
    }

    /// Returns whose ticket it is, once.
    pub(super) fn redeem(&self, ticket: &str) -> Option<Caller> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = waiting.remove(&hash(ticket))?;
        drop(waiting);
        (ticket.until > self.clock.now_ms()).then_some(Caller { proof: Proof::Ticket, ..ticket.caller })
    }
}

/// Looking a hash up tells nothing by its time: which hashes are near cannot be chosen.
fn hash(ticket: &str) -> [u8; 32] {
    *blake3::hash(ticket.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use tradai_domain::ManualClock;
    use tradai_platform::settings::sections::Role;

    use super::*;

    fn caller(name: &str) -> Caller {
        Caller { name: name.to_owned(), role: Role::Viewer, proof: Proof::ApiKey, until: None, via: None }
    }

    fn tickets() -> (Tickets, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(1_000));
        (Tickets::new(clock.clone()), clock)
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_minute() {
        let (tickets, clock) = tickets();
        let (ticket, until) = tickets.issue(&caller("ann")).unwrap();
        assert_eq!(until, 61_000);
        assert_eq!(tickets.redeem("x"), None);
        assert_eq!(tickets.redeem(&ticket), Some(Caller { proof: Proof::Ticket, ..caller("ann") }));
        assert_eq!(tickets.redeem(&ticket), None);
        let (ticket, _) = tickets.issue(&caller("ann")).unwrap();
        clock.advance(60_000);
        assert_eq!(tickets.redeem(&ticket), None);
    }

    #[test]
    fn a_ticket_ends_with_what_it_was_made_from() {
        let (tickets, clock) = tickets();
        let (ticket, until) = tickets.issue(&Caller { until: Some(1_500), ..caller("jwt:ann") }).unwrap();
        assert_eq!(until, 1_500);
        clock.advance(500);
        assert_eq!(tickets.redeem(&ticket), None);
    }

    #[test]
    fn one_caller_cannot_take_the_others_room() {
        let (tickets, _) = tickets();
        let (others, _) = tickets.issue(&caller("bob")).unwrap();
        let mine: Vec<String> = (0..=MOST_EACH).map(|_| tickets.issue(&caller("ann")).unwrap().0).collect();
        assert_eq!(tickets.waiting.lock().unwrap().len(), MOST_EACH + 1);
        assert_eq!(mine.iter().filter(|ticket| tickets.redeem(ticket).is_some()).count(), MOST_EACH);
        assert!(tickets.redeem(&others).is_some());
    }
}
