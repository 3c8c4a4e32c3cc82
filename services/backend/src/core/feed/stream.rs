//! One listener.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tradai_control_plane::Error;
use tradai_domain::JobId;
use tradai_domain::jobs::JobRecord;

use super::hub::Passed;
use super::{Feed, Told};

/// How often the log is looked at though nothing was passed on: an event may have been lost on its way there.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// A listener's place in the log.
pub(crate) struct JobStream {
    feed: Feed,
    job: Option<JobId>,
    /// Everything up to this event was told, or is in `waiting`.
    after: u64,
    passed: Receiver<Passed>,
    looks: Interval,
    caught_up: bool,
    waiting: VecDeque<Told>,
    /// Nothing comes after what is in `waiting`.
    is_over: bool,
}

impl JobStream {
    pub(super) async fn open(feed: Feed, job: Option<JobId>, since: Option<u64>) -> Result<Self, Error> {
        // Before the look at the log, so that nothing falls between the two.
        let passed = feed.hub.listen();
        let newest = feed.events.newest().await?;
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looks.reset();
        let mut stream = Self {
            feed,
            job,
            after: newest,
            passed,
            looks,
            caught_up: true,
            waiting: VecDeque::new(),
            is_over: false,
        };
        // A number from the future is one of a log that is not there any more.
        match since.filter(|since| *since <= newest) {
            Some(since) => stream.resume(since).await?,
            None => stream.stand().await?,
        }
        Ok(stream)
    }

    /// Returns whether there is nothing to tell, now and later.
    pub(crate) fn has_nothing_to_tell(&self) -> bool {
        self.is_over && self.waiting.is_empty()
    }

    /// Returns the next message, once there is one; `None` when the job has ended and all was told. Cancel safe.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`] for a job that was deleted meanwhile; [`Error::Port`], after which it goes on where it was.
    pub(crate) async fn next(&mut self) -> Result<Option<Told>, Error> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Ok(Some(told));
            }
            if self.is_over {
                return Ok(None);
            }
            if !self.caught_up {
                self.catch_up().await?;
                continue;
            }
            tokio::select! {
                biased;
                passed = self.passed.recv() => self.take(passed),
                _ = self.looks.tick() => self.caught_up = false,
            }
        }
    }

    /// Goes on after an event that the listener knows. A job that has ended is read to its end, so that it shows
    /// whether there is anything to tell.
    async fn resume(&mut self, since: u64) -> Result<(), Error> {
        self.after = since;
        self.caught_up = false;
        if !self.has_ended().await? {
            return Ok(());
        }
        while !self.caught_up {
            self.read().await?;
        }
        self.is_over = true;
        Ok(())
    }

    /// Takes what the hub passed on.
    fn take(&mut self, passed: Result<Passed, RecvError>) {
        let event = match passed {
            Ok(Passed::Event(event)) if event.seq > self.after => event,
            Ok(Passed::Event(_)) => return,
            // Whoever is too slow for the hub finds the events in the log.
            Ok(Passed::Gap) | Err(RecvError::Lagged(_) | RecvError::Closed) => {
                self.caught_up = false;
                return;
            }
        };
        self.after = event.seq;
        if self.job.is_none_or(|job| job == event.event.job_id) {
            self.is_over = self.job.is_some() && event.event.is_last();
            self.waiting.push_back(Told::Event(event));
        }
    }

    /// Reads on in the log. At its end, a job that has ended without an event that says so is shown as it stands.
    async fn catch_up(&mut self) -> Result<(), Error> {
        self.read().await?;
        if self.caught_up && self.waiting.is_empty() && self.has_ended().await? {
            self.stand().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<(), Error> {
        let batch = self.feed.events.read(self.job, self.after).await?;
        if batch.missed_to.is_some() {
            return self.miss().await;
        }
        self.caught_up = batch.read_to == self.after;
        self.after = batch.read_to;
        for event in batch.events {
            self.is_over |= self.job.is_some() && event.event.is_last();
            self.waiting.push_back(Told::Event(event.into()));
        }
        Ok(())
    }

    /// Says that events are forgotten, and goes on from how things stand.
    async fn miss(&mut self) -> Result<(), Error> {
        let to = self.feed.events.newest().await?;
        let jobs = self.feed.stand(self.job).await?;
        self.waiting.push_back(Told::Missed { to, at: self.feed.clock.now_ms() });
        self.show(to, jobs);
        Ok(())
    }

    async fn stand(&mut self) -> Result<(), Error> {
        let newest = self.feed.events.newest().await?;
        let jobs = self.feed.stand(self.job).await?;
        self.show(newest, jobs);
        Ok(())
    }

    fn show(&mut self, seq: u64, jobs: Vec<JobRecord>) {
        self.is_over = self.job.is_some() && jobs.iter().all(|job| job.status.is_terminal());
        (self.after, self.caught_up) = (seq, true);
        let with_candles = |job: JobRecord| {
            let collecting = self.feed.collection.of(job.job_id);
            (job, collecting)
        };
        let jobs = jobs.into_iter().map(with_candles).collect();
        self.waiting.push_back(Told::Snapshot { seq, at: self.feed.clock.now_ms(), jobs });
    }

    async fn has_ended(&self) -> Result<bool, Error> {
        let Some(id) = self.job else { return Ok(false) };
        let jobs = self.feed.stand(Some(id)).await?;
        Ok(jobs.iter().all(|job| job.status.is_terminal()))
    }
}
