//! What came of a job: objects beside its record.

use std::fmt::Display;

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

/// Returns where the manifest of a job is, among its results: what it ran with, and on what.
///
/// # Errors
/// As [`results_folder`].
pub fn manifest_key(id: JobId) -> Result<BlobKey, PortError> {
    format!("jobs/{id}/manifest.json").parse().map_err(no_key)
}

fn no_key(error: impl Display) -> PortError {
    PortError::new(ErrorKind::Internal, error.to_string())
}

/// Deletes all that came of a job. Idempotent.
pub(super) async fn delete(blobs: &dyn BlobStore, id: JobId) -> Result<(), PortError> {
    let folder = results_folder(id)?;
    loop {
        let entries = blobs.list(&folder, None, BATCH).await?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            blobs.delete(&entry.key).await?;
        }
    }
}
