//! One stream of a feed, and who listens to it.

use std::sync::Arc;

use tradai_domain::{Clock, Millis};
use tradai_exchange::feed::Stream;

use super::Event;
use super::memory::Memory;
use super::queue::Queue;

pub(super) struct Topic {
    pub(super) queues: Vec<Arc<Queue>>,
    /// Whoever knows no number from here on may have missed something: before, the stream was not subscribed, or the
    /// feed lost some of it.
    pub(super) began: u64,
    /// How the stream is, for who comes later.
    pub(super) state: Option<Arc<Event>>,
    /// The newest best price.
    pub(super) ticker: Option<Arc<Event>>,
    /// Since when nobody listens.
    pub(super) idle_since: Option<Millis>,
}

impl Topic {
    pub(super) fn new(began: u64) -> Self {
        Self { queues: Vec::new(), began, state: None, ticker: None, idle_since: None }
    }

    /// Returns what a listener is told first: how the stream is, or what came since the number that it knows.
    pub(super) fn greeting(
        &self,
        stream: &Stream,
        since: Option<u64>,
        memory: &Memory,
        clock: &dyn Clock,
    ) -> Vec<Arc<Event>> {
        let Some(since) = since else { return self.state.iter().cloned().collect() };
        let newer = |event: &&Arc<Event>| event.seq > since;
        if let Stream::BookTicker { .. } = stream {
            return self.state.iter().chain(&self.ticker).filter(newer).cloned().collect();
        }
        let of_stream = |event: &&Arc<Event>| event.stream == *stream;
        if memory.reaches(since) && since >= self.began {
            return memory.since(since).filter(of_stream).cloned().collect();
        }
        let missed = Event::missed(stream.clone(), since, memory.newest(), clock.now_ms());
        self.state.iter().cloned().chain([Arc::new(missed)]).collect()
    }
}
