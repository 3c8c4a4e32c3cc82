//! What is stored of a job beside its record: what it is asked to do, and what came of it.

use std::fmt::Display;

use tradai_domain::jobs::BacktestJobMessage;
use tradai_domain::ports::{BlobKey, BlobStore, PortError};
use tradai_domain::{ErrorKind, JobId};

/// Objects that are deleted at a time.
const BATCH: usize = 200;

/// Returns the folder of a job's results, which whoever runs it writes whole or not at all.
///
/// # Errors
/// None: a job's id always fits into a key.
pub fn results_folder(id: JobId) -> Result<BlobKey, PortError> {
    format!("jobs/{id}").parse().map_err(no_key)
}

/// Returns the key of a job's config. It is outside the results, whose folder appears in one step.
pub(super) fn config_key(id: JobId) -> Result<BlobKey, PortError> {
    format!("configs/jobs/{id}.json").parse().map_err(no_key)
}

/// Returns what a job is asked to do.
///
/// # Errors
/// [`PortError`] of the storage; of kind `Data` when it is not there or cannot be read.
pub(super) async fn message(blobs: &dyn BlobStore, id: JobId) -> Result<BacktestJobMessage, PortError> {
    let damaged =
        |problem: String| PortError::new(ErrorKind::Data, format!("the config of the job {problem}"));
    let bytes = blobs.get(&config_key(id)?).await?.ok_or_else(|| damaged("is not there".to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(format!("cannot be read: {error}")))
}

fn no_key(error: impl Display) -> PortError {
    PortError::new(ErrorKind::Internal, error.to_string())
}

/// Deletes all that is stored of a job. Idempotent.
pub(super) async fn delete(blobs: &dyn BlobStore, id: JobId) -> Result<(), PortError> {
    let folder = results_folder(id)?;
    loop {
        let entries = blobs.list(&folder, None, BATCH).await?;
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            blobs.delete(&entry.key).await?;
        }
    }
    blobs.delete(&config_key(id)?).await
}
