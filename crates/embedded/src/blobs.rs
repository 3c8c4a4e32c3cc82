//! Objects in a directory.

use std::collections::BTreeSet;
use std::io::{ErrorKind as Io, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tempfile::NamedTempFile;
use tradai_domain::ErrorKind;
use tradai_domain::ports::{BlobEntry, BlobKey, BlobStore, PortError};

use crate::Error;

/// [`BlobStore`] in a directory: one file per object, written beside its place and renamed into it.
///
/// A key cannot be an object and a folder of others at the same time, unlike in a bucket.
#[derive(Debug, Clone)]
pub struct LocalBlobs {
    root: PathBuf,
    /// Names in the directory that are no object's, nor a folder of objects.
    taken: Arc<BTreeSet<String>>,
}

/// Whether an object may take another one's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Put {
    Replace,
    Create,
}

impl LocalBlobs {
    /// Opens a directory, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::Io`] naming the directory.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let io = |source| Error::Io { path: root.to_owned(), source };
        std::fs::create_dir_all(root).map_err(io)?;
        Ok(Self { root: std::fs::canonicalize(root).map_err(io)?, taken: Arc::default() })
    }

    /// Keeps off files that others have directly in the directory: no key that names one is let through, not even to be
    /// read. To open and close a database's file, in the process that uses it, drops that process's locks on it (POSIX),
    /// and then others write where it does.
    #[must_use]
    pub fn keeping_off<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self { taken: Arc::new(names.into_iter().map(str::to_owned).collect()), ..self }
    }

    /// Refuses the key of something that is no object.
    fn check(&self, key: &BlobKey) -> Result<(), PortError> {
        let first = key.as_str().split('/').next().unwrap_or_default();
        // Of names in capitals, too: there are disks on which they are the same file.
        if !self.taken.iter().any(|taken| taken.eq_ignore_ascii_case(first)) {
            return Ok(());
        }
        let text =
            format!("{key} is no key of an object: {first} is the platform's own file; use another name");
        Err(PortError::new(ErrorKind::Invalid, text))
    }

    /// Returns where an object is or would be.
    #[must_use]
    pub fn path(&self, key: &BlobKey) -> PathBuf {
        self.root.join(key.as_str())
    }

    async fn run<T: Send + 'static>(
        &self,
        key: &BlobKey,
        act: impl FnOnce(PathBuf) -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, PortError> {
        self.check(key)?;
        let path = self.path(key);
        let done = tokio::task::spawn_blocking(move || act(path)).await;
        let done = done.map_err(|_| PortError::new(ErrorKind::Internal, "the call was stopped"))?;
        done.map_err(|error| {
            tracing::debug!(%error, %key, "an object cannot be used: {error}");
            let kind = match error.kind() {
                Io::NotADirectory | Io::IsADirectory => ErrorKind::Conflict,
                _ => ErrorKind::Unavailable,
            };
            PortError::new(kind, format!("the object {key} cannot be used: {}", error.kind()))
        })
    }
}

fn put(path: &Path, bytes: &[u8], how: Put) -> std::io::Result<bool> {
    let folder = path.parent().unwrap_or(path);
    let mut file = begin(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    let done = place(file, path, how)?;
    sync_folder(folder)?;
    Ok(done)
}

/// Begins a file in a folder, which is made if it is not there.
fn begin(folder: &Path) -> std::io::Result<NamedTempFile> {
    // Whoever deletes the last object takes the folder away, maybe just after it was made here.
    const TRIES: u32 = 100;
    let begun = || {
        create_folders(folder)?;
        // A name that begins with a dot is no key's, so that nobody reads or lists what is half written.
        tempfile::Builder::new().prefix(".put-").tempfile_in(folder)
    };
    for _ in 1..TRIES {
        match begun() {
            Err(error) if error.kind() == Io::NotFound => {}
            done => return done,
        }
    }
    begun()
}

fn place(file: NamedTempFile, path: &Path, how: Put) -> std::io::Result<bool> {
    match how {
        Put::Replace => file.persist(path).map(|_| true).map_err(|refused| refused.error),
        Put::Create => match file.persist_noclobber(path) {
            Ok(_) => Ok(true),
            Err(refused) if refused.error.kind() == Io::AlreadyExists => Ok(false),
            Err(refused) => Err(refused.error),
        },
    }
}

/// Makes folders so that they are there after a loss of power: a new name is a change of the folder above it.
fn create_folders(folder: &Path) -> std::io::Result<()> {
    let missing = folder.ancestors().take_while(|folder| !folder.is_dir()).count();
    if missing > 0 {
        std::fs::create_dir_all(folder)?;
    }
    folder.ancestors().skip(1).take(missing).try_for_each(sync_folder)
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

/// Removes the folder that an object left if it is empty now: programs that look at the directory find nothing.
fn left_by(folder: &Path) -> std::io::Result<()> {
    let synced = match (std::fs::remove_dir(folder), folder.parent()) {
        (Ok(()), Some(above)) => sync_folder(above),
        _ => sync_folder(folder),
    };
    match synced {
        // Whoever deleted what was still in it has removed it since, and synced that.
        Err(error) if error.kind() == Io::NotFound => Ok(()),
        synced => synced,
    }
}

/// Adds the files under a folder, those that are being written left out.
fn walk(folder: &Path, prefix: &BlobKey, found: &mut Vec<BlobEntry>) -> std::io::Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let key = entry.file_name().to_str().and_then(|name| prefix.join(name).ok());
        let Some(key) = key else { continue };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &key, found)?;
        } else if kind.is_file() {
            match entry.metadata() {
                // Deleted since the folder was read.
                Err(error) if error.kind() == Io::NotFound => {}
                metadata => found.push(BlobEntry { key, size_bytes: metadata?.len() }),
            }
        }
    }
    Ok(())
}

