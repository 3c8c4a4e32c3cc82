//! What happened to jobs, told to whoever wants to know.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::jobs::JobEvent;
use crate::{JobId, Millis};

/// How many events one read returns at most.
pub const MAX_EVENTS: usize = 500;

/// A log of events with numbers.
///
/// Numbers grow from 1, also over restarts and between processes; an event is readable before one with a higher
/// number is. The log may forget its oldest events. Readers take at their own pace: none holds up a publisher or
/// another reader, and one that is too slow learns up to which number events are gone.
#[async_trait]
pub trait EventBus: Send + Sync {
    /// Tells an event and returns its number. One that was told before ([`JobEvent::dedup_id`]) and is not forgotten
    /// is not told again; its number is returned.
    async fn publish(&self, event: &JobEvent) -> Result<u64, PortError>;

    /// Returns the events after a number, of one job or of all, lowest number first, at most [`MAX_EVENTS`].
    async fn read(&self, job: Option<JobId>, after: u64) -> Result<EventBatch, PortError>;

    /// Returns the highest number so far, 0 when nothing was told yet.
    async fn newest(&self) -> Result<u64, PortError>;

    /// Returns when the oldest event happened that is not forgotten; `None` while none is. An event that happened before
    /// may have been told and forgotten, so that telling it again would give it a new number.
    async fn remembered_since(&self) -> Result<Option<Millis>, PortError>;

    /// Returns once there is an event with a higher number, whichever process told it. Cancel safe.
    async fn wait(&self, after: u64) -> Result<(), PortError>;
}

/// An event and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberedEvent {
    /// The number.
    pub seq: u64,
    /// The event.
    pub event: JobEvent,
}

/// What a read found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventBatch {
    /// The events.
    pub events: Vec<NumberedEvent>,
    /// Every event up to this number was looked at: where the next read begins.
    pub read_to: u64,
    /// Events up to this number are forgotten; among them may be some that were asked for.
    pub missed_to: Option<u64>,
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// An event.
    Event(NumberedEvent),
    /// Events up to this number are forgotten; the state of the jobs must be read again.
    Missed {
        /// The number.
        to: u64,
    },
}

/// One reader's place in the log.
pub struct EventSubscription {
    bus: Arc<dyn EventBus>,
    job: Option<JobId>,
    after: u64,
    waiting: VecDeque<Delivery>,
}

impl EventSubscription {
    /// Returns the events of a job, or of all, after a number: 0 for all that are not forgotten, and
    /// [`EventBus::newest`] for those to come.
    #[must_use]
    pub fn new(bus: Arc<dyn EventBus>, job: Option<JobId>, after: u64) -> Self {
        Self { bus, job, after, waiting: VecDeque::new() }
    }

    /// Returns the next delivery, once there is one. Cancel safe: a delivery is returned or comes with the next call.
    ///
    /// # Errors
    /// Those of the bus; the next call goes on where this one failed.
    pub async fn next(&mut self) -> Result<Delivery, PortError> {
        loop {
            if let Some(delivery) = self.waiting.pop_front() {
                return Ok(delivery);
            }
            let batch = self.bus.read(self.job, self.after).await?;
            if batch.read_to == self.after && batch.missed_to.is_none() {
                self.bus.wait(self.after).await?;
                continue;
            }
            self.after = batch.read_to;
            self.waiting.extend(batch.missed_to.map(|to| Delivery::Missed { to }));
            self.waiting.extend(batch.events.into_iter().map(Delivery::Event));
        }
    }
}

impl fmt::Debug for EventSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSubscription")
            .field("job", &self.job)
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}
