//! Our own ids of orders: how to make them, and which ones this process has sent.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tradai_domain::{Millis, Symbol};

use super::Client;
use crate::base::signing::{hex, sha256};
use crate::model::{Order, OrderStatus};
use crate::{Error, ErrorClass};

/// Ids that are remembered. Of more, the oldest that the exchange is known to have is forgotten; while none is, no new
/// id is taken on.
const REMEMBERED: usize = 10_000;

/// Returns the id of an order: the same for the same strategy, session and number, 32 characters that every exchange
/// takes. A caller that stores the number before it sends can find the order again, whatever happens to itself.
#[must_use]
pub fn client_order_id(strategy: &str, session: &str, number: u64) -> String {
    let mut text = Vec::with_capacity(strategy.len() + session.len() + 24);
    for part in [strategy.as_bytes(), session.as_bytes()] {
        // With its length, so that no two pairs run together into one text.
        text.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        text.extend(part);
    }
    text.extend(number.to_be_bytes());
    let mut id = hex(&sha256(&text));
    id.truncate(32);
    id
}

type Key = (Symbol, String);

/// How the last order of an id ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// It is being placed.
    Busy,
    /// Its placing was left, or came to no end: it may be there. Until this moment it may still get there.
    Loose { expires: Millis },
    /// The exchange has it.
    Placed,
}

/// The orders this process has sent, by id: the last 10,000. Those whose outcome is open are never forgotten.
#[derive(Debug, Default)]
pub(super) struct SentOrders(Mutex<Sent>);

#[derive(Debug, Default)]
struct Sent {
    marks: BTreeMap<Key, Mark>,
    oldest_first: VecDeque<Key>,
}

/// What is known of an id before its order is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    New,
    /// It was sent, and may be there; until this moment it may still get there.
    Loose { expires: Millis },
    /// The exchange has it, or had it.
    Placed,
}

impl SentOrders {
    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sent {
    fn set(&mut self, key: &Key, mark: Mark) {
        if self.marks.insert(key.clone(), mark).is_none() {
            self.oldest_first.push_back(key.clone());
        }
    }

    /// Makes room for another id; returns whether there is.
    fn make_room(&mut self) -> bool {
        if self.marks.len() < REMEMBERED {
            return true;
        }
        let marks = &self.marks;
        let is_placed = |key: &Key| marks.get(key) == Some(&Mark::Placed);
        let Some(oldest) = self.oldest_first.iter().position(is_placed) else { return false };
        if let Some(key) = self.oldest_first.remove(oldest) {
            self.marks.remove(&key);
        }
        true
    }

    fn remove(&mut self, key: &Key) {
        self.marks.remove(key);
        self.oldest_first.retain(|known| known != key);
    }
}

/// An order being placed. Dropped before it is said how that ended, the order counts as on its way: who places it
/// again is made to look for it first.
pub(super) struct Placing {
    client: Client,
    key: Key,
    ended: bool,
}

impl Placing {
    /// Marks an order as being placed, and tells what is known of its id.
    ///
    /// # Errors
    /// `DuplicateOrderId` while another caller places it; `OperationRejected` when the outcome of so many orders is
    /// open that no more can be remembered.
    pub(super) fn begin(client: &Client, symbol: &Symbol, id: &str) -> Result<(Self, Known), Error> {
        let key = (symbol.clone(), id.to_owned());
        let mut sent = client.0.sent_orders.lock();
        let known = match sent.marks.get(&key) {
            None => Known::New,
            Some(Mark::Loose { expires }) => Known::Loose { expires: *expires },
            Some(Mark::Placed) => Known::Placed,
            Some(Mark::Busy) => {
                let text = format!("order {id} of {symbol} is being placed already");
                return Err(Error::new(ErrorClass::DuplicateOrderId, text));
            }
        };
        if known == Known::New && !sent.make_room() {
            let text =
                format!("the outcome of {REMEMBERED} orders is open; order {id} of {symbol} was not sent");
            return Err(Error::new(ErrorClass::OperationRejected, text));
        }
        sent.set(&key, Mark::Busy);
        drop(sent);
        Ok((Self { client: client.clone(), key, ended: false }, known))
    }

