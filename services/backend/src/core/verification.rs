//! Running a job again and comparing bytes.
//!
//! A run goes on whoever waits for it, and what it found can be asked for afterwards: of each job the last one, in
//! memory, for files may change after it. Invariant: one run at a time, as each takes as much as the job itself did; none
//! outlives the service.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span, warn};
use tradai_control_plane::jobs::Requester;
use tradai_control_plane::{Audit, Error};
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, ErrorKind, IdSource, JobId, Millis, jobs};
use tradai_runner::Progress;
use tradai_runner::backtest::JobFolder;
use tradai_runner::strategies::remake;
use tradai_runner::verify::{Verification, verify};
use tradai_timeseries::{CandleStore, Location};

use super::Backtests;

/// Ended runs that are remembered; the oldest are forgotten first.
const KEPT: usize = 20;

/// Where the verified jobs and what they ran on are.
#[derive(Debug, Clone)]
pub(crate) struct VerifierPlaces {
    /// Results of jobs, a folder each.
    pub(crate) jobs: PathBuf,
    /// The stores of candles, as jobs themselves find them.
    pub(crate) candles: Location,
}

/// Verifies jobs of this machine. Clones share everything.
#[derive(Clone)]
pub(crate) struct Verifier {
    backtests: Arc<Backtests>,
    places: VerifierPlaces,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    runs: Runs,
    audit: Audit,
}

impl Verifier {
    /// Returns the verifier of the jobs in these places.
    pub(crate) fn new(
        backtests: Arc<Backtests>,
        places: VerifierPlaces,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        runs: Runs,
        audit: Audit,
    ) -> Self {
        Self { backtests, places, clock, ids, runs, audit }
    }

    /// Begins to run a completed job again and to compare every file, and returns that run, or the one of this job that
    /// is under way; `None` while another job is verified. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`]; [`Error::Stopping`]; [`Error::Port`].
    pub(crate) async fn start(
        &self,
        id: JobId,
        requester: &Requester,
    ) -> Result<Option<Arc<VerificationRun>>, Error> {
        self.backtests.completed(id).await?;
        let place = match self.runs.take_place(id, &self.clock)? {
            Place::Free(place) => place,
            Place::Taken(run) => return Ok(run),
        };
        if let Err(error) = self.audit.note(requester, "job.verify", id.to_string()).await {
            return Err(place.leave(error));
        }
        let verifier = self.clone();
        Ok(place.begin(move |run| {
            verifier.verify(run).map_err(|error| PortError::new(error.kind(), error.to_string()).into())
        }))
    }

    /// Returns why a run that was joined did not begin, once that is known. Nobody finds it afterwards.
    pub(crate) fn never_began(&self, run: &Arc<VerificationRun>) -> Option<Error> {
        let Some(Err(error)) = run.end()?.found.as_ref() else { return None };
        let is_remembered = self.runs.known().iter().any(|known| Arc::ptr_eq(known, run));
        (!is_remembered).then(|| error.clone())
    }

    /// Returns the last run of a job, if one is remembered.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::Port`].
    pub(crate) async fn last(&self, id: JobId) -> Result<Option<Arc<VerificationRun>>, Error> {
        self.backtests.get(id).await?;
        Ok(self.runs.last(id))
    }

    fn verify(&self, run: &VerificationRun) -> Result<Verification, tradai_runner::Error> {
        let jobs = JobFolder::new(self.places.jobs.clone());
        let manifest = jobs.manifest(&run.job_id)?;
        let strategy = remake(&manifest.source)?;
        let all = &self.places.candles;
        let location = manifest.exchange.as_ref().map_or(all.clone(), |exchange| all.of_exchange(exchange));
        let store = CandleStore::open_location(&location, self.clock.clone(), self.ids.clone())?;
        verify(&jobs, &run.job_id, strategy, &store, run)
    }
}

