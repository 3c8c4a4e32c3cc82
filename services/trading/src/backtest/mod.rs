//! A backtest job, from its record to its folder.

mod meter;
mod plan;

use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, error, info, info_span, warn};
use tradai_control_plane::jobs::{JobReports, Reported, manifest_key, results_folder};
use tradai_domain::jobs::{JobChange, JobFigures, JobRecord, JobStatus, PinnedConfig};
use tradai_domain::{JobId, Millis};
use tradai_otlp::{SpanIds, begin};
use tradai_platform::wiring::Wiring;
use tradai_runner::GIT_COMMIT;
use tradai_runner::backtest::{Finished, JobFolder};

use crate::{Error, TradingSettings};
use meter::{Meter, follow};
use plan::{Plan, stored_config};

/// Runs a job to its end: reports that it runs and how far it is, writes its folder, and reports what came of it. A job
/// that completed is not run again, and one whose folder is there already only has to be reported.
///
/// Dropping the future gives the job up, as `stop` does: nothing is reported then, and no folder is written.
///
/// # Errors
/// [`Error`]; the job's record says why, unless it has ended in another way or the program was told to stop.
pub async fn run_job(
    settings: &TradingSettings,
    wiring: &Wiring,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let id = settings.job_id;
    let strategy = &settings.request.strategy;
    // A part of the trace of its own, wherever the job runs: that of who asked for it has long ended.
    let span =
        info_span!(parent: None, "job", job_id = %id, trace_id = %settings.trace_id, strategy = %strategy);
    let span_id = wiring.ids.next(wiring.clock.as_ref()).as_u64_pair().1;
    begin(&span, SpanIds { trace_id: settings.trace_id, span_id, parent_id: None, sampled: true });
    let job = Job {
        id,
        settings,
        wiring,
        reports: JobReports::new(wiring.jobs.clone(), wiring.events.clone(), wiring.clock.clone()),
        folders: JobFolder::new(settings.state.data_dir.join("jobs")),
    };
    async {
        let ended = job.run(stop).await;
        if let Err(error) = &ended {
            job.report_failure(error).await;
        }
        ended
    }
    .instrument(span)
    .await
}

struct Job<'a> {
    id: JobId,
    settings: &'a TradingSettings,
    wiring: &'a Wiring,
    reports: JobReports,
    folders: JobFolder,
}

