//! What callers change. Each change is noted in the audit log before it is made, and not made where that fails.

use std::sync::Arc;

use tradai_control_plane::data::{Collector, Schedule, ScheduleBook, Schedules, SyncJob, SyncJobs, SyncPlan};
use tradai_control_plane::jobs::Requester;
use tradai_control_plane::{Audit, Error};
use tradai_domain::ports::{
    Committed, ExchangeKey, PortError, SeriesNotes, Snapshot, StoredSeries, VersionChoice,
};
use tradai_domain::{CandleSeries, ErrorKind, SeriesKey};

/// Changes candles, snapshots and schedules on behalf of callers.
#[derive(Clone)]
pub(crate) struct Changes {
    collector: Collector,
    jobs: Arc<SyncJobs>,
    schedules: Schedules,
    audit: Audit,
}

impl Changes {
    pub(crate) fn new(collector: Collector, jobs: Arc<SyncJobs>, schedules: Schedules, audit: Audit) -> Self {
        Self { collector, jobs, schedules, audit }
    }

    /// Starts to collect what is planned. Must be called within a tokio runtime.
    pub(crate) async fn collect(
        &self,
        action: &str,
        plan: SyncPlan,
        requester: &Requester,
    ) -> Result<Arc<SyncJob>, Error> {
        self.audit.note(requester, action, series_of(&plan)).await?;
        self.jobs.submit(plan, requester.trace_id.map(|id| id.to_string()).unwrap_or_default())
    }

    /// Asks a sync to stop.
    pub(crate) async fn cancel(&self, job: &SyncJob, requester: &Requester) -> Result<(), Error> {
        self.audit.note(requester, "sync.cancel", job.id.to_string()).await?;
        job.cancel();
        Ok(())
    }

    /// Makes an earlier version of a series its newest.
    pub(crate) async fn rollback(
        &self,
        exchange: Option<&ExchangeKey>,
        key: &SeriesKey,
        version: u64,
        requester: &Requester,
    ) -> Result<Committed, Error> {
        let exchange = self.collector.exchanges().resolve(exchange)?;
        let subject = format!("{} version {version}", name_of(exchange.key(), key));
        self.audit.note(requester, "candles.rollback", subject).await?;
        Ok(exchange.candles.restore(key, version).await?)
    }

    /// Holds the newest versions of series under a name.
    pub(crate) async fn create_snapshot(
        &self,
        exchange: Option<&ExchangeKey>,
        name: &str,
        keys: Option<&[SeriesKey]>,
        requester: &Requester,
    ) -> Result<Snapshot, Error> {
        let exchange = self.collector.exchanges().resolve(exchange)?;
        // The store refuses longer names; here they must not fill the log.
        let shown: String = name.chars().take(80).collect();
        self.audit.note(requester, "snapshot.create", format!("{}/{shown}", exchange.key())).await?;
        Ok(exchange.candles.create_snapshot(name, keys).await?)
    }

    /// Adds candles of a file to a series; `synthetic` says whether the file calls them made up. The store keeps one
    /// label for a whole series, so that a file with the other one is a `Conflict`.
    pub(crate) async fn import(
        &self,
        exchange: Option<&ExchangeKey>,
        key: &SeriesKey,
        candles: &CandleSeries,
        synthetic: bool,
        requester: &Requester,
    ) -> Result<Committed, Error> {
        let exchange = self.collector.exchanges().resolve(exchange)?;
        let stored = exchange.candles.find(key, &VersionChoice::Latest).await?;
        let sandbox = exchange.key().is_sandbox();
        let expected = stored.as_ref().map_or(sandbox, |series: &StoredSeries| series.synthetic);
        if synthetic != expected {
            return Err(wrong_label(key, synthetic));
        }
        let notes = stored.map(|series| series.notes).unwrap_or_else(|| SeriesNotes {
            // The store labels a series by the exchange that it is of.
            exchange: sandbox.then(|| exchange.key().clone()),
            ..SeriesNotes::default()
        });
        self.audit.note(requester, "candles.import", name_of(exchange.key(), key)).await?;
        Ok(exchange.candles.append(key, candles, &notes).await?)
    }

    /// Puts other schedules in the place of all, unless somebody else did since revision `expected`.
    pub(crate) async fn replace_schedules(
        &self,
        expected: u64,
        schedules: Vec<Schedule>,
        requester: &Requester,
    ) -> Result<ScheduleBook, Error> {
        self.audit.note(requester, "schedules.replace", format!("revision {expected}")).await?;
        self.schedules.replace(self.collector.exchanges(), expected, schedules).await
    }
}

/// The series of a plan, however many there are, in few words.
fn series_of(plan: &SyncPlan) -> String {
    let exchange = plan.exchange.key();
    match plan.series.as_slice() {
        [] => exchange.to_string(),
        [one] => name_of(exchange, one),
        [first, rest @ ..] => format!("{} and {} more", name_of(exchange, first), rest.len()),
    }
}

fn name_of(exchange: &ExchangeKey, key: &SeriesKey) -> String {
    format!("{exchange}/{}", key.store_symbol())
}

fn wrong_label(key: &SeriesKey, synthetic: bool) -> Error {
    let text = if synthetic {
        format!("the file's candles are made up, and those of {key} are real here; they do not mix")
    } else {
        format!(
            "the candles of {key} are made up here, and the file does not say so of its own; a Parquet or feather \
             file exported from here does, CSV cannot"
        )
    };
    Error::Port(PortError::new(ErrorKind::Conflict, text))
}