/// The runs of a process: one under way at most, and those that have ended. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Runs {
    known: Arc<Mutex<VecDeque<Arc<VerificationRun>>>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Runs {
    /// Returns no runs; `stop` ends the one that is under way, `tasks` waits for it.
    pub(crate) fn new(stop: CancellationToken, tasks: TaskTracker) -> Self {
        Self { known: Arc::default(), stop, tasks }
    }

    /// Takes the place of the one run that may be under way.
    fn take_place(&self, id: JobId, clock: &Arc<dyn Clock>) -> Result<Place, Error> {
        let mut known = self.known();
        if self.stop.is_cancelled() {
            return Err(Error::Stopping);
        }
        if let Some(active) = known.iter().find(|run| run.end().is_none()) {
            let is_meant = active.job_id == id && !active.wanted.is_cancelled();
            return Ok(Place::Taken(is_meant.then(|| active.clone())));
        }
        let run = Arc::new(VerificationRun::new(id, clock.now_ms(), self.stop.child_token()));
        known.push_back(run.clone());
        Ok(Place::Free(FreePlace { runs: self.clone(), clock: clock.clone(), run: Some(run) }))
    }

    /// Forgets what a run takes the place of: earlier ones of its job, and the oldest.
    fn replace_by(&self, run: &VerificationRun) {
        let mut known = self.known();
        known.retain(|other| other.job_id != run.job_id || other.end().is_none());
        if known.len() > KEPT {
            known.pop_front();
        }
    }

    fn last(&self, id: JobId) -> Option<Arc<VerificationRun>> {
        self.known().iter().rev().find(|run| run.job_id == id).cloned()
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Arc<VerificationRun>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a run may begin.
enum Place {
    /// It may.
    Free(FreePlace),
    /// Another one is under way: it, if it is of the same job.
    Taken(Option<Arc<VerificationRun>>),
}

/// The place of a run that has not begun. Leaving or dropping it makes room for others; who joined the run is told why
/// there is none.
struct FreePlace {
    runs: Runs,
    clock: Arc<dyn Clock>,
    run: Option<Arc<VerificationRun>>,
}

impl FreePlace {
    /// Begins the run.
    fn begin(
        mut self,
        work: impl FnOnce(&VerificationRun) -> Result<Verification, Error> + Send + 'static,
    ) -> Option<Arc<VerificationRun>> {
        let (run, clock) = (self.run.take()?, self.clock.clone());
        self.runs.replace_by(&run);
        let (span, at_work) = (Span::current(), run.clone());
        let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&at_work)));
        let begun = run.clone();
        let end = async move {
            let done = done
                .await
                .unwrap_or_else(|error| Err(PortError::new(ErrorKind::Internal, error.to_string()).into()));
            begun.finish(clock.now_ms(), done);
        };
        self.runs.tasks.spawn(end.in_current_span());
        Some(run)
    }

    /// Leaves the place for a reason, and returns that.
    fn leave(mut self, why: Error) -> Error {
        self.free(|| why.clone());
        why
    }

    fn free(&mut self, why: impl FnOnce() -> Error) {
        let Some(run) = self.run.take() else { return };
        self.runs.known().retain(|other| !Arc::ptr_eq(other, &run));
        run.finish(self.clock.now_ms(), Err(why()));
    }
}

impl Drop for FreePlace {
    fn drop(&mut self) {
        let gone = "whoever asked for it first went away before it began; ask again";
        self.free(|| PortError::new(ErrorKind::Unavailable, gone).into());
    }
}

