//! Which adapters stand behind the ports: those of one machine, in one folder.
//!
//! Hosts put use cases on top of a [`Wiring`]; every process that opens the same folder sees the same state.

use std::path::Path;
use std::sync::Arc;

use tradai_domain::ports::{
    ApiKeyRepository, AuditLog, BatchRepository, BlobStore, ConfigRepository, EventBus,
    IdempotencyRepository, JobRepository, SecretStore, WorkflowRuns,
};
use tradai_domain::{Clock, IdSource, RandomIds, SystemClock};
use tradai_embedded::{
    Database, Error, LocalBlobs, LocalSecrets, SqliteApiKeys, SqliteAudit, SqliteBatches, SqliteConfigs,
    SqliteEvents, SqliteIdempotency, SqliteJobs, SqliteWorkflowRuns,
};

use crate::settings::sections::StateSettings;

/// The ports of a host.
#[derive(Clone)]
pub struct Wiring {
    /// Where jobs are kept.
    pub jobs: Arc<dyn JobRepository>,
    /// Where batches of them are kept.
    pub batches: Arc<dyn BatchRepository>,
    /// What is told of them.
    pub events: Arc<dyn EventBus>,
    /// Objects: results of jobs at `jobs/<id>/`.
    pub blobs: Arc<dyn BlobStore>,
    /// Runs of workflows.
    pub workflows: Arc<dyn WorkflowRuns>,
    /// Replies to requests that may come twice.
    pub idempotency: Arc<dyn IdempotencyRepository>,
    /// Config versions.
    pub configs: Arc<dyn ConfigRepository>,
    /// Who did what.
    pub audit: Arc<dyn AuditLog>,
    /// API keys that are made and revoked while services run.
    pub api_keys: Arc<dyn ApiKeyRepository>,
    /// Secrets.
    pub secrets: Arc<dyn SecretStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub ids: Arc<dyn IdSource>,
}

impl Wiring {
    /// Opens the state of a folder, and makes it if there is none. Blocks for as long as another process does the
    /// same.
    ///
    /// # Errors
    /// [`Error`] naming the file that cannot be used.
    pub fn open(
        state: &StateSettings,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let database = Database::open(&state.database())?;
        let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
        let blobs = LocalBlobs::open(&state.data_dir)?.keeping_off(StateSettings::own_files());
        let secrets = LocalSecrets::open(existing(&state.secrets()), environment)?;
        Ok(Self {
            jobs: Arc::new(SqliteJobs::new(events.clone())),
            batches: Arc::new(SqliteBatches::new(database.clone())),
            events: Arc::new(events),
            blobs: Arc::new(blobs),
            workflows: Arc::new(SqliteWorkflowRuns::new(database.clone(), Arc::new(SystemClock))),
            idempotency: Arc::new(SqliteIdempotency::new(database.clone())),
            configs: Arc::new(SqliteConfigs::new(database.clone())),
            api_keys: Arc::new(SqliteApiKeys::new(database.clone())),
            audit: Arc::new(SqliteAudit::new(database)),
            secrets: Arc::new(secrets),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        })
    }
}

/// Returns the number of the layout that the state has once it is open.
#[must_use]
pub fn layout() -> usize {
    Database::layout()
}

fn existing(path: &Path) -> Option<std::path::PathBuf> {
    path.is_file().then(|| path.to_owned())
}

impl std::fmt::Debug for Wiring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wiring")
    }
}

#[cfg(test)]
mod tests {
    use tradai_domain::ErrorKind;

    use super::*;

    /// Every file that the state itself made in its folder.
    #[tokio::test]
    async fn files_of_the_state_are_no_objects() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateSettings::new(folder.path().to_owned());
        let wiring = Wiring::open(&state, []).unwrap();
        let newest = wiring.events.newest().await.unwrap();
        let made = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let made: Vec<String> = made.map(|name| name.into_string().unwrap()).collect();
        assert!(made.iter().any(|name| name == "state.db-wal"), "{made:?}");
        for name in made.iter().map(String::as_str).chain(StateSettings::own_files()) {
            let error = wiring.blobs.get(&name.parse().unwrap()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Invalid, "{name}: {error}");
        }
        assert_eq!(wiring.events.newest().await.unwrap(), newest);
    }
}