    /// The exchange has it.
    pub(super) fn placed(mut self) {
        self.end(Some(Mark::Placed));
    }

    /// The exchange surely does not have it.
    pub(super) fn not_placed(mut self) {
        self.end(None);
    }

    /// It was not sent this time: what was known of it holds.
    pub(super) fn back_to(mut self, known: Known) {
        self.end(match known {
            Known::New => None,
            Known::Loose { expires } => Some(Mark::Loose { expires }),
            Known::Placed => Some(Mark::Placed),
        });
    }

    /// Returns whether an order that the exchange took in is the one being placed.
    pub(super) fn is_of(&self, order: &Order) -> bool {
        let taken = order.id.is_some() && order.status != Some(OrderStatus::Rejected);
        taken && order.client_order_id.as_deref() == Some(self.key.1.as_str())
    }

    fn end(&mut self, mark: Option<Mark>) {
        self.ended = true;
        let mut sent = self.client.0.sent_orders.lock();
        match mark {
            Some(mark) => sent.set(&self.key, mark),
            None => sent.remove(&self.key),
        }
    }
}

impl Drop for Placing {
    fn drop(&mut self) {
        if !self.ended {
            let expires = self.client.exchange_now().saturating_add(self.client.accepted_for());
            self.end(Some(Mark::Loose { expires }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Adapter, binance, bybit, okx};

    #[test]
    fn ids_repeat_differ_and_fit_every_exchange() {
        let id = client_order_id("trend", "2024-01-01", 7);
        assert_eq!(id, client_order_id("trend", "2024-01-01", 7));
        assert_eq!(id.len(), 32);
        for other in [
            client_order_id("trend", "2024-01-01", 8),
            client_order_id("trend2", "024-01-01", 7),
            client_order_id("", "trend2024-01-01", 7),
        ] {
            assert_ne!(id, other);
        }
        let adapters: [&dyn Adapter; 3] = [&binance::SPOT, &bybit::FUTURES, &okx::SPOT];
        for adapter in adapters {
            assert_eq!(adapter.check_client_order_id(&id), Ok(()), "{}", adapter.key());
        }
    }

    #[test]
    fn each_exchange_has_its_grammar() {
        let cases: [(&dyn Adapter, &str, bool); 8] = [
            (&binance::SPOT, "a.B:c/d_e-1", true),
            (&binance::SPOT, "a b", false),
            (&bybit::FUTURES, "a-b_C1", true),
            (&bybit::FUTURES, "a.b", false),
            (&bybit::FUTURES, &"x".repeat(37), false),
            (&okx::SPOT, "abc123XYZ", true),
            (&okx::SPOT, "a-b", false),
            (&okx::SPOT, &"x".repeat(33), false),
        ];
        for (adapter, id, fine) in cases {
            assert_eq!(adapter.check_client_order_id(id).is_ok(), fine, "{} {id}", adapter.key());
            assert!(adapter.check_client_order_id("").is_err());
        }
    }

    #[test]
    fn the_oldest_id_that_was_placed_is_forgotten_first() {
        let symbol: Symbol = "BTC/USDT".parse().unwrap();
        let key = |number: usize| (symbol.clone(), number.to_string());
        let mut sent = Sent::default();
        sent.set(&key(0), Mark::Busy);
        sent.set(&key(1), Mark::Loose { expires: 0 });
        for number in 2..=REMEMBERED {
            assert!(sent.make_room());
            sent.set(&key(number), Mark::Placed);
        }
        assert_eq!((sent.marks.len(), sent.oldest_first.len()), (REMEMBERED, REMEMBERED));
        assert!(!sent.marks.contains_key(&key(2)));
        assert!(sent.marks.contains_key(&key(0)) && sent.marks.contains_key(&key(1)));
        sent.remove(&key(3));
        assert_eq!((sent.marks.len(), sent.oldest_first.len()), (REMEMBERED - 1, REMEMBERED - 1));
        assert!(sent.make_room());
        sent.set(&key(3), Mark::Busy);
        for number in 4..=REMEMBERED {
            sent.set(&key(number), Mark::Loose { expires: 0 });
        }
        assert!(!sent.make_room(), "nothing is forgotten whose outcome is open");
        assert_eq!(sent.marks.len(), REMEMBERED);
    }
}
