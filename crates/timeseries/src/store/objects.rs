//! The few operations on objects that the store needs, with our errors.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tradai_domain::Millis;

use super::head::damaged;
use super::staging::{self, Staged};
use crate::error::{Damage, Error};

/// Bytes that a description may have: manifests of a series with a million gaps stay far below.
pub(crate) const MAX_DOCUMENT_BYTES: u64 = 64 << 20;

/// Whether an object was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// It was, by this call.
    Yes,
    /// There is one already.
    Exists,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The last part of its key.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// When it was written, by the storage's clock.
    pub(crate) modified: Millis,
}

/// An object storage: get, create-if-absent, overwrite, list, delete. Each put stores the whole payload or
/// nothing.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    storage: Arc<dyn ObjectStore>,
    /// Where the objects are files, if it is known that they are.
    directory: Option<Arc<std::path::Path>>,
}

impl Objects {
    pub(crate) fn new(storage: Arc<dyn ObjectStore>) -> Self {
        Self { storage, directory: None }
    }

    pub(crate) fn in_directory(self, directory: &std::path::Path) -> Self {
        Self { directory: Some(directory.into()), ..self }
    }

    /// Returns what killed writers left half-written in a symbol's folder; nothing where objects are no files.
    pub(crate) fn staged(&self, folder: &str) -> Result<Vec<Staged>, Error> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        staging::of_symbol(&directory.join(folder))
    }

    /// As [`Objects::staged`], of a library's description and snapshots.
    pub(crate) fn staged_in_library(&self, library: &str) -> Result<Vec<Staged>, Error> {
        let Some(directory) = &self.directory else { return Ok(Vec::new()) };
        staging::of_library(&directory.join(library))
    }

    /// Returns a description, such as a manifest, or `None` when there is none.
    pub(crate) async fn get(&self, key: &Path) -> Result<Option<Bytes>, Error> {
        let limit = MAX_DOCUMENT_BYTES;
        self.get_if(key, |found| if found <= limit { Ok(()) } else { Err(Damage::TooLarge { found, limit }) })
            .await
    }

    /// Returns an object of a known size, or `None` when there is none.
    pub(crate) async fn get_sized(&self, key: &Path, expected: u64) -> Result<Option<Bytes>, Error> {
        self.get_if(
            key,
            |found| if found == expected { Ok(()) } else { Err(Damage::Length { found, expected }) },
        )
        .await
    }

    /// Returns an object if its size is right; nothing is read of others, which may be larger than memory.
    async fn get_if(
        &self,
        key: &Path,
        check: impl Fn(u64) -> Result<(), Damage> + Send,
    ) -> Result<Option<Bytes>, Error> {
        let found = match self.storage.get(key).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(failed(key, source)),
        };
        check(found.meta.size).map_err(|damage| damaged(key, damage))?;
        found.bytes().await.map(Some).map_err(|source| failed(key, source))
    }

    /// Returns whether there is an object.
    pub(crate) async fn exists(&self, key: &Path) -> Result<bool, Error> {
        match self.storage.head(key).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(source) => Err(failed(key, source)),
        }
    }

    /// Makes an object unless there is one.
    pub(crate) async fn create(&self, key: &Path, bytes: Bytes) -> Result<Created, Error> {
        match self.storage.put_opts(key, PutPayload::from_bytes(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(Created::Yes),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Exists),
            Err(source) => Err(failed(key, source)),
        }
    }

    /// Makes or replaces an object.
    pub(crate) async fn put(&self, key: Path, bytes: Bytes) -> Result<(), Error> {
        let put = self.storage.put(&key, PutPayload::from_bytes(bytes)).await;
        put.map(drop).map_err(|source| failed(&key, source))
    }

    /// Deletes an object; that there is none is as good.
    pub(crate) async fn delete(&self, key: &Path) -> Result<(), Error> {
        match self.storage.delete(key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(failed(key, source)),
        }
    }

    /// Deletes objects of a folder, as many with one request as the storage takes; that there are none is as good.
    pub(crate) async fn delete_all(&self, folder: &Path, keys: Vec<Path>) -> Result<(), Error> {
        let mut deleted = self.storage.delete_stream(stream::iter(keys.into_iter().map(Ok)).boxed());
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(failed(folder, source)),
            }
        }
        Ok(())
    }

    /// Returns the objects in a folder, by name.
    pub(crate) async fn list(&self, folder: &Path) -> Result<Vec<Listed>, Error> {
        let objects: Vec<_> =
            self.storage.list(Some(folder)).try_collect().await.map_err(|source| failed(folder, source))?;
        let listed = objects.iter().filter_map(|object| {
            let name = object.location.filename()?.to_owned();
            Some(Listed { name, bytes: object.size, modified: object.last_modified.timestamp_millis() })
        });
        let mut listed: Vec<Listed> = listed.collect();
        listed.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    /// Returns the names of the objects in a folder, sorted.
    pub(crate) async fn names(&self, folder: &Path) -> Result<Vec<String>, Error> {
        Ok(self.list(folder).await?.into_iter().map(|listed| listed.name).collect())
    }

    /// Returns the keys of all objects below a folder, sorted.
    pub(crate) async fn keys(&self, folder: &Path) -> Result<Vec<Path>, Error> {
        let objects: Vec<_> =
            self.storage.list(Some(folder)).try_collect().await.map_err(|source| failed(folder, source))?;
        let mut keys: Vec<Path> = objects.into_iter().map(|object| object.location).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// Returns the names of the folders in a folder, sorted.
    pub(crate) async fn folders(&self, folder: &Path) -> Result<Vec<String>, Error> {
        let listed = self.storage.list_with_delimiter(Some(folder)).await.map_err(|e| failed(folder, e))?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }
}

fn failed(key: &Path, source: object_store::Error) -> Error {
    Error::Storage { key: key.to_string(), source: Box::new(source) }
}