#[async_trait]
impl BlobStore for LocalBlobs {
    async fn put(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<(), PortError> {
        self.run(key, move |path| put(&path, &bytes, Put::Replace)).await.map(drop)
    }

    async fn put_if_absent(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<bool, PortError> {
        self.run(key, move |path| put(&path, &bytes, Put::Create)).await
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, PortError> {
        let read = |path: PathBuf| match std::fs::read(path) {
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(None),
            bytes => bytes.map(Some),
        };
        self.run(key, read).await
    }

    async fn list(
        &self,
        folder: &BlobKey,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> Result<Vec<BlobEntry>, PortError> {
        let (prefix, after) = (folder.clone(), after.cloned());
        let list = move |path: PathBuf| {
            let mut found = Vec::new();
            walk(&path, &prefix, &mut found)?;
            found.sort_unstable_by(|one, other| one.key.cmp(&other.key));
            found.retain(|entry| after.as_ref().is_none_or(|after| entry.key > *after));
            found.truncate(limit);
            Ok(found)
        };
        self.run(folder, list).await
    }

    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        let delete = |path: PathBuf| match std::fs::remove_file(&path) {
            Err(error) if matches!(error.kind(), Io::NotFound | Io::NotADirectory) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => path.parent().map_or(Ok(()), left_by),
        };
        self.run(key, delete).await
    }

    fn uri(&self, key: &BlobKey) -> String {
        format!("file://{}", self.path(key).display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_of_others_are_no_objects() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("state.db"), b"theirs").unwrap();
        let blobs = LocalBlobs::open(root.path()).unwrap().keeping_off(["state.db", "state.db-wal"]);
        for key in ["state.db", "state.db-wal", "state.db/x", "State.DB"] {
            let key: BlobKey = key.parse().unwrap();
            let refused = [
                blobs.get(&key).await.map(drop),
                blobs.put(&key, b"ours".to_vec()).await,
                blobs.put_if_absent(&key, b"ours".to_vec()).await.map(drop),
                blobs.list(&key, None, 10).await.map(drop),
                blobs.delete(&key).await,
            ];
            for outcome in refused {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind, ErrorKind::Invalid);
                assert!(error.to_string().contains("is the platform's own file"), "{error}");
            }
        }
        assert_eq!(std::fs::read(root.path().join("state.db")).unwrap(), b"theirs");
        assert!(!root.path().join("state.db-wal").exists());
        for key in ["state.dbs", "jobs/state.db"] {
            let key: BlobKey = key.parse().unwrap();
            blobs.put(&key, b"ours".to_vec()).await.unwrap();
            assert_eq!(blobs.get(&key).await.unwrap().unwrap(), b"ours");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_folder_goes_with_its_last_object_and_nobody_who_puts_another_minds() {
        let root = tempfile::tempdir().unwrap();
        let blobs = LocalBlobs::open(root.path()).unwrap();
        let churn = |name: &str| {
            let (blobs, key) = (blobs.clone(), format!("jobs/7/{name}").parse::<BlobKey>().unwrap());
            tokio::spawn(async move {
                for _ in 0..300 {
                    blobs.put(&key, vec![1]).await.unwrap();
                    assert!(blobs.get(&key).await.unwrap().is_some());
                    blobs.delete(&key).await.unwrap();
                }
            })
        };
        let (one, other) = (churn("a"), churn("b"));
        one.await.unwrap();
        other.await.unwrap();
        assert!(!root.path().join("jobs/7").exists() && root.path().join("jobs").is_dir());
    }
}
