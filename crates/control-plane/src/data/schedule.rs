//! Which candles are collected every hour or day.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tradai_domain::ports::{DocumentStore, ExchangeKey};
use tradai_domain::{Millis, Symbol, Timeframe};

use super::Exchanges;
use crate::{Error, RequestFault};

/// Name of the document that keeps the schedules.
const DOCUMENT: &str = "schedules";

/// Schedules that there may be.
const MAX_SCHEDULES: usize = 100;

/// Symbols of one schedule.
const MAX_SYMBOLS: usize = 500;

/// Milliseconds of a minute.
const MINUTE_MS: Millis = 60_000;

/// How often, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "every", rename_all = "snake_case")]
pub enum Every {
    /// At this minute of every hour, 0 to 59.
    Hour {
        /// The minute.
        minute: u8,
    },
    /// At this hour and minute of every day, UTC.
    Day {
        /// The hour, 0 to 23.
        hour: u8,
        /// The minute, 0 to 59.
        minute: u8,
    },
}

impl Every {
    /// Returns the first moment after `after` at which it is due.
    #[must_use]
    pub fn next(self, after: Millis) -> Millis {
        let (period, offset) = match self {
            Self::Hour { minute } => (60 * MINUTE_MS, Millis::from(minute) * MINUTE_MS),
            Self::Day { hour, minute } => {
                (24 * 60 * MINUTE_MS, (Millis::from(hour) * 60 + Millis::from(minute)) * MINUTE_MS)
            }
        };
        let passed = (after - offset).rem_euclid(period);
        after - passed + period
    }

    fn fault(self) -> Option<&'static str> {
        let (hour, minute) = match self {
            Self::Hour { minute } => (0, minute),
            Self::Day { hour, minute } => (hour, minute),
        };
        (hour > 23 || minute > 59).then_some("the hour is from 0 to 23 and the minute from 0 to 59")
    }
}

/// One incremental sync that is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name, unique among the schedules.
    pub name: String,
    /// From where; the default exchange when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<ExchangeKey>,
    /// The markets; none means every stored series of the timeframe.
    #[serde(default)]
    pub symbols: Vec<Symbol>,
    /// The length of the candles.
    pub timeframe: Timeframe,
    /// From when symbols are collected of which nothing is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Millis>,
    /// How often.
    #[serde(flatten)]
    pub every: Every,
    /// Whether it runs.
    pub enabled: bool,
}

/// All schedules, as one document: they are read and replaced together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScheduleBook {
    /// Grows with every change; 0 before the first.
    pub revision: u64,
    /// The schedules, in the order in which they were given.
    pub schedules: Vec<Schedule>,
}

/// Keeps the schedules.
#[derive(Clone)]
pub struct Schedules {
    documents: Arc<dyn DocumentStore>,
}

impl Schedules {
    /// Returns the schedules that are kept in `documents`.
    #[must_use]
    pub fn new(documents: Arc<dyn DocumentStore>) -> Self {
        Self { documents }
    }

    /// Returns the newest ones.
    ///
    /// # Errors
    /// [`Error::Port`]; [`Error::Damaged`] when they were not written by us.
    pub async fn load(&self) -> Result<ScheduleBook, Error> {
        let Some(document) = self.documents.load(DOCUMENT).await? else { return Ok(ScheduleBook::default()) };
        let schedules = serde_json::from_slice(&document.bytes)
            .map_err(|error| Error::Damaged { what: "the list of schedules", problem: error.to_string() })?;
        Ok(ScheduleBook { revision: document.revision, schedules })
    }

    /// Puts other schedules in their place, unless somebody else did since revision `expected`.
    ///
    /// # Errors
    /// [`Error::Request`] with everything that is wrong; [`Error::StaleRevision`]; [`Error::Port`].
    pub async fn replace(
        &self,
        exchanges: &Exchanges,
        expected: u64,
        schedules: Vec<Schedule>,
    ) -> Result<ScheduleBook, Error> {
        check(exchanges, &schedules)?;
        let bytes = serde_json::to_vec(&schedules)
            .map_err(|error| Error::Damaged { what: "the list of schedules", problem: error.to_string() })?;
        match self.documents.replace(DOCUMENT, expected, bytes).await? {
            Ok(revision) => Ok(ScheduleBook { revision, schedules }),
            Err(current) => {
                Err(Error::StaleRevision { what: "the list of schedules", given: expected, current })
            }
        }
    }
}

fn check(exchanges: &Exchanges, schedules: &[Schedule]) -> Result<(), Error> {
    let mut faults = Vec::new();
    let mut fault = |at: usize, reason: String| faults.push(RequestFault::item("schedules", at, reason));
    for (at, schedule) in schedules.iter().enumerate() {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if schedule.name.is_empty() || schedule.name.len() > 64 || !schedule.name.bytes().all(plain) {
            fault(at, "name has 1 to 64 letters, digits, `-` and `_`".to_owned());
        }
        if schedules[..at].iter().any(|other| other.name == schedule.name) {
            fault(at, format!("the name `{}` is taken by another one", schedule.name));
        }
        if let Err(Error::Request(unknown)) = exchanges.resolve(schedule.exchange.as_ref()) {
            unknown.into_iter().for_each(|unknown| fault(at, format!("exchange {}", unknown.reason)));
        }
        if schedule.symbols.len() > MAX_SYMBOLS {
            fault(at, format!("{} symbols are more than {MAX_SYMBOLS}", schedule.symbols.len()));
        }
        if let Some(reason) = schedule.every.fault() {
            fault(at, reason.to_owned());
        }
        if schedule.start.is_some_and(|start| start < 0) {
            fault(at, "start is before 1970".to_owned());
        }
    }
    if schedules.len() > MAX_SCHEDULES {
        let reason = format!("{} are more than {MAX_SCHEDULES}", schedules.len());
        faults.push(RequestFault::new("schedules", reason));
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::Request(faults)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_is_always_later() {
        let hour = 60 * MINUTE_MS;
        let hourly = Every::Hour { minute: 5 };
        assert_eq!(hourly.next(0), 5 * MINUTE_MS);
        assert_eq!(hourly.next(5 * MINUTE_MS), hour + 5 * MINUTE_MS);
        let daily = Every::Day { hour: 2, minute: 30 };
        assert_eq!(daily.next(0), 2 * hour + 30 * MINUTE_MS);
        assert_eq!(daily.next(3 * hour), 26 * hour + 30 * MINUTE_MS);
    }
}
