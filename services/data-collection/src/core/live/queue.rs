//! What waits for one listener: bounded, and what is lost is counted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tradai_exchange::feed::Stream;

use super::Event;

/// Why nothing more comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The exchange does not send a stream.
    Refused(String),
    /// The feed ended, or could not be kept up with.
    Failed,
    /// Even the states of streams were too much for the listener.
    TooSlow,
}

/// What comes next for a listener.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Next {
    /// Something happened.
    Event(Arc<Event>),
    /// So many events of a stream were lost; all of them older than what comes next of it.
    Dropped(Stream, u64),
    /// Nothing more.
    End(End),
}

#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    is_filled: Notify,
    most: usize,
}

#[derive(Debug, Default)]
struct Inner {
    events: VecDeque<Arc<Event>>,
    lost: BTreeMap<Stream, u64>,
    end: Option<End>,
}

impl Queue {
    /// Returns a queue of at most `most` events.
    pub(super) fn new(most: usize) -> Self {
        Self { inner: Mutex::default(), is_filled: Notify::new(), most }
    }

    /// Adds an event; never waits. Data goes before states: a listener that lost one would believe the one before.
    /// Returns how many events were lost.
    pub(super) fn push(&self, event: Arc<Event>) -> u64 {
        let mut inner = self.lock();
        if inner.end.is_some() {
            return 0;
        }
        let mut lost = 0;
        if inner.events.len() >= self.most {
            match inner.events.iter().position(|event| !event.is_state()) {
                Some(at) => {
                    if let Some(oldest) = inner.events.remove(at) {
                        *inner.lost.entry(oldest.stream.clone()).or_default() += 1;
                        lost = 1;
                    }
                }
                None => inner.end = Some(End::TooSlow),
            }
        }
        inner.events.push_back(event);
        drop(inner);
        self.is_filled.notify_one();
        lost
    }

    /// Notes that events of a stream were lost before they came here.
    pub(super) fn lose(&self, stream: &Stream, count: u64) {
        *self.lock().lost.entry(stream.clone()).or_default() += count;
        self.is_filled.notify_one();
    }

    /// Says that nothing more comes; what waits is dropped. The first reason counts.
    pub(super) fn end(&self, why: End) {
        self.lock().end.get_or_insert(why);
        self.is_filled.notify_one();
    }

    /// Returns what is next. Cancel safe: it is taken only when it is returned.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.lock().pop() {
                return next;
            }
            self.is_filled.notified().await;
        }
    }

    /// No code that holds it can panic half-way.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Losses first: whatever data is still here of a stream is newer.
    fn pop(&mut self) -> Option<Next> {
        if let Some(end) = &self.end {
            return Some(Next::End(end.clone()));
        }
        if let Some((stream, count)) = self.lost.pop_first() {
            return Some(Next::Dropped(stream, count));
        }
        self.events.pop_front().map(Next::Event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn event(kind: &'static str, at: i64) -> Arc<Event> {
        let stream = Stream::BookTicker { symbol: "BTC/USDT".parse().unwrap() };
        Arc::new(Event::new(stream, kind, at, Value::Null))
    }

    #[tokio::test]
    async fn the_oldest_data_goes_and_is_counted_and_states_stay() {
        let queue = Queue::new(3);
        assert_eq!(queue.push(event("live", 0)), 0);
        let lost: u64 = (1..=5).map(|at| queue.push(event("ticker", at))).sum();
        assert_eq!(lost, 3);
        let stream = event("live", 0).stream.clone();
        assert_eq!(queue.next().await, Next::Dropped(stream, 3));
        for expected in [event("live", 0), event("ticker", 4), event("ticker", 5)] {
            assert_eq!(queue.next().await, Next::Event(expected));
        }
    }

    #[tokio::test]
    async fn who_cannot_even_take_states_is_let_go() {
        let queue = Queue::new(2);
        assert_eq!((0..3).map(|at| queue.push(event("stale", at))).sum::<u64>(), 0);
        queue.end(End::Failed);
        assert_eq!(queue.next().await, Next::End(End::TooSlow));
        assert_eq!(queue.push(event("live", 9)), 0);
    }
}
