//! What tasks wrote: in the folders that the executor keeps of them, or, while they are containers, with the daemon.

use std::fs::File;
use std::io::{ErrorKind as Io, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tradai_domain::ports::PortError;
use tradai_domain::{ErrorKind, JobId};
use tradai_embedded::DockerTasks;

use crate::core::JobLogs;

/// [`JobLogs`] of the tasks in a folder, one folder per job.
#[derive(Debug, Clone)]
pub(crate) struct TaskLogs {
    root: PathBuf,
    containers: Option<Arc<DockerTasks>>,
}

impl TaskLogs {
    pub(crate) fn new(root: PathBuf, containers: Option<Arc<DockerTasks>>) -> Self {
        Self { root, containers }
    }
}

#[async_trait]
impl JobLogs for TaskLogs {
    async fn tail(&self, id: JobId, bytes: usize) -> Result<Option<Vec<u8>>, PortError> {
        if let Some(containers) = &self.containers
            && let Some(output) = containers.output(&id.to_string(), bytes).await?
        {
            return Ok(Some(output));
        }
        let path = self.root.join(id.to_string()).join("output");
        let read = tokio::task::spawn_blocking(move || tail(&path, bytes)).await;
        let read = read.map_err(|_| PortError::new(ErrorKind::Internal, "the call was stopped"))?;
        read.map_err(|error| {
            tracing::warn!(%error, job_id = %id, "the output of a job cannot be read: {error}");
            PortError::new(ErrorKind::Unavailable, "the output of the job cannot be read")
        })
    }
}

fn tail(path: &Path, bytes: usize) -> std::io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == Io::NotFound => return Ok(None),
        file => file?,
    };
    let most = u64::try_from(bytes).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(most)))?;
    let mut end = Vec::new();
    // It may grow while it is read.
    file.take(most).read_to_end(&mut end)?;
    Ok(Some(end))
}
