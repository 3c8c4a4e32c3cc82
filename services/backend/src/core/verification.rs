//! Running a job again and comparing bytes.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tracing::Span;
use tradai_control_plane::Error;
use tradai_domain::ports::PortError;
use tradai_domain::{Clock, ErrorKind, IdSource, JobId};
use tradai_runner::backtest::JobFolder;
use tradai_runner::strategies::remake;
use tradai_runner::verify::{Verification, verify};
use tradai_timeseries::{CandleStore, Location};

use super::Backtests;

/// Verifies jobs of this machine, one at a time: each takes as much as the job itself did.
#[derive(Clone)]
pub(crate) struct Verifier {
    backtests: Arc<Backtests>,
    data_dir: PathBuf,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdSource>,
    place: Arc<Semaphore>,
}

impl Verifier {
    /// Returns the verifier of the jobs in a data folder: `jobs/` on the candles of `store/`.
    pub(crate) fn new(
        backtests: Arc<Backtests>,
        data_dir: PathBuf,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn IdSource>,
    ) -> Self {
        Self { backtests, data_dir, clock, ids, place: Arc::new(Semaphore::new(1)) }
    }

    /// Runs a completed job again, and compares every file; `None` while another job is verified.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`]; [`Error::Port`].
    pub(crate) async fn verify(&self, id: JobId) -> Result<Option<Verification>, Error> {
        self.backtests.completed(id).await?;
        let Ok(place) = self.place.clone().try_acquire_owned() else { return Ok(None) };
        let (verifier, span) = (self.clone(), Span::current());
        let run = tokio::task::spawn_blocking(move || {
            let _entered = span.entered();
            let verified = verifier.run(id);
            // A client that left does not make room: the work goes on to its end.
            drop(place);
            verified
        });
        let verified = run.await.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?;
        Ok(Some(verified.map_err(|error| PortError::new(error.kind(), error.to_string()))?))
    }

    fn run(&self, id: JobId) -> Result<Verification, tradai_runner::Error> {
        let jobs = JobFolder::new(self.data_dir.join("jobs"));
        let manifest = jobs.manifest(&id)?;
        let strategy = remake(&manifest.source)?;
        let all = Location::Directory(self.data_dir.join("store"));
        let location = manifest.exchange.as_ref().map_or(all.clone(), |exchange| all.of_exchange(exchange));
        let store = CandleStore::open_location(&location, self.clock.clone(), self.ids.clone())?;
        verify(&jobs, &id, strategy, &store, &())
    }
}
