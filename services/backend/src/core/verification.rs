//! Running a job again and comparing bytes.
//!
//! Invariant: a run goes on for as long as somebody waits for it, and no longer than the service.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::Span;
use tradai_control_plane::Error;
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, ErrorKind, IdSource, JobId};
use tradai_runner::Progress;
use tradai_runner::backtest::JobFolder;
use tradai_runner::strategies::remake;
use tradai_runner::verify::{Verification, verify};
use tradai_timeseries::{CandleStore, Location};

use super::Backtests;

/// Where the verified jobs and what they ran on are.
#[derive(Debug, Clone)]
pub(crate) struct VerifierPlaces {
    /// Results of jobs, a folder each.
    pub(crate) jobs: PathBuf,
    /// The stores of candles, as jobs themselves find them.
    pub(crate) candles: Location,
}

/// Verifies jobs of this machine, one at a time: each takes as much as the job itself did.
#[derive(Clone)]
pub(crate) struct Verifier {
    backtests: Arc<Backtests>,
    places: VerifierPlaces,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    stop: CancellationToken,
    turn: Arc<Semaphore>,
}

impl Verifier {
    /// Returns the verifier of the jobs in these places; `stop` ends the run that is under way.
    pub(crate) fn new(
        backtests: Arc<Backtests>,
        places: VerifierPlaces,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
        stop: CancellationToken,
    ) -> Self {
        Self { backtests, places, clock, ids, stop, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Runs a completed job again, and compares every file; `None` while another job is verified. Ends the run where
    /// the future is dropped.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`]; [`Error::Port`].
    pub(crate) async fn verify(&self, id: JobId) -> Result<Option<Verification>, Error> {
        self.backtests.completed(id).await?;
        let Ok(turn) = self.turn.clone().try_acquire_owned() else { return Ok(None) };
        let verifier = self.clone();
        let verified = while_wanted(&self.stop, move |progress| {
            // Given back when the run has ended, not when its client left: until then the machine is busy.
            let _turn = turn;
            verifier.run(id, progress)
        });
        Ok(Some(verified.await?.map_err(|error| PortError::new(error.kind(), error.to_string()))?))
    }

    fn run(&self, id: JobId, progress: &dyn Progress) -> Result<Verification, tradai_runner::Error> {
        let jobs = JobFolder::new(self.places.jobs.clone());
        let manifest = jobs.manifest(&id)?;
        let strategy = remake(&manifest.source)?;
        let all = &self.places.candles;
        let location = manifest.exchange.as_ref().map_or(all.clone(), |exchange| all.of_exchange(exchange));
        let store = CandleStore::open_location(&location, self.clock.clone(), self.ids.clone())?;
        verify(&jobs, &id, strategy, &store, progress)
    }
}

/// Does work where blocking is allowed. It is told to stop when the future is dropped, or on the word.
async fn while_wanted<T: Send + 'static>(
    stop: &CancellationToken,
    work: impl FnOnce(&dyn Progress) -> T + Send + 'static,
) -> Result<T, PortError> {
    let (wanted, span) = (Wanted(stop.child_token()), Span::current());
    let _until_dropped = wanted.0.clone().drop_guard();
    let done = tokio::task::spawn_blocking(move || span.in_scope(|| work(&wanted))).await;
    done.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))
}

/// Says when nobody wants the rest.
struct Wanted(CancellationToken);

impl Progress for Wanted {
    fn advance(&self, _done: u64, _total: u64) {}

    fn is_stopped(&self) -> bool {
        self.0.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    /// Work that goes on until it is told to stop, and says when it begins and when it has ended.
    fn endless(began: oneshot::Sender<()>, ended: oneshot::Sender<()>) -> impl FnOnce(&dyn Progress) + Send {
        move |progress| {
            began.send(()).unwrap();
            while !progress.is_stopped() {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
        }
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let stop = CancellationToken::new();
        let ((began, begins), (ended, ends)) = (oneshot::channel(), oneshot::channel());
        tokio::select! {
            biased;
            _ = while_wanted(&stop, endless(began, ended)) => panic!("it ends by itself"),
            begun = begins => begun.unwrap(),
        }
        ends.await.unwrap();
        assert!(!stop.is_cancelled(), "others go on");
    }

    #[tokio::test]
    async fn work_ends_with_the_service() {
        let stop = CancellationToken::new();
        let ((began, begins), (ended, ends)) = (oneshot::channel(), oneshot::channel());
        let word = async {
            begins.await.unwrap();
            stop.cancel();
        };
        let (done, ()) = tokio::join!(while_wanted(&stop, endless(began, ended)), word);
        done.unwrap();
        ends.await.unwrap();
    }
}