/// One run, under way or ended.
#[derive(Debug)]
pub(crate) struct VerificationRun {
    /// What is run again.
    pub(crate) job_id: JobId,
    /// When it began.
    pub(crate) started_at: Millis,
    thousandths: AtomicU16,
    wanted: CancellationToken,
    end: OnceLock<End>,
    ended: CancellationToken,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct End {
    /// When.
    pub(crate) at: Millis,
    /// What it found; `None` when it was stopped before that.
    pub(crate) found: Option<Result<Verification, Error>>,
}

impl VerificationRun {
    fn new(job_id: JobId, started_at: Millis, wanted: CancellationToken) -> Self {
        let (end, ended) = (OnceLock::new(), CancellationToken::new());
        Self { job_id, started_at, thousandths: AtomicU16::new(0), wanted, end, ended }
    }

    /// Returns how far it is.
    pub(crate) fn progress(&self) -> jobs::Progress {
        let done = self.thousandths.load(Ordering::Relaxed);
        jobs::Progress::of(done.into(), jobs::Progress::DONE.thousandths().into())
    }

    /// Returns how it ended, once it has.
    pub(crate) fn end(&self) -> Option<&End> {
        self.end.get()
    }

    /// Waits for its end, so long at most. Cancel safe.
    pub(crate) async fn wait(&self, patience: Duration) {
        // Whether it has ended is asked of the run itself.
        drop(tokio::time::timeout(patience, self.ended.cancelled()).await);
    }

    /// Asks it to end early. Idempotent.
    pub(crate) fn cancel(&self) {
        self.wanted.cancel();
    }

