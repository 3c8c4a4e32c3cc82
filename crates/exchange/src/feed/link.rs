//! One socket, as far as decisions go: what it carries, what it was asked, and what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tradai_domain::Millis;

use crate::feed::binance::{Venue, subscribe_message};
use crate::feed::pacer::Pacer;

/// Streams named in one message: a hundred names are some 3 kB.
const NAMES_PER_MESSAGE: usize = 100;

/// Numbers sockets; never used twice.
pub(crate) type LinkId = u64;

/// Names that a message of ours was about.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) names: Vec<String>,
    pub(crate) is_on: bool,
    at: Millis,
}

/// The state of a socket.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) started: Millis,
    pub(crate) opened: Option<Millis>,
    /// When data came last; when it opened, before any has.
    pub(crate) last_data: Millis,
    pub(crate) has_data: bool,
    /// Streams that the exchange said it sends.
    pub(crate) carried: BTreeSet<String>,
    /// Streams that it said it does not.
    refused: BTreeSet<String>,
    asked: BTreeMap<u64, Asked>,
    pacer: Pacer,
    next_request: u64,
    /// Whether there may be something to ask.
    is_dirty: bool,
}

impl Link {
    pub(crate) fn new(id: LinkId, venue: Venue, now: Millis) -> Self {
        Self {
            id,
            started: now,
            opened: None,
            last_data: now,
            has_data: false,
            carried: BTreeSet::new(),
            refused: BTreeSet::new(),
            asked: BTreeMap::new(),
            pacer: Pacer::new(venue.messages_per_second(), Duration::from_secs(1)),
            next_request: 1,
            is_dirty: true,
        }
    }

    pub(crate) fn open(&mut self, now: Millis) {
        self.opened = Some(now);
        self.last_data = now;
    }

    /// What is wanted has changed.
    pub(crate) fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// Returns the next message to send, if one is due.
    pub(crate) fn next_message(&mut self, wanted: &BTreeSet<String>, now: Millis) -> Option<String> {
        if self.opened.is_none() || !self.is_dirty || now < self.pacer.free_at() {
            return None;
        }
        let is_asked = |name: &&String| self.asked.values().any(|asked| asked.names.contains(name));
        let to_add = wanted.difference(&self.carried).filter(|name| !self.refused.contains(*name));
        let mut names: Vec<String> =
            to_add.filter(|name| !is_asked(name)).take(NAMES_PER_MESSAGE).cloned().collect();
        let is_on = !names.is_empty();
        if !is_on {
            let to_end = self.carried.difference(wanted).filter(|name| !is_asked(name));
            names = to_end.take(NAMES_PER_MESSAGE).cloned().collect();
        }
        if names.is_empty() {
            self.is_dirty = false;
            return None;
        }
        self.pacer.try_take(now);
        let request = self.next_request;
        self.next_request += 1;
        let message = subscribe_message(is_on, &names, request);
        self.asked.insert(request, Asked { names, is_on, at: now });
        Some(message)
    }

    /// The exchange answered. Returns what that was about.
    pub(crate) fn answered(&mut self, request: u64, is_refused: bool) -> Option<Asked> {
        let asked = self.asked.remove(&request)?;
        for name in &asked.names {
            match (asked.is_on, is_refused) {
                (true, false) => drop(self.carried.insert(name.clone())),
                (true, true) => drop(self.refused.insert(name.clone())),
                (false, _) => drop(self.carried.remove(name)),
            }
        }
        self.is_dirty = true;
        Some(asked)
    }

    /// Returns whether it carries all that is wanted and not refused.
    pub(crate) fn is_complete(&self, wanted: &BTreeSet<String>) -> bool {
        self.opened.is_some() && wanted.difference(&self.carried).all(|name| self.refused.contains(name))
    }

    /// Returns since when the exchange owes something: to open, or an answer.
    pub(crate) fn waiting_since(&self) -> Option<Millis> {
        match self.opened {
            None => Some(self.started),
            Some(_) => self.asked.values().map(|asked| asked.at).min(),
        }
    }

    /// Returns when the next message may be sent, if there may be one.
    pub(crate) fn message_due(&self) -> Option<Millis> {
        (self.opened.is_some() && self.is_dirty).then(|| self.pacer.free_at())
    }
}
