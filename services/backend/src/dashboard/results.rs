//! What pages show of results: key figures, and what the report's scripts draw.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::warn;
use tradai_control_plane::Error;
use tradai_domain::JobId;
use tradai_domain::configs::ConfigId;
use tradai_runner::report::parts;

use super::figures::Figures;
use crate::core::{ResultFile, Results as Files};

/// Jobs whose figures are remembered; a list shows fewer.
const REMEMBERED: usize = 500;
/// How much of the end of a log a page shows.
const LOG_BYTES: usize = 8 * 1024;

/// Reads results. Those of a completed job never change, so that the figures of a list are read once.
pub(super) struct Results {
    files: Files,
    known: Mutex<BTreeMap<JobId, Arc<Figures>>>,
}

impl Results {
    pub(super) fn new(files: Files) -> Self {
        Self { files, known: Mutex::default() }
    }

    /// Returns the key figures of a job; `None` when they are not there or cannot be read: a list goes on without.
    pub(super) async fn figures(&self, id: JobId) -> Option<Arc<Figures>> {
        if let Some(known) = self.known().get(&id) {
            return Some(known.clone());
        }
        let unread =
            |error: &dyn std::fmt::Display| warn!(%error, job_id = %id, "a result cannot be read: {error}");
        let bytes = self.files.file(id, ResultFile::Result).await.inspect_err(|error| unread(error)).ok()?;
        let figures = Arc::new(Figures::read(&bytes).inspect_err(|error| unread(error)).ok()?);
        let mut known = self.known();
        if known.len() >= REMEMBERED {
            // The oldest; ids grow with time.
            known.pop_first();
        }
        known.insert(id, figures.clone());
        Some(figures)
    }

    /// Returns the config version that a job took: the one that was asked for, or the one that was active when it
    /// began. `None` where it took none, or its manifest cannot be read.
    pub(super) async fn config_id(&self, id: JobId) -> Option<ConfigId> {
        let manifest = self.files.document(id, ResultFile::Manifest).await.ok()?;
        manifest.get("config_id")?.as_str()?.parse().ok()
    }

    /// Returns what the scripts draw a result from; `None` where the report is no page of ours.
    pub(super) async fn content(&self, id: JobId) -> Result<Option<String>, Error> {
        let page = self.files.file(id, ResultFile::Report).await?;
        Ok(parts::content_of(&String::from_utf8_lossy(&page)).map(ToOwned::to_owned))
    }

    /// Returns the end of what a job's program wrote; empty when nothing is kept.
    pub(super) async fn log(&self, id: JobId) -> Result<String, Error> {
        let bytes = self.files.log(id, LOG_BYTES).await?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<JobId, Arc<Figures>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
