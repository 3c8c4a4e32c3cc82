//! The trades of one market: ids count up by one, so that a hole shows, and REST fills it.
//!
//! Pure. Invariant: [`TradeEvent::Trade`] and [`TradeEvent::Missing`] together cover every id from the first one
//! on, each once, in order.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use tradai_domain::Millis;

use crate::feed::PublicTrade;

/// Trades held while an earlier one is missing. What has no room is fetched again.
const MAX_HELD: usize = 10_000;
/// A longer hole is not filled: it would take more requests than it is worth.
const MAX_HOLE: u64 = 20_000;
/// Answers without a trade after which it counts as missing for good.
pub(crate) const MAX_TRIES: u32 = 6;

/// What becomes of the trades of a market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TradeEvent {
    Trade(PublicTrade),
    /// From the first id up to before the second there is nothing.
    Missing(u64, u64),
}

/// The state of a market's trades.
#[derive(Debug, Default)]
pub(crate) struct TradeTracker {
    /// The id to tell next; unknown until the first trade.
    next: Option<u64>,
    /// When the last trade told was.
    since: Millis,
    /// The latest id known to exist.
    latest: Option<u64>,
    held: BTreeMap<u64, PublicTrade>,
    is_recovering: bool,
    tries: u32,
}

impl TradeTracker {
    /// The socket told a trade.
    pub(crate) fn heard(&mut self, trade: PublicTrade, events: &mut Vec<TradeEvent>) {
        self.take(trade);
        if !self.is_recovering {
            self.release(events);
            self.leave_long_hole(events);
        }
    }

    /// The socket was lost and is back: nothing is told until REST has answered.
    pub(crate) fn recover(&mut self) {
        self.is_recovering = self.next.is_some();
        self.tries = 0;
    }

    /// Returns whether all that is known has been told.
    pub(crate) fn is_settled(&self) -> bool {
        !self.is_recovering && !self.has_hole()
    }

    /// Returns the id from which trades are wanted of REST, and a moment before which none of them was.
    pub(crate) fn wanted(&self) -> Option<(u64, Millis)> {
        self.next.filter(|_| !self.is_settled()).map(|next| (next, self.since))
    }

    /// REST answered with up to `limit` trades.
    pub(crate) fn answered(&mut self, trades: Vec<PublicTrade>, limit: usize, events: &mut Vec<TradeEvent>) {
        let before = self.next;
        let is_whole = trades.len() < limit;
        trades.into_iter().for_each(|trade| self.take(trade));
        self.release(events);
        self.is_recovering &= !is_whole;
        self.leave_long_hole(events);
        if self.is_settled() || self.next != before {
            self.tries = 0;
            return;
        }
        self.tries += 1;
        if self.tries >= MAX_TRIES {
            self.give_up(events);
        }
    }

    fn take(&mut self, trade: PublicTrade) {
        let next = *self.next.get_or_insert(trade.id);
        if trade.id < next {
            return;
        }
        self.latest = self.latest.max(Some(trade.id));
        if self.held.len() < MAX_HELD || trade.id == next {
            self.held.entry(trade.id).or_insert(trade);
        }
    }

    fn has_hole(&self) -> bool {
        self.latest.is_some() && self.latest >= self.next
    }

    fn release(&mut self, events: &mut Vec<TradeEvent>) {
        while let Some(next) = self.next
            && let Some(trade) = self.held.remove(&next)
        {
            self.next = Some(next.saturating_add(1));
            self.since = trade.timestamp;
            events.push(TradeEvent::Trade(trade));
        }
    }

    fn leave_long_hole(&mut self, events: &mut Vec<TradeEvent>) {
        let (Some(next), Some(latest)) = (self.next, self.latest) else { return };
        if latest.saturating_sub(next) > MAX_HOLE {
            self.give_up(events);
        }
    }

    /// Goes on without what REST does not have.
    fn give_up(&mut self, events: &mut Vec<TradeEvent>) {
        self.is_recovering = false;
        self.tries = 0;
        let until = self.held.keys().next().copied().or(self.latest);
        let (Some(from), Some(until)) = (self.next, until) else { return };
        if from < until {
            self.next = Some(until);
            events.push(TradeEvent::Missing(from, until));
        }
        self.release(events);
    }
}
