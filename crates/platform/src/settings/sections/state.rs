//! Where the platform keeps what it must not forget.

use std::path::PathBuf;

use crate::settings::Reader;

const DATABASE: &str = "state.db";
const SECRETS: &str = "secrets.json";

/// The folder of state, candles, jobs and objects, where no cloud keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateSettings {
    /// The folder: `state.db`, `store/`, `jobs/`, `configs/`, `tasks/`, `strategies/`.
    pub data_dir: PathBuf,
}

impl StateSettings {
    /// The name of the file that a platform locks which runs on the folder.
    pub const LOCK: &str = "platform.lock";

    /// Returns the layout under a folder.
    #[must_use]
    pub fn new(data_dir: PathBuf) -> Self {
        Self { data_dir }
    }

    /// Reads the section. Every program that is given the same folder sees the same jobs and candles.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let data_dir = reader.key("DATA_DIR", "folder of state, candles, jobs and objects");
        Self::new(PathBuf::from(data_dir.also(&["TRADAI_DATA_DIR"]).or("tradai-data".to_owned())))
    }

    /// Returns the file of records: jobs, config versions, events, the audit log.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data_dir.join(DATABASE)
    }

    /// Returns the names of files directly in the folder that are no objects: those of the database and what SQLite has
    /// beside it, secrets, and the lock of the platform that runs there.
    #[must_use]
    pub fn own_files() -> [&'static str; 6] {
        [DATABASE, "state.db-wal", "state.db-shm", "state.db-journal", SECRETS, Self::LOCK]
    }

    /// Returns the folder of candle stores.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.data_dir.join("store")
    }

    /// Returns the folder of what is kept of child processes.
    #[must_use]
    pub fn tasks(&self) -> PathBuf {
        self.data_dir.join("tasks")
    }

    /// Returns the folder of strategies, where no other is set.
    #[must_use]
    pub fn strategies(&self) -> PathBuf {
        self.data_dir.join("strategies")
    }

    /// Returns the file of secrets.
    #[must_use]
    pub fn secrets(&self) -> PathBuf {
        self.data_dir.join(SECRETS)
    }
}