    /// What comes of a run that was told to stop is of no use, whatever it looks like.
    fn finish(&self, at: Millis, done: Result<Verification, Error>) {
        let found = (!self.wanted.is_cancelled()).then_some(done);
        if let Some(Err(error)) = &found {
            warn!(job_id = %self.job_id, %error, "{} could not be run again: {error}", self.job_id);
        }
        self.end.get_or_init(|| End { at, found });
        self.ended.cancel();
    }
}

impl Progress for VerificationRun {
    fn advance(&self, done: u64, total: u64) {
        self.thousandths.store(jobs::Progress::of(done, total).thousandths(), Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.wanted.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

    use tradai_domain::ManualClock;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn id(n: usize) -> JobId {
        format!("018cc251-f400-7000-8000-{n:012}").parse().unwrap()
    }

    fn same(run: &VerificationRun) -> Result<Verification, Error> {
        Ok(Verification { job_id: run.job_id, files: Vec::new(), notes: Vec::new() })
    }

    /// Runs, and work that goes on until it is let go, or forgotten, or told to stop.
    struct World {
        runs: Runs,
        stop: CancellationToken,
        tasks: TaskTracker,
        clock: Arc<ManualClock>,
    }

    impl World {
        fn new() -> Self {
            let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
            let clock = Arc::new(ManualClock::at(7));
            Self { runs: Runs::new(stop.clone(), tasks.clone()), stop, tasks, clock }
        }

        fn start(&self, n: usize) -> (Sender<()>, Option<Arc<VerificationRun>>) {
            let (go, gone): (Sender<()>, Receiver<()>) = channel();
            let run = self.begin(n, move |run| {
                run.advance(1, 4);
                while !run.is_stopped() && gone.try_recv() == Err(TryRecvError::Empty) {
                    std::thread::yield_now();
                }
                same(run)
            });
            (go, run)
        }

        fn place(&self, n: usize) -> Result<Place, Error> {
            let clock: Arc<dyn Clock> = self.clock.clone();
            self.runs.take_place(id(n), &clock)
        }

        fn begin(
            &self,
            n: usize,
            work: impl FnOnce(&VerificationRun) -> Result<Verification, Error> + Send + 'static,
        ) -> Option<Arc<VerificationRun>> {
            match self.place(n).unwrap() {
                Place::Free(place) => place.begin(work),
                Place::Taken(run) => run,
            }
        }
    }

    #[tokio::test]
    async fn a_run_goes_on_though_nobody_waits_and_others_join_it() {
        let world = World::new();
        let (go, run) = world.start(1);
        let run = run.unwrap();
        run.wait(Duration::ZERO).await;
        assert!(run.end().is_none());
        let (_, joined) = world.start(1);
        assert!(Arc::ptr_eq(&joined.unwrap(), &run));
        assert!(world.start(2).1.is_none(), "one at a time");
        world.clock.advance(2);
        go.send(()).unwrap();
        run.wait(LONG).await;
        let end = run.end().unwrap();
        assert_eq!((end.at, run.progress().thousandths()), (9, 250));
        assert!(matches!(&end.found, Some(Ok(found)) if found.job_id == id(1)));
        assert!(Arc::ptr_eq(&world.runs.last(id(1)).unwrap(), &run));
        let (_, again) = world.start(1);
        assert!(!Arc::ptr_eq(&again.unwrap(), &run), "files may have changed since");
    }

    #[tokio::test]
    async fn a_run_that_is_not_wanted_any_more_ends_and_found_nothing() {
        let world = World::new();
        let (_go, run) = world.start(1);
        let run = run.unwrap();
        run.cancel();
        run.wait(LONG).await;
        assert!(run.end().unwrap().found.is_none());
        assert!(world.start(2).1.is_some(), "others take its place");
    }

    #[tokio::test]
    async fn runs_end_with_the_service() {
        let world = World::new();
        let (_go, run) = world.start(1);
        world.stop.cancel();
        world.tasks.close();
        world.tasks.wait().await;
        assert!(run.unwrap().end().unwrap().found.is_none());
        assert_eq!(world.place(2).err(), Some(Error::Stopping));
    }

    #[tokio::test]
    async fn a_run_that_panics_has_failed_and_makes_room() {
        let world = World::new();
        let run = world.begin(1, |_| panic!("on purpose")).unwrap();
        run.wait(LONG).await;
        assert!(matches!(&run.end().unwrap().found, Some(Err(error)) if error.kind() == ErrorKind::Internal));
        assert!(world.start(2).1.is_some());
    }

    #[tokio::test]
    async fn a_place_that_is_not_used_is_free_again_and_the_run_before_is_remembered() {
        let world = World::new();
        let before = world.begin(1, same).unwrap();
        before.wait(LONG).await;
        let place = world.place(1).unwrap();
        let Place::Taken(Some(joined)) = world.place(1).unwrap() else { panic!("it is joined") };
        assert!(matches!(world.place(2).unwrap(), Place::Taken(None)), "one at a time");
        drop(place);
        joined.wait(LONG).await;
        let told = joined.end().unwrap().found.as_ref();
        assert!(matches!(told, Some(Err(error)) if error.to_string().contains("ask again")), "{told:?}");
        assert!(Arc::ptr_eq(&world.runs.last(id(1)).unwrap(), &before));
        assert!(matches!(world.place(2).unwrap(), Place::Free(_)));
    }

    #[tokio::test]
    async fn who_joined_a_run_that_may_not_begin_is_told_the_reason_of_whoever_began_it() {
        let world = World::new();
        let Place::Free(place) = world.place(1).unwrap() else { panic!("nothing runs") };
        let Place::Taken(Some(joined)) = world.place(1).unwrap() else { panic!("it is joined") };
        let why: Error = PortError::new(ErrorKind::Unavailable, "the audit log is away").into();
        assert_eq!(place.leave(why.clone()), why);
        joined.wait(LONG).await;
        assert!(matches!(&joined.end().unwrap().found, Some(Err(told)) if *told == why));
        assert!(world.runs.last(id(1)).is_none() && matches!(world.place(1).unwrap(), Place::Free(_)));
    }

    #[tokio::test]
    async fn the_oldest_runs_are_forgotten() {
        let world = World::new();
        for n in 0..=KEPT {
            let run = world.begin(n, same).unwrap();
            run.wait(LONG).await;
        }
        assert!(world.runs.last(id(0)).is_none() && world.runs.last(id(1)).is_some());
        assert_eq!(world.runs.known().len(), KEPT);
    }
}
