//! What came of backtests: the files that their programs left.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tradai_control_plane::Error;
use tradai_control_plane::jobs::results_folder;
use tradai_domain::ports::{BlobStore, PortError};
use tradai_domain::{ErrorKind, JobId};
use tradai_runner::results::{Table, TableError};

use super::Backtests;

/// Files that are read and taken apart at the same time; each is in memory as a whole.
const READS: usize = 4;
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
    reads: Arc<Semaphore>,
}

impl Results {
    pub(crate) fn new(
        backtests: Arc<Backtests>,
        blobs: Arc<dyn BlobStore>,
        logs: Option<Arc<dyn JobLogs>>,
    ) -> Self {
        Self { backtests, blobs, logs, reads: Arc::new(Semaphore::new(READS)) }
    }

    /// Returns a file of a completed job.
    ///
    /// # Errors
    /// [`Error::NoSuchJob`]; [`Error::NoResult`] for a job that did not complete; [`Error::Damaged`] where the file is
    /// not there or too long; [`Error::Port`].
    pub(crate) async fn file(&self, id: JobId, file: ResultFile) -> Result<Vec<u8>, Error> {
        self.backtests.completed(id).await?;
        let _read = self.reads.acquire().await.map_err(|_| Error::Stopping)?;
        self.read(id, file).await
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
    ) -> Result<T, Error> {
        self.backtests.completed(id).await?;
        let _read = self.reads.acquire().await.map_err(|_| Error::Stopping)?;
        let bytes = self.read(id, file).await?;
        let taken = tokio::task::spawn_blocking(move || take(&Table::open(bytes)?)).await;
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

    async fn read(&self, id: JobId, file: ResultFile) -> Result<Vec<u8>, Error> {
        let folder = results_folder(id)?;
        let key = folder.join(file.name());
        let key = key.map_err(|error| PortError::new(ErrorKind::Internal, error.to_string()))?;
        let entries = self.blobs.list(&folder, None, MAX_FILES).await?;
        let size = entries.iter().find(|entry| entry.key == key).map_or(0, |entry| entry.size_bytes);
        if size > MAX_FILE_BYTES {
            return Err(damaged(file, format!("{size} bytes are more than {MAX_FILE_BYTES}")));
        }
        let bytes = self.blobs.get(&key).await?;
        bytes.ok_or_else(|| damaged(file, "it is not there".to_owned()))
    }
}

fn damaged(file: ResultFile, problem: String) -> Error {
    Error::Damaged { what: file.name(), problem }
}
