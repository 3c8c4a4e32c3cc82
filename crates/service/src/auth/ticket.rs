//! Tickets: for a minute and one use, in place of a credential in an address.
//!
//! A ticket is sealed, so that every instance with the same secret knows it, and nothing is kept of it until it is used.
//! That it was used is noted where all instances look; by itself a service notes it in memory.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tracing::warn;
use tradai_domain::access::ApiKeyId;
use tradai_domain::{Clock, Millis};

use super::caller::{Caller, Proof};
use super::keys::random_text;
use super::stored::StoredKeys;
use crate::idempotency::{Begin, Fingerprint, IdempotencyStore, RequestKey};
use crate::problem::{Code, Problem};
use crate::seal::{Seal, TEXT_LENGTH};

/// How long a ticket may wait for its use.
const TTL: Duration = Duration::from_secs(60);
/// How long its use is remembered: longer than it is good, by clocks that differ a little.
const REMEMBERED: Duration = Duration::from_secs(2 * 60);
const PURPOSE: &str = "ticket";

/// Makes tickets and knows them again.
pub(super) struct Tickets {
    seal: Seal,
    used: Arc<dyn IdempotencyStore>,
    clock: Arc<dyn Clock>,
    stored: Option<Arc<StoredKeys>>,
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    /// Makes it one of its own.
    nonce: String,
    name: String,
    role: String,
    /// Until when it is good.
    until: Millis,
    /// Until when what the caller has shown is.
    holds_until: Option<Millis>,
    via: Option<String>,
    /// The key of the state that the caller holds: a ticket ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<ApiKeyId>,
}

impl Tickets {
    /// Services may share a secret, and must not believe one another's tickets: roles are not the same everywhere. `used`
    /// is where uses are noted.
    pub(super) fn new(
        service: &str,
        secret: &SecretString,
        used: Arc<dyn IdempotencyStore>,
        clock: Arc<dyn Clock>,
        stored: Option<Arc<StoredKeys>>,
    ) -> Self {
        let seal = Seal::new(&format!("tradai-service 2026 tickets of {service}"), secret);
        Self { seal, used, clock, stored }
    }

    /// Makes a ticket for a caller, and returns it with the moment until which it is good; `None` when their name is too
    /// long, or the system has no randomness.
    pub(super) fn issue(&self, caller: &Caller) -> Option<(String, Millis)> {
        let Caller { name, role, until: holds_until, via, key, .. } = caller.clone();
        let key = key.map(|key| key.id());
        let nonce = random_text()?;
        let ttl = i64::try_from(TTL.as_millis()).unwrap_or(Millis::MAX);
        let until = holds_until.unwrap_or(Millis::MAX).min(self.clock.now_ms().saturating_add(ttl));
        let ticket = Ticket { nonce, name, role: role.to_string(), until, holds_until, via, key };
        let text = self.seal.seal(PURPOSE, &ticket);
        (text.len() <= TEXT_LENGTH).then_some((text, until))
    }

    /// Returns whose ticket it is, once; `None` when it is none of ours, too old or used.
    ///
    /// # Errors
    /// When it cannot be known whether it was used, or its key revoked.
    pub(super) async fn redeem(&self, text: &str) -> Result<Option<Caller>, Problem> {
        let now = self.clock.now_ms();
        let ticket: Option<Ticket> = self.seal.open(PURPOSE, text);
        let Some(ticket) = ticket.filter(|ticket| ticket.until > now) else { return Ok(None) };
        let Ok(role) = ticket.role.parse() else { return Ok(None) };
        // Before its use is noted: whoever is told to come back later finds it unused.
        let key = match (ticket.key, &self.stored) {
            (None, _) => None,
            (Some(id), Some(stored)) => match stored.find_by_id(id).await? {
                Some(holder) => holder.key,
                None => return Ok(None),
            },
            (Some(_), None) => return Ok(None),
        };
        // Never completed, so that it counts as taken until its time is over.
        let (noted_as, fingerprint) = ticket.noted_as();
        let begun = self.used.begin(&noted_as, fingerprint, now, REMEMBERED).await;
        let later = Duration::from_secs(1);
        match begun {
            Ok(Begin::New) => {}
            Ok(Begin::Full) => {
                return Err(Problem::new(Code::Overloaded, Code::Overloaded.meaning()).retry_after(later));
            }
            Ok(_) => return Ok(None),
            Err(error) => {
                let problem = Problem::new(Code::Unavailable, Code::Unavailable.meaning());
                return Err(problem.retry_after(later).source(error));
            }
        }
        let Ticket { name, holds_until: until, via, .. } = ticket;
        Ok(Some(Caller { name, role, proof: Proof::Ticket, until, via, key }))
    }

