//! One writer at a time, in whatever process.

use std::fs::File;
use std::io;
use std::path::Path;

/// Held while files of a folder are changed; given back when dropped, and by the system when its process dies.
#[derive(Debug)]
pub(super) struct FolderLock(File);

impl FolderLock {
    /// Waits for whoever holds the lock of the folder. Blocks.
    pub(super) fn take(folder: &Path) -> io::Result<Self> {
        let path = folder.join(".strategies.lock");
        let file = File::options().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(Self(file))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing the file does the same; this only does it at once.
        self.0.unlock().ok();
    }
}
