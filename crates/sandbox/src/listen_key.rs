//! Listen keys of the USD-M user stream: one at a time, good for an hour.

use tradai_domain::Millis;

use crate::random::{Draws, mix};

const LIFE: Millis = 3_600_000;

/// The listen key of the account.
#[derive(Debug, Clone)]
pub(crate) struct ListenKeys {
    draws: Draws,
    key: Option<(String, Millis)>,
}

impl ListenKeys {
    pub(crate) fn new(seed: u64) -> Self {
        Self { draws: Draws::new(seed, "listen key"), key: None }
    }

    /// Returns the key, a new one when there is none; it is good for another hour.
    pub(crate) fn create(&mut self, now: Millis) -> String {
        if let Some(key) = self.keep(now) {
            return key;
        }
        let (first, second) = (self.draws.next(), self.draws.next());
        let key = format!("{first:016x}{second:016x}{:016x}{:016x}", mix(first), mix(second));
        self.key = Some((key.clone(), now + LIFE));
        key
    }

    /// Makes the key good for another hour, if there is one still.
    pub(crate) fn keep(&mut self, now: Millis) -> Option<String> {
        let (key, until) = self.key.as_mut().filter(|(_, until)| now < *until)?;
        *until = now + LIFE;
        Some(key.clone())
    }

    pub(crate) fn close(&mut self) {
        self.key = None;
    }

    /// Returns whether a key is the one, and good.
    pub(crate) fn is_good(&self, key: &str, now: Millis) -> bool {
        self.key.as_ref().is_some_and(|(known, until)| known == key && now < *until)
    }
}
