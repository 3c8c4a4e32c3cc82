//! What is remembered of the events of an exchange, for listeners that come back.
//!
//! Best prices are not: the next one says all that the ones before did. Of each such stream the newest is enough.

use std::collections::VecDeque;
use std::sync::Arc;

use tradai_domain::Millis;

use super::Event;

/// Events of an exchange that are remembered, all streams together.
const REMEMBERED: usize = 10_000;

/// Numbers events, and remembers the last ones.
#[derive(Debug)]
pub(super) struct Memory {
    seq: u64,
    events: VecDeque<Arc<Event>>,
    /// Number of the newest event that is forgotten.
    forgotten: u64,
}

impl Memory {
    /// Numbers begin with the moment, so that they rise over restarts too; they stay below 2^53, which every client
    /// can hold.
    pub(super) fn new(now: Millis) -> Self {
        let seq = u64::try_from(now).unwrap_or(0).saturating_mul(1_000);
        Self { seq, events: VecDeque::new(), forgotten: seq }
    }

    /// Returns the number of the newest event.
    pub(super) fn newest(&self) -> u64 {
        self.seq
    }

    /// Takes a number that no event has: whoever knows only earlier ones has a break in what it was told.
    pub(super) fn break_off(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Numbers an event, and remembers it.
    pub(super) fn note(&mut self, event: Event) -> Arc<Event> {
        self.seq += 1;
        let event = Arc::new(Event { seq: self.seq, ..event });
        if !event.is_ticker() {
            if self.events.len() == REMEMBERED
                && let Some(oldest) = self.events.pop_front()
            {
                self.forgotten = oldest.seq;
            }
            self.events.push_back(event.clone());
        }
        event
    }

    /// Whether all is remembered that came after a number.
    pub(super) fn reaches(&self, since: u64) -> bool {
        (self.forgotten..=self.seq).contains(&since)
    }

    /// Returns what is remembered after a number, oldest first.
    pub(super) fn since(&self, since: u64) -> impl Iterator<Item = &Arc<Event>> {
        let from = self.events.partition_point(|event| event.seq <= since);
        self.events.range(from..)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tradai_exchange::feed::Stream;

    use super::*;

    fn event(kind: &'static str) -> Event {
        let stream = Stream::BookTicker { symbol: "BTC/USDT".parse().unwrap() };
        Event::new(stream, kind, 0, Value::Null)
    }

    #[test]
    fn numbers_rise_and_the_oldest_are_forgotten() {
        let mut memory = Memory::new(5);
        assert!(memory.reaches(5_000) && !memory.reaches(4_999) && !memory.reaches(5_001));
        for _ in 0..REMEMBERED + 2 {
            memory.note(event("candle"));
        }
        memory.note(event("ticker"));
        let newest = 5_000 + REMEMBERED as u64 + 3;
        assert_eq!(memory.newest(), newest);
        assert!(memory.reaches(5_002) && !memory.reaches(5_001) && memory.reaches(newest));
        let numbers: Vec<u64> = memory.since(newest - 3).map(|event| event.seq).collect();
        assert_eq!(numbers, [newest - 2, newest - 1], "best prices are not kept");
        assert_eq!(memory.since(0).count(), REMEMBERED);
    }
}