impl Job<'_> {
    async fn run(&self, stop: &CancellationToken) -> Result<(), Error> {
        let git_commit = Some(GIT_COMMIT.to_owned()).filter(|commit| !commit.is_empty());
        let record = self.report(JobChange { git_commit, ..self.status(JobStatus::Running) }).await?;
        match record.status {
            JobStatus::Pending | JobStatus::Running => {}
            JobStatus::Completed => {
                info!("job {} has its result already", self.id);
                return Ok(());
            }
            status @ (JobStatus::Failed | JobStatus::Cancelled) => {
                return Err(Error::Ended { id: self.id, status });
            }
        }
        // An earlier attempt may have died while it wrote.
        let folders = self.folders.clone();
        on_a_thread(move || Ok(folders.sweep())).await?;
        if self.is_written() {
            info!("the folder of job {} is there already; whoever wrote it died before it said so", self.id);
            return self.complete().await;
        }
        let given_up = CancellationToken::new();
        // The engine runs on a thread of its own, which nobody can end but itself.
        let _guard = given_up.clone().drop_guard();
        let finished = tokio::select! {
            finished = self.compute(&record, given_up.clone()) => finished?,
            () = stop.cancelled() => return Err(Error::Stopped),
        };
        if let Err(error) = self.write(finished, given_up.clone()).await
            && !self.is_written()
        {
            return Err(error);
        }
        self.complete().await
    }

    /// Returns whether the job's folder is there: of an earlier run, or of one at the same time.
    fn is_written(&self) -> bool {
        self.folders.manifest(&self.id).is_ok_and(|manifest| manifest.job_id == self.id)
    }

    /// Runs the engine until it ends, or the job turns out to have ended.
    async fn compute(&self, record: &JobRecord, given_up: CancellationToken) -> Result<Finished, Error> {
        let (asked, created_at) = (self.settings.config()?, record.created_at);
        let stored = stored_config(&asked, record.config.as_ref(), self.wiring).await?;
        let config = Some(PinnedConfig::of(stored.as_ref()));
        let (settings, wiring) = (self.settings.clone(), self.wiring.clone());
        let plan = on_a_thread(move || Plan::new(&settings, &wiring, stored, created_at)).await?;
        let strategy_version = plan.strategy_version().map(str::to_owned);
        self.report(JobChange { strategy_version, config, at: self.now(), ..JobChange::default() }).await?;
        let (meter, progress) = Meter::new(given_up);
        tokio::select! {
            finished = on_a_thread(move || plan.run(&meter)) => finished,
            error = follow(&self.reports, self.id, progress, self.wiring.clock.as_ref()) => Err(error),
        }
    }

    /// Writes the folder; not of a job that is given up meanwhile.
    async fn write(&self, mut finished: Finished, given_up: CancellationToken) -> Result<(), Error> {
        let (folders, id) = (self.folders.clone(), self.id);
        on_a_thread(move || {
            finished.write(&folders)?;
            if given_up.is_cancelled() {
                folders.remove(&id)?;
            }
            Ok(())
        })
        .await
    }

    async fn complete(&self) -> Result<(), Error> {
        // The folder may be of another run, and who wrote it have died before it was on the disk.
        let (folders, id) = (self.folders.clone(), self.id);
        let figures = on_a_thread(move || {
            folders.sync()?;
            Ok(figures(&folders, id))
        })
        .await?;
        let blobs = &self.wiring.blobs;
        let result_s3_path = Some(blobs.uri(&results_folder(self.id)?));
        let config_s3_path = Some(blobs.uri(&manifest_key(self.id)?));
        let done = JobChange { config_s3_path, result_s3_path, figures, ..self.status(JobStatus::Completed) };
        let ended = match self.report(done).await {
            Ok(JobRecord { status: JobStatus::Completed, .. }) => return Ok(()),
            Ok(record) => Error::Ended { id: self.id, status: record.status },
            Err(error @ Error::NoSuchJob { .. }) => error,
            // The folder is whole, and whoever runs the job again finds it.
            Err(error) => return Err(error),
        };
        self.folders.remove(&self.id)?;
        Err(ended)
    }

    /// Reports, and returns the record as it stands.
    async fn report(&self, change: JobChange) -> Result<JobRecord, Error> {
        let reported = self.reports.insist(self.id, change).await?;
        reported.map(|Reported { record, .. }| record).ok_or(Error::NoSuchJob { id: self.id })
    }

    async fn report_failure(&self, failure: &Error) {
        if matches!(failure, Error::NoSuchJob { .. } | Error::Ended { .. } | Error::Stopped) {
            info!("{failure}");
            return;
        }
        let reason = failure.chain();
        error!(error = %reason, "job {} failed: {reason}", self.id);
        let change = JobChange { error: Some(reason), ..self.status(JobStatus::Failed) };
        if let Err(error) = self.report(change).await {
            warn!(%error, "the failure could not be reported; whoever watches over the process does: {error}");
        }
    }

    fn status(&self, status: JobStatus) -> JobChange {
        JobChange::status(status, self.now())
    }

    fn now(&self) -> Millis {
        self.wiring.clock.now_ms()
    }
}

/// Reads the figures of a job's folder. They are shown beside the result: without them it is complete all the same.
fn figures(folders: &JobFolder, id: JobId) -> Option<JobFigures> {
    match folders.summary(&id) {
        Ok(summary) => summary.result.as_object().map(JobFigures::of_result),
        Err(error) => {
            warn!(%error, "the figures of job {id} cannot be read from its folder: {error}");
            None
        }
    }
}

/// Does something that blocks.
async fn on_a_thread<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let span = Span::current();
    let done = tokio::task::spawn_blocking(move || span.in_scope(act)).await;
    done.unwrap_or_else(|error| Err(panicked(error)))
}

/// Says what a thread said that panicked.
fn panicked(error: tokio::task::JoinError) -> Error {
    let Ok(panic) = error.try_into_panic() else { return Error::Stopped };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let message = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Panicked { message: message.unwrap_or_else(|| "nothing".to_owned()) }
}
