//! What is stored of a job beside its record.

use tradai_domain::ports::{BlobKey, BlobStore, PortError};
use tradai_domain::{ErrorKind, JobId};

/// Objects that are deleted at a time.
const BATCH: usize = 200;

/// Returns the folder of a job.
fn folder(id: JobId) -> Result<BlobKey, PortError> {
    format!("jobs/{id}").parse().map_err(|error| PortError::new(ErrorKind::Internal, format!("{error}")))
}

/// Returns the key of a job's config.
pub(super) fn config_key(id: JobId) -> Result<BlobKey, PortError> {
    let key = folder(id)?.join("config.json");
    key.map_err(|error| PortError::new(ErrorKind::Internal, format!("{error}")))
}

/// Deletes all that is stored of a job. Idempotent.
pub(super) async fn delete(blobs: &dyn BlobStore, id: JobId) -> Result<(), PortError> {
    let folder = folder(id)?;
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
