//! Who runs a platform on a data folder: at most one `tradai up`, and where it listens.
//!
//! Invariant: whoever holds the lock of [`FILE`] is up, and nobody else is; the system lets go of it however a
//! process ends. What the file says counts while the lock is held.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tradai_platform::settings::sections::StateSettings;

use super::UpError;

/// The file of the data folder that a platform locks.
const FILE: &str = StateSettings::LOCK;
/// Bytes of it that are looked at.
const MAX_BYTES: u64 = 64 * 1024;
/// Whoever asks whether a platform runs holds the lock for a moment.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A platform that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// Its process.
    pub(crate) pid: u32,
    /// The backend, with the dashboard.
    pub(crate) backend: String,
    /// The data-collection service.
    pub(crate) data_collection: String,
    /// The strategy-service.
    pub(crate) strategy_service: String,
    /// The sandbox exchange, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sandbox: Option<String>,
}

impl Running {
    /// Returns the platform that runs on a data folder, if one does and has said where.
    ///
    /// # Errors
    /// When the folder's lock cannot be asked.
    pub(crate) fn of(folder: &Path) -> std::io::Result<Option<Self>> {
        let mut file = match File::open(folder.join(FILE)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(read(&mut file)),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn read(file: &mut File) -> Option<Running> {
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// A data folder that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct FolderLock(File);

impl FolderLock {
    /// Takes a folder.
    ///
    /// # Errors
    /// [`UpError::FolderInUse`] when a platform runs on it, [`UpError::Folder`] when it cannot be locked.
    pub(super) fn take(folder: &Path) -> Result<Self, UpError> {
        let unusable = |source| UpError::Folder { folder: folder.to_owned(), source };
        let path = folder.join(FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = file.as_mut().map_err(|error| unusable(std::io::Error::from(error.kind())))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    // What the last platform said does not hold for this one.
                    file.set_len(0).map_err(unusable)?;
                    return Ok(Self(file.try_clone().map_err(unusable)?));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
        }
        Err(UpError::FolderInUse {
            folder: folder.to_owned(),
            by: Running::of(folder).ok().flatten().map(Box::new),
        })
    }

    /// Says where the platform listens.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn tell(&mut self, running: &Running) -> std::io::Result<()> {
        self.0.seek(SeekFrom::Start(0))?;
        self.0.write_all(&serde_json::to_vec(running)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            pid: 7,
            backend: "http://127.0.0.1:8000".to_owned(),
            data_collection: "http://127.0.0.1:8002".to_owned(),
            strategy_service: "http://127.0.0.1:8003".to_owned(),
            sandbox: None,
        }
    }

    #[test]
    fn a_folder_has_one_platform_and_tells_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Running::of(folder.path()).unwrap(), None);
        let mut lock = FolderLock::take(folder.path()).unwrap();
        assert_eq!(Running::of(folder.path()).unwrap(), None, "it has not said where");
        lock.tell(&running()).unwrap();
        assert_eq!(Running::of(folder.path()).unwrap(), Some(running()));
        let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("process 7, http://127.0.0.1:8000"), "{refused}");
        drop(lock);
        assert_eq!(Running::of(folder.path()).unwrap(), None, "what it said was its own");
        FolderLock::take(folder.path()).unwrap();
    }
}
