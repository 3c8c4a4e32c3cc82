//! Who collects a series now: one at a time, the others wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tradai_domain::SeriesKey;
use tradai_domain::ports::ExchangeKey;

type Lock = AsyncMutex<()>;

/// A turn for each series of each exchange. Whoever comes second waits and then finds little or nothing missing, so
/// that two requests for the same candles ask the exchange once.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<BTreeMap<(ExchangeKey, SeriesKey), Weak<Lock>>>);

impl Turns {
    /// Waits for the turn, which lasts as long as the guard. Cancel safe.
    pub(super) async fn wait(&self, exchange: &ExchangeKey, key: &SeriesKey) -> OwnedMutexGuard<()> {
        self.lock_of(exchange, key).lock_owned().await
    }

    fn lock_of(&self, exchange: &ExchangeKey, key: &SeriesKey) -> Arc<Lock> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody holds or waits for is forgotten, so that the map does not grow with every symbol ever asked for.
        locks.retain(|_, lock| lock.strong_count() > 0);
        let name = (exchange.clone(), key.clone());
        if let Some(lock) = locks.get(&name).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::new(Lock::default());
        locks.insert(name, Arc::downgrade(&lock));
        lock
    }
}
