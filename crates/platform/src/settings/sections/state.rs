//! Where the platform keeps what it must not forget.

use std::path::PathBuf;

use crate::settings::Reader;

/// The folder of state, candles, jobs and objects, where no cloud keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateSettings {
    /// The folder: `state.db`, `store/`, `jobs/`, `configs/`, `tasks/`, `strategies/`.
    pub data_dir: PathBuf,
}

impl StateSettings {
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
        self.data_dir.join("state.db")
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
        self.data_dir.join("secrets.json")
    }
}