    /// Lets a ticket be used again that was redeemed for nothing.
    pub(super) async fn give_back(&self, text: &str) {
        let Some(ticket) = self.seal.open::<Ticket>(PURPOSE, text) else { return };
        if let Err(error) = self.used.release(&ticket.noted_as().0).await {
            warn!(%error, "a ticket counts as used, which was not: {error}");
        }
    }
}

impl Ticket {
    /// What its use is noted as.
    fn noted_as(&self) -> (RequestKey, Fingerprint) {
        let hash = blake3::hash(self.nonce.as_bytes());
        (RequestKey(format!("ticket:{}", hash.to_hex())), Fingerprint(*hash.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::ManualClock;
    use tradai_platform::settings::sections::Role;

    use super::*;
    use crate::MemoryIdempotency;

    fn caller(name: &str) -> Caller {
        Caller {
            name: name.to_owned(),
            role: Role::Trader,
            proof: Proof::ApiKey,
            until: None,
            via: None,
            key: None,
        }
    }

    fn tickets() -> (Tickets, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(1_000));
        (of("a", "one secret", &Arc::default(), &clock), clock)
    }

    fn of(service: &str, secret: &str, used: &Arc<MemoryIdempotency>, clock: &Arc<ManualClock>) -> Tickets {
        Tickets::new(service, &SecretString::from(secret), used.clone(), clock.clone(), None)
    }

    #[tokio::test]
    async fn a_ticket_is_good_once_and_for_a_minute() {
        let (tickets, clock) = tickets();
        let (ticket, until) = tickets.issue(&caller("ann")).unwrap();
        assert_eq!(until, 61_000);
        assert_eq!(tickets.redeem("x").await.unwrap(), None);
        let redeemed = tickets.redeem(&ticket).await.unwrap();
        assert_eq!(redeemed, Some(Caller { proof: Proof::Ticket, ..caller("ann") }));
        assert_eq!(tickets.redeem(&ticket).await.unwrap(), None);
        let (ticket, _) = tickets.issue(&caller("ann")).unwrap();
        clock.advance(60_000);
        assert_eq!(tickets.redeem(&ticket).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_ticket_ends_with_what_it_was_made_from() {
        let (tickets, clock) = tickets();
        let (ticket, until) = tickets.issue(&Caller { until: Some(1_500), ..caller("jwt:ann") }).unwrap();
        assert_eq!(until, 1_500);
        clock.advance(500);
        assert_eq!(tickets.redeem(&ticket).await.unwrap(), None);
    }

    #[tokio::test]
    async fn instances_know_one_anothers_tickets_and_no_other_services() {
        let (used, clock) = (Arc::default(), Arc::new(ManualClock::at(1_000)));
        let [one, two] = ["a", "a"].map(|service| of(service, "one secret", &used, &clock));
        let (ticket, _) = one.issue(&caller("ann")).unwrap();
        for other in [of("b", "one secret", &used, &clock), of("a", "another secret", &used, &clock)] {
            assert_eq!(other.redeem(&ticket).await.unwrap(), None);
        }
        assert!(two.redeem(&ticket).await.unwrap().is_some());
        assert_eq!(one.redeem(&ticket).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_name_that_does_not_fit_gets_no_ticket() {
        let (tickets, _) = tickets();
        assert!(tickets.issue(&caller(&"x".repeat(TEXT_LENGTH))).is_none());
        let (ticket, _) = tickets.issue(&caller(&"x".repeat(TEXT_LENGTH / 2))).unwrap();
        assert!(tickets.redeem(&ticket).await.unwrap().is_some());
    }
}
