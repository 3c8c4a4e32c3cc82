//! What happens to jobs, told to any number of listeners as it happens.
//!
//! One reader follows the platform's log of events ([`Hub`]) and passes each event on in memory; a [`JobStream`] reads
//! the log itself only to catch up: after its start, when it was too slow, and now and then in case an event was not
//! told. So a listener costs no read per event, and one that does not read keeps nothing waiting but itself.
//!
//! Invariant: within one stream numbers grow; what was forgotten is said, and followed by how things stand.

mod hub;
mod stream;

use std::sync::Arc;

use tradai_control_plane::Error;
use tradai_control_plane::jobs::Jobs;
use tradai_domain::jobs::{Collecting, JobRecord, JobStatus, WorkflowType};
use tradai_domain::ports::{EventBus, JobFilter, JobPage, MAX_PAGE, NumberedEvent};
use tradai_domain::{Clock, JobId, Millis};

pub(crate) use hub::Hub;
pub(crate) use stream::JobStream;

use super::CandleCollection;

/// One message of a stream.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// How things stand: one job, or all that have not ended, the newest first and [`MAX_PAGE`] at most.
    Snapshot {
        /// Events up to this number are in it.
        seq: u64,
        /// When it was made.
        at: Millis,
        /// The jobs, with how far their candles are where they are collected.
        jobs: Vec<(JobRecord, Option<Collecting>)>,
    },
    /// Something happened.
    Event(Arc<NumberedEvent>),
    /// Events up to this number are forgotten. A snapshot follows.
    Missed {
        /// The number.
        to: u64,
        /// When that was found.
        at: Millis,
    },
}

/// Opens streams. Clones share everything.
#[derive(Clone)]
pub(crate) struct Feed {
    jobs: Arc<Jobs>,
    events: Arc<dyn EventBus>,
    clock: Arc<dyn Clock>,
    hub: Arc<Hub>,
    collection: Arc<CandleCollection>,
}

impl Feed {
    pub(crate) fn new(
        jobs: Arc<Jobs>,
        events: Arc<dyn EventBus>,
        clock: Arc<dyn Clock>,
        hub: Arc<Hub>,
        collection: Arc<CandleCollection>,
    ) -> Self {
        Self { jobs, events, clock, hub, collection }
    }

    /// Returns what happens to a backtest, until it has ended: after the event `since`, or from how it stands now.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::Port`].
    pub(crate) async fn job(&self, id: JobId, since: Option<u64>) -> Result<JobStream, Error> {
        JobStream::open(self.clone(), Some(id), since).await
    }

    /// Returns what happens to all jobs, without end: after the event `since`, or from how they stand now.
    ///
    /// # Errors
    /// [`Error::Port`].
    pub(crate) async fn all(&self, since: Option<u64>) -> Result<JobStream, Error> {
        JobStream::open(self.clone(), None, since).await
    }

    /// Returns how things stand: a backtest, or all jobs that have not ended.
    async fn stand(&self, job: Option<JobId>) -> Result<Vec<JobRecord>, Error> {
        if let Some(id) = job {
            let record = self.jobs.get(id).await?;
            let is_backtest = record.workflow_type == WorkflowType::Backtest;
            return if is_backtest {
                Ok(vec![Arc::unwrap_or_clone(record)])
            } else {
                Err(Error::NoSuchJob { id })
            };
        }
        let mut records = Vec::new();
        for status in [JobStatus::Running, JobStatus::Pending] {
            records.extend(self.jobs.list(&JobFilter::status(status), JobPage::first(MAX_PAGE)).await?);
        }
        records.sort_unstable_by_key(|record| std::cmp::Reverse(record.job_id));
        records.truncate(MAX_PAGE);
        Ok(records)
    }
}
