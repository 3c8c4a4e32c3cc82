//! Small documents beside the candles.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tradai_domain::ErrorKind;
use tradai_domain::ports::{Document, DocumentStore, PortError};

use super::port_error;
use crate::error::Error;
use crate::open::Location;

/// Revisions that are left beside the newest: somebody may be reading one.
const KEPT: u64 = 8;

/// [`DocumentStore`] in a store's location, as `<location>/documents/<name>/<revision>.json`.
///
/// A revision is made by creating its object where none is, as versions of candles are, so that every storage that
/// keeps candles keeps documents too.
#[derive(Debug, Clone)]
pub struct StoreDocuments(Arc<dyn ObjectStore>);

impl StoreDocuments {
    /// Opens the documents of a location.
    ///
    /// # Errors
    /// Those of [`Location::open`].
    pub fn open(location: &Location) -> Result<Self, Error> {
        Ok(Self(location.open()?))
    }

    /// Returns the revisions of a document that are there, in order.
    async fn revisions(&self, name: &str) -> Result<Vec<u64>, PortError> {
        let folder = Path::from_iter(["documents", name]);
        let objects: Vec<_> =
            self.0.list(Some(&folder)).try_collect().await.map_err(|e| failed(&folder, e))?;
        let mut revisions: Vec<u64> =
            objects.iter().filter_map(|object| revision_of(object.location.filename()?)).collect();
        revisions.sort_unstable();
        Ok(revisions)
    }
}

#[async_trait]
impl DocumentStore for StoreDocuments {
    async fn load(&self, name: &str) -> Result<Option<Document>, PortError> {
        check_name(name)?;
        let Some(&revision) = self.revisions(name).await?.last() else { return Ok(None) };
        let path = path_of(name, revision);
        let found = self.0.get(&path).await.map_err(|e| failed(&path, e))?;
        let bytes = found.bytes().await.map_err(|e| failed(&path, e))?;
        Ok(Some(Document { revision, bytes: bytes.into() }))
    }

    async fn replace(
        &self,
        name: &str,
        expected: u64,
        bytes: Vec<u8>,
    ) -> Result<Result<u64, u64>, PortError> {
        check_name(name)?;
        let current = self.revisions(name).await?.last().copied().unwrap_or(0);
        if current != expected {
            return Ok(Err(current));
        }
        let next = current + 1;
        let path = path_of(name, next);
        match self.0.put_opts(&path, PutPayload::from(bytes), PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                let newest = self.revisions(name).await?.last().copied().unwrap_or(next);
                return Ok(Err(newest));
            }
            Err(source) => return Err(failed(&path, source)),
        }
        if let Some(old) = next.checked_sub(KEPT + 1).filter(|&old| old > 0) {
            // An old revision that cannot be deleted costs a few bytes and nothing else.
            drop(self.0.delete(&path_of(name, old)).await);
        }
        Ok(Ok(next))
    }
}

fn path_of(name: &str, revision: u64) -> Path {
    Path::from_iter(["documents", name, &format!("{revision:020}.json")])
}

fn revision_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_suffix(".json").filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

fn check_name(name: &str) -> Result<(), PortError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    if name.is_empty() || name.len() > 40 || !name.bytes().all(plain) {
        let problem = "a document's name has 1 to 40 of a-z, 0-9, `_` and `-`";
        return Err(PortError::new(ErrorKind::Invalid, problem));
    }
    Ok(())
}

fn failed(path: &Path, source: object_store::Error) -> PortError {
    port_error(&Error::Storage { key: path.to_string(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().build().unwrap()
    }

    #[test]
    fn of_two_replacements_of_one_revision_one_succeeds() {
        let dir = tempfile::tempdir().unwrap();
        let documents = StoreDocuments::open(&Location::Directory(dir.path().to_owned())).unwrap();
        runtime().block_on(async {
            assert_eq!(documents.load("schedules").await.unwrap(), None);
            assert_eq!(documents.replace("schedules", 0, b"one".to_vec()).await.unwrap(), Ok(1));
            let (some, other) = futures_util::future::join(
                documents.replace("schedules", 1, b"some".to_vec()),
                documents.replace("schedules", 1, b"other".to_vec()),
            )
            .await;
            let outcomes = [some.unwrap(), other.unwrap()];
            assert!(outcomes.contains(&Ok(2)) && outcomes.contains(&Err(2)), "{outcomes:?}");
            let newest = documents.load("schedules").await.unwrap().unwrap();
            assert!(
                newest.revision == 2 && [b"some".as_slice(), b"other"].contains(&newest.bytes.as_slice())
            );
        });
    }

    #[test]
    fn old_revisions_go_and_their_numbers_are_never_used_again() {
        let documents = StoreDocuments::open(&Location::Memory).unwrap();
        runtime().block_on(async {
            for revision in 0..20 {
                assert_eq!(documents.replace("a", revision, Vec::new()).await.unwrap(), Ok(revision + 1));
            }
            assert_eq!(documents.revisions("a").await.unwrap().len(), 9);
            assert_eq!(documents.replace("a", 3, Vec::new()).await.unwrap(), Err(20));
            assert!(documents.load("../a").await.is_err());
        });
    }
}
