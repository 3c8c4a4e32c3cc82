//! Idempotency keys in memory: of one process, lost with it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tradai_domain::Millis;

use super::{Begin, Fingerprint, IdempotencyStore, RequestKey, StoreError, StoredReply};

const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/// A store that holds a bounded number of keys and bytes. When full, the oldest reply makes room; keys in flight
/// never do.
pub struct MemoryIdempotency {
    most_keys: usize,
    most_bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<RequestKey, Entry>,
    reply_bytes: usize,
}

struct Entry {
    fingerprint: Fingerprint,
    /// When it stops counting: the end of the lease, or 24 hours after the reply.
    until: Millis,
    reply: Option<StoredReply>,
}

impl Default for MemoryIdempotency {
    fn default() -> Self {
        Self::new(10_000, 16 * 1024 * 1024)
    }
}

impl MemoryIdempotency {
    /// Returns an empty store of at most `most_keys` keys and `most_bytes` bytes of replies.
    #[must_use]
    pub fn new(most_keys: usize, most_bytes: usize) -> Self {
        Self { most_keys, most_bytes, state: Mutex::default() }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn remove(&mut self, key: &RequestKey) {
        let removed = self.entries.remove(key);
        self.reply_bytes -= removed.and_then(|entry| entry.reply).map_or(0, |reply| reply.body.len());
    }

    fn forget_expired(&mut self, now: Millis) {
        let expired: Vec<RequestKey> =
            self.entries.iter().filter(|(_, entry)| entry.until <= now).map(|(key, _)| key.clone()).collect();
        for key in expired {
            self.remove(&key);
        }
    }

    /// Forgets the oldest reply. `false` if there is none.
    fn forget_oldest(&mut self) -> bool {
        let replies = self.entries.iter().filter(|(_, entry)| entry.reply.is_some());
        let oldest = replies.min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
        oldest.inspect(|key| self.remove(key)).is_some()
    }
}

#[async_trait::async_trait]
impl IdempotencyStore for MemoryIdempotency {
    async fn begin(
        &self,
        key: &RequestKey,
        fingerprint: Fingerprint,
        now: Millis,
        lease: Duration,
    ) -> Result<Begin, StoreError> {
        Ok(self.with(|state| {
            if let Some(entry) = state.entries.get(key).filter(|entry| entry.until > now) {
                return match &entry.reply {
                    _ if entry.fingerprint != fingerprint => Begin::OtherRequest,
                    Some(reply) => Begin::Replay(reply.clone()),
                    None => Begin::InFlight,
                };
            }
            state.remove(key);
            if state.entries.len() >= self.most_keys {
                state.forget_expired(now);
            }
            if state.entries.len() >= self.most_keys && !state.forget_oldest() {
                return Begin::Full;
            }
            let until = now.saturating_add(Millis::try_from(lease.as_millis()).unwrap_or(DAY_MS));
            state.entries.insert(key.clone(), Entry { fingerprint, until, reply: None });
            Begin::New
        }))
    }

    async fn complete(&self, key: &RequestKey, reply: StoredReply, now: Millis) -> Result<(), StoreError> {
        self.with(|state| {
            let size = reply.body.len();
            while state.reply_bytes + size > self.most_bytes && state.forget_oldest() {}
            if let Some(entry) = state.entries.get_mut(key) {
                let before = entry.reply.replace(reply).map_or(0, |reply| reply.body.len());
                entry.until = now.saturating_add(DAY_MS);
                state.reply_bytes = state.reply_bytes + size - before;
            }
        });
        Ok(())
    }

    async fn release(&self, key: &RequestKey) -> Result<(), StoreError> {
        self.with(|state| {
            if state.entries.get(key).is_some_and(|entry| entry.reply.is_none()) {
                state.remove(key);
            }
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(60);

    fn key(name: &str) -> RequestKey {
        RequestKey::new("ann", "/jobs", name)
    }

    fn print(body: &str) -> Fingerprint {
        Fingerprint::of("", body.as_bytes())
    }

    fn reply(body: &str) -> StoredReply {
        StoredReply { status: 201, headers: Vec::new(), body: body.as_bytes().to_vec() }
    }

    async fn begin(store: &MemoryIdempotency, name: &str, body: &str, now: Millis) -> Begin {
        store.begin(&key(name), print(body), now, LEASE).await.unwrap()
    }

    #[tokio::test]
    async fn a_key_is_taken_then_replayed_for_a_day() {
        let store = MemoryIdempotency::default();
        assert_eq!(begin(&store, "k", "x", 0).await, Begin::New);
        assert_eq!(begin(&store, "k", "x", 1).await, Begin::InFlight);
        assert_eq!(begin(&store, "k", "y", 1).await, Begin::OtherRequest);
        store.complete(&key("k"), reply("done"), 10).await.unwrap();
        store.release(&key("k")).await.unwrap();
        assert_eq!(begin(&store, "k", "x", DAY_MS + 9).await, Begin::Replay(reply("done")));
        assert_eq!(begin(&store, "k", "y", DAY_MS + 9).await, Begin::OtherRequest);
        assert_eq!(begin(&store, "k", "y", DAY_MS + 10).await, Begin::New);
    }

    #[tokio::test]
    async fn a_released_or_abandoned_key_is_free() {
        let store = MemoryIdempotency::default();
        assert_eq!(begin(&store, "k", "x", 0).await, Begin::New);
        store.release(&key("k")).await.unwrap();
        assert_eq!(begin(&store, "k", "x", 0).await, Begin::New);
        assert_eq!(begin(&store, "k", "x", 60_000).await, Begin::New);
    }

    #[tokio::test]
    async fn replies_make_room_and_requests_in_flight_do_not() {
        let store = MemoryIdempotency::new(2, 10);
        assert_eq!(begin(&store, "a", "", 0).await, Begin::New);
        assert_eq!(begin(&store, "b", "", 0).await, Begin::New);
        assert_eq!(begin(&store, "c", "", 0).await, Begin::Full);
        store.complete(&key("a"), reply("12345678"), 1).await.unwrap();
        store.complete(&key("b"), reply("12345678"), 2).await.unwrap();
        assert_eq!(begin(&store, "b", "", 3).await, Begin::Replay(reply("12345678")));
        assert_eq!(begin(&store, "a", "", 3).await, Begin::New);
    }
}
