//! The few operations on objects that the store needs, with our errors.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::error::Error;

/// Whether an object was made.
pub(crate) enum Created {
    /// It was, by this call.
    Yes,
    /// There is one already.
    Exists,
}

/// An object storage: get, create-if-absent, overwrite, list. Each put stores the whole payload or nothing.
#[derive(Debug, Clone)]
pub(crate) struct Objects(pub(crate) Arc<dyn ObjectStore>);

impl Objects {
    /// Returns an object, or `None` when there is none.
    pub(crate) async fn get(&self, key: &Path) -> Result<Option<Bytes>, Error> {
        let found = match self.0.get(key).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(failed(key, source)),
        };
        found.bytes().await.map(Some).map_err(|source| failed(key, source))
    }

    /// Makes an object unless there is one.
    pub(crate) async fn create(&self, key: &Path, bytes: Bytes) -> Result<Created, Error> {
        match self.0.put_opts(key, PutPayload::from_bytes(bytes), PutMode::Create.into()).await {
            Ok(_) => Ok(Created::Yes),
            Err(object_store::Error::AlreadyExists { .. }) => Ok(Created::Exists),
            Err(source) => Err(failed(key, source)),
        }
    }

    /// Makes or replaces an object.
    pub(crate) async fn put(&self, key: &Path, bytes: Bytes) -> Result<(), Error> {
        let put = self.0.put(key, PutPayload::from_bytes(bytes)).await;
        put.map(drop).map_err(|source| failed(key, source))
    }

    /// Returns the names of the objects in a folder, sorted.
    pub(crate) async fn names(&self, folder: &Path) -> Result<Vec<String>, Error> {
        let objects: Vec<_> =
            self.0.list(Some(folder)).try_collect().await.map_err(|source| failed(folder, source))?;
        let mut names: Vec<String> =
            objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Returns the names of the folders in a folder, sorted.
    pub(crate) async fn folders(&self, folder: &Path) -> Result<Vec<String>, Error> {
        let listed = self.0.list_with_delimiter(Some(folder)).await.map_err(|e| failed(folder, e))?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned)).collect();
        names.sort_unstable();
        Ok(names)
    }
}

fn failed(key: &Path, source: object_store::Error) -> Error {
    Error::Storage { key: key.to_string(), source: Box::new(source) }
}
