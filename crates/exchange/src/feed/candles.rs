//! One series of candles: what the socket and REST say, put in order.
//!
//! Pure. A candle is closed when the socket says so (`x`), or when the exchange has begun the next one; our clock
//! proves nothing. In the second case the socket's last word on it may lack its last trades, so that it is asked
//! for by REST, and taken from there only when REST, too, has a later one.
//!
//! Invariant: [`CandleEvent::Closed`] and [`CandleEvent::Missing`] together cover every open time from the first
//! one on, each once, in order, whatever comes twice, late, in disorder or not at all.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use tradai_domain::Millis;

use crate::model::Candle;

/// Closed candles held while an earlier one is missing. What has no room is fetched again.
const MAX_HELD: usize = 2_000;
/// Candles told that corrections are compared with.
const REMEMBERED: usize = 32;
/// Answers without a candle after which it counts as missing for good.
pub(crate) const MAX_TRIES: u32 = 6;

/// What becomes of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum CandleEvent {
    Closed(Candle),
    /// From the first open time up to before the second there is nothing.
    Missing(Millis, Millis),
    Corrected {
        candle: Candle,
        told: Option<Candle>,
    },
}

/// The state of a series.
#[derive(Debug)]
pub(crate) struct CandleTracker {
    step: Millis,
    /// Open time of the candle to tell next; unknown until something is known of the series.
    next: Option<Millis>,
    /// Open time of the latest candle known to have begun: all before it are closed.
    begun: Option<Millis>,
    /// Closed candles that wait for earlier ones.
    held: BTreeMap<Millis, Candle>,
    told: VecDeque<Candle>,
    /// What was told missing.
    gaps: VecDeque<(Millis, Millis)>,
    is_recovering: bool,
    tries: u32,
}

impl CandleTracker {
    /// Returns a series of candles `step` milliseconds long that begins with `since`, or with what comes.
    pub(crate) fn new(step: Millis, since: Option<Millis>) -> Self {
        Self {
            step: step.max(1),
            next: since,
            begun: None,
            held: BTreeMap::new(),
            told: VecDeque::new(),
            gaps: VecDeque::new(),
            is_recovering: since.is_some(),
            tries: 0,
        }
    }

    /// The socket told a candle.
    pub(crate) fn heard(&mut self, candle: Candle, is_closed: bool, events: &mut Vec<CandleEvent>) {
        let next = match self.next {
            Some(next) => next,
            None => self.begin(candle.open_time),
        };
        if !self.is_on_grid(candle.open_time, next) {
            return;
        }
        if candle.open_time < next {
            if is_closed {
                self.came_late(candle, events);
            }
            return;
        }
        self.begun = self.begun.max(Some(candle.open_time));
        if is_closed && (self.held.len() < MAX_HELD || candle.open_time == next) {
            self.held.insert(candle.open_time, candle);
        }
        if !self.is_recovering {
            self.release(events);
        }
    }

    /// The socket brings the series, for the first time or again: nothing is told until REST has said where it
    /// stands.
    pub(crate) fn recover(&mut self) {
        self.is_recovering = true;
        self.tries = 0;
    }

    /// Returns whether all that is known to be closed has been told.
    pub(crate) fn is_settled(&self) -> bool {
        !self.is_recovering && !self.has_hole()
    }

    /// Returns the open time from which candles are wanted of REST, with the last told one before those that are
    /// missing, so that a correction of it shows. Of a series that has no beginning yet the latest are wanted:
    /// where to look for them is all that the clock is good for.
    pub(crate) fn wanted(&self, now: Millis) -> Option<Millis> {
        if self.is_settled() {
            return None;
        }
        Some(match self.next {
            Some(next) => next.saturating_sub(self.step),
            None => now.saturating_sub(self.step.saturating_mul(3)),
        })
    }

    /// REST answered with up to `limit` candles, oldest first. The last one may still form.
    pub(crate) fn answered(&mut self, rows: &[Candle], limit: usize, events: &mut Vec<CandleEvent>) {
        let Some(next) = self.next else {
            self.find_beginning(rows);
            return;
        };
        let (last, closed) = match rows.split_last() {
            Some((last, closed)) => (Some(last), closed),
            None => (None, &[][..]),
        };
        for row in closed {
            if !self.is_on_grid(row.open_time, next) {
                continue;
            }
            if row.open_time < next {
                self.came_late(*row, events);
            } else if self.held.len() < MAX_HELD || row.open_time == next {
                self.held.entry(row.open_time).or_insert(*row);
            }
        }
        let begun = last.map(|last| last.open_time).filter(|at| self.is_on_grid(*at, next));
        self.begun = self.begun.max(begun.filter(|at| *at >= next));
        self.release(events);
        // A full page may have more behind it, an empty one may be a fault: the series was there before.
        let is_whole = last.is_some() && rows.len() < limit;
        if is_whole {
            self.is_recovering = false;
        }
        if self.is_settled() || self.next != Some(next) {
            self.tries = 0;
            return;
        }
        self.tries += 1;
        if self.tries >= MAX_TRIES {
            self.give_up(events);
        }
    }

    /// The candle that forms is the first to be told.
    fn begin(&mut self, open_time: Millis) -> Millis {
        self.next = Some(open_time);
        (self.is_recovering, self.tries) = (false, 0);
        open_time
    }

    /// The latest candle of REST may still form: the series begins with it. When there is none after all, it begins
    /// with what the socket brings.
    fn find_beginning(&mut self, rows: &[Candle]) {
        if let Some(last) = rows.last() {
            self.begin(last.open_time);
            return;
        }
        self.tries += 1;
        if self.tries >= MAX_TRIES {
            (self.is_recovering, self.tries) = (false, 0);
        }
    }

    fn is_on_grid(&self, open_time: Millis, next: Millis) -> bool {
        open_time.checked_sub(next).is_some_and(|away| away % self.step == 0)
    }

    /// Returns whether the candle to tell next is closed, and not at hand.
    fn has_hole(&self) -> bool {
        self.begun > self.next
    }

    /// Tells what is at hand in one piece.
    fn release(&mut self, events: &mut Vec<CandleEvent>) {
        while let Some(next) = self.next
            && let Some(candle) = self.held.remove(&next)
        {
            self.remember(candle);
            self.next = Some(next.saturating_add(self.step));
            events.push(CandleEvent::Closed(candle));
        }
    }

    /// Goes on without what REST does not have.
    fn give_up(&mut self, events: &mut Vec<CandleEvent>) {
        self.is_recovering = false;
        self.tries = 0;
        let until = self.held.keys().next().copied().or(self.begun);
        let (Some(from), Some(until)) = (self.next, until) else { return };
        if from < until {
            if self.gaps.len() == REMEMBERED {
                self.gaps.pop_front();
            }
            self.gaps.push_back((from, until));
            self.next = Some(until);
            events.push(CandleEvent::Missing(from, until));
        }
        self.release(events);
    }

    /// A closed candle at a place that was told already.
    fn came_late(&mut self, candle: Candle, events: &mut Vec<CandleEvent>) {
        let known = self.told.iter_mut().find(|told| told.open_time == candle.open_time);
        if let Some(told) = known {
            if *told != candle {
                let told = std::mem::replace(told, candle);
                events.push(CandleEvent::Corrected { candle, told: Some(told) });
            }
        } else if self.gaps.iter().any(|(from, until)| (*from..*until).contains(&candle.open_time)) {
            self.remember(candle);
            events.push(CandleEvent::Corrected { candle, told: None });
        }
    }

    fn remember(&mut self, candle: Candle) {
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(candle);
    }
}
