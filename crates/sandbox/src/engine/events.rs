//! What happened: told to the user stream, and to the log that makes two runs comparable.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tradai_domain::Millis;

use crate::market::Venue;

/// Events and lines kept.
const MAX_KEPT: usize = 50_000;

/// An event of a user stream.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct UserEvent {
    /// Counts from 1.
    pub(crate) number: u64,
    pub(crate) venue: Venue,
    pub(crate) body: Value,
}

/// Events of the user stream and lines of the log, the latest of each.
#[derive(Debug, Default)]
pub(crate) struct Events {
    user: VecDeque<UserEvent>,
    log: VecDeque<Value>,
    last_event: u64,
    last_line: u64,
}

impl Events {
    /// Tells the user stream of a venue.
    pub(crate) fn tell(&mut self, venue: Venue, body: Value) {
        self.last_event += 1;
        if self.user.len() == MAX_KEPT {
            self.user.pop_front();
        }
        self.user.push_back(UserEvent { number: self.last_event, venue, body });
    }

    /// Writes a line of the log: its number, time and what happened, then the details.
    pub(crate) fn log(&mut self, at: Millis, what: &str, details: Value) {
        self.last_line += 1;
        if self.log.len() == MAX_KEPT {
            self.log.pop_front();
        }
        let mut line = json!({"number": self.last_line, "at": at, "event": what});
        if let (Some(line), Value::Object(details)) = (line.as_object_mut(), details) {
            line.extend(details);
        }
        self.log.push_back(line);
    }

    /// Returns the user's events of a venue after a number, oldest first.
    pub(crate) fn user_after(&self, venue: Venue, number: u64) -> impl Iterator<Item = &UserEvent> {
        // Numbers have no holes: where to begin is known.
        let passed = self.user.front().map_or(0, |first| (number + 1).saturating_sub(first.number));
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        self.user.iter().skip(passed).filter(move |event| event.venue == venue)
    }

    /// Returns the number of the latest event of the user stream.
    pub(crate) fn last_event(&self) -> u64 {
        self.last_event
    }

    /// Returns the lines of the log after a number, oldest first.
    pub(crate) fn lines_after(&self, number: u64) -> impl Iterator<Item = &Value> {
        self.log.iter().filter(move |line| line["number"].as_u64().is_some_and(|line| line > number))
    }
}
