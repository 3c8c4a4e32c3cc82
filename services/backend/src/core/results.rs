//! What came of backtests: the files that their programs left.
//!
//! Invariant: what is in memory of them is bounded, also while slow clients read it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tradai_control_plane::Error;
use tradai_control_plane::jobs::results_folder;
use tradai_domain::ports::{BlobStore, PortError};
use tradai_domain::{ErrorKind, JobId};
use tradai_runner::results::{Table, TableError};

use super::Backtests;

/// What all files that are in memory may take.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// What is counted at a time, so that semaphores can count it.
const PIECE: u64 = 64 * 1024;
/// How many bytes there may be of one byte of a table, which is stored compressed.
const TAKEN_APART: u64 = 8;
/// How long a file waits for others to be gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest file that is read: a report of a hundred pairs has 20 MB.
const MAX_FILE_BYTES: u64 = 128 * 1024 * 1024;
/// Files of a job's folder; there are five.
const MAX_FILES: usize = 50;

/// A file of a job's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResultFile {
    /// Figures and settings.
    Result,
    /// One row per trade.
    Trades,
    /// The wallet at each candle.
    Equity,
    /// The page.
    Report,
    /// What it ran on.
    Manifest,
}

impl ResultFile {
    fn name(self) -> &'static str {
        match self {
            Self::Result => "result.json",
            Self::Trades => "trades.parquet",
            Self::Equity => "equity.parquet",
            Self::Report => "report.html",
            Self::Manifest => "manifest.json",
        }
    }
}

/// What the programs of jobs wrote while they ran.
#[async_trait]
pub trait JobLogs: Send + Sync {
    /// Returns the end of it, at most so many bytes; `None` when nothing is kept.
    async fn tail(&self, id: JobId, bytes: usize) -> Result<Option<Vec<u8>>, PortError>;
}

/// Reads results.
#[derive(Clone)]
pub(crate) struct Results {
    backtests: Arc<Backtests>,
    blobs: Arc<dyn BlobStore>,
    logs: Option<Arc<dyn JobLogs>>,
    memory: Arc<Semaphore>,
}

impl Results {
    pub(crate) fn new(
        backtests: Arc<Backtests>,
        blobs: Arc<dyn BlobStore>,
        logs: Option<Arc<dyn JobLogs>>,
    ) -> Self {
        Self { backtests, blobs, logs, memory: Arc::new(Semaphore::new(pieces(MEMORY_BYTES) as usize)) }
    }

    /// Returns a file of a completed job.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`] for a job that did not complete; [`Error::Damaged`] where the file is
    /// not there or too long; [`Error::Port`], also while too much is in memory.
    pub(crate) async fn file(&self, id: JobId, file: ResultFile) -> Result<Held<Vec<u8>>, Error> {
        self.read(id, file, 1).await
    }

    /// Returns a document of a completed job.
    ///
    /// # Errors
    /// Those of [`Results::file`]; [`Error::Damaged`] when it is none.
    pub(crate) async fn document(&self, id: JobId, file: ResultFile) -> Result<Map<String, Value>, Error> {
        let bytes = self.file(id, file).await?;
        serde_json::from_slice(&bytes).map_err(|error| damaged(file, error.to_string()))
    }

    /// Takes a table of a completed job apart, where blocking is allowed.
    ///
    /// # Errors
    /// Those of [`Results::file`]; [`Error::Damaged`] when it is no table.
    pub(crate) async fn table<T: Send + 'static>(
        &self,
        id: JobId,
        file: ResultFile,
        take: impl FnOnce(&Table) -> Result<T, TableError> + Send + 'static,
    ) -> Result<Held<T>, Error> {
        let Held { value, memory } = self.read(id, file, TAKEN_APART).await?;
        let taken = tokio::task::spawn_blocking(move || {
            take(&Table::open(value)?).map(|value| Held { value, memory })
        })
        .await;
        let taken = taken.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?;
        taken.map_err(|error| damaged(file, error.to_string()))
    }

    /// Returns the end of what a job's program wrote, at most so many bytes; `None` when nothing is kept.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::Port`].
    pub(crate) async fn log(&self, id: JobId, bytes: usize) -> Result<Option<Vec<u8>>, Error> {
        self.backtests.get(id).await?;
        match &self.logs {
            Some(logs) => Ok(logs.tail(id, bytes).await?),
            None => Ok(None),
        }
    }

    /// Reads a file, and takes the memory that so many times its size needs.
    async fn read(&self, id: JobId, file: ResultFile, times: u64) -> Result<Held<Vec<u8>>, Error> {
        self.backtests.completed(id).await?;
        let folder = results_folder(id)?;
        let key = folder.join(file.name());
        let key = key.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?;
        let entries = self.blobs.list(&folder, None, MAX_FILES).await?;
        let size = entries.iter().find(|entry| entry.key == key).map_or(0, |entry| entry.size_bytes);
        if size > MAX_FILE_BYTES {
            return Err(damaged(file, format!("{size} bytes are more than {MAX_FILE_BYTES}")));
        }
        let memory = self.hold(size.saturating_mul(times)).await?;
        let bytes = self.blobs.get(&key).await?;
        let value = bytes.ok_or_else(|| damaged(file, "it is not there".to_owned()))?;
        Ok(Held { value, memory })
    }

    /// Takes memory; what needs more than there is takes all of it.
    async fn hold(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Error> {
        let memory = self.memory.clone().acquire_many_owned(pieces(bytes));
        let busy = "as many results are being read as may; come back soon";
        let held = timeout(PATIENCE, memory).await;
        let held = held.map_err(|_| PortError::new(ErrorKind::Unavailable, busy).retry_after(PATIENCE))?;
        held.map_err(|_| Error::Stopping)
    }
}

/// What was read, with its part of the memory that all readers share: to be kept until it is sent.
#[derive(Debug)]
pub(crate) struct Held<T> {
    value: T,
    memory: OwnedSemaphorePermit,
}

impl<T> Held<T> {
    /// Returns what was read, of which not much is left.
    pub(crate) fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        self.value.as_ref()
    }
}

fn pieces(bytes: u64) -> u32 {
    u32::try_from(bytes.min(MEMORY_BYTES).div_ceil(PIECE)).unwrap_or(u32::MAX)
}

fn damaged(file: ResultFile, problem: String) -> Error {
    Error::Damaged { what: file.name(), problem }
}
