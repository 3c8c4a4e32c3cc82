//! Bytes under keys.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;

use super::PortError;

/// Keeps objects in a bucket or a directory.
///
/// A reader sees an object's whole payload or that there is none, never a part of one; an acknowledged object
/// survives the death of every process. Of concurrent puts under one key one wins.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Stores an object; one that is there gives way.
    async fn put(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<(), PortError>;

    /// Stores an object if there is none, and returns whether it did: of any number of concurrent calls, one does.
    async fn put_if_absent(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<bool, PortError>;

    /// Returns an object, or `None` when there is none.
    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, PortError>;

    /// Returns up to `limit` keys that lie under a folder (`jobs/7` has `jobs/7/a` and not `jobs/70`), in order, those
    /// after `after` only.
    async fn list(
        &self,
        folder: &BlobKey,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> Result<Vec<BlobEntry>, PortError>;

    /// Deletes an object. Idempotent.
    async fn delete(&self, key: &BlobKey) -> Result<(), PortError>;

    /// Returns the address of a key for people and other programs: `s3://bucket/key`, `file:///folder/key`.
    fn uri(&self, key: &BlobKey) -> String;
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobEntry {
    /// Its key.
    pub key: BlobKey,
    /// How long it is, in bytes.
    pub size_bytes: u64,
}

/// The key of an object: names between slashes. Never leaves the folder it is taken in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey(String);

/// The text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no key; names of A-Z, a-z, 0-9, `_`, `-`, `=` and `.` (not first) between slashes, \
     200 characters at most, are allowed"
)]
pub struct BlobKeyError(pub String);

impl BlobKey {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the key of something in this folder.
    ///
    /// # Errors
    /// [`BlobKeyError`] when the name is none, or the whole is too long.
    pub fn join(&self, name: &str) -> Result<Self, BlobKeyError> {
        format!("{}/{name}", self.0).parse()
    }
}

impl FromStr for BlobKey {
    type Err = BlobKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'=' | b'.');
        // A dot at the beginning is for what is being written, and for what climbs out.
        let is_name = |part: &str| !part.is_empty() && !part.starts_with('.') && part.bytes().all(plain);
        if text.len() > 200 || !text.split('/').all(is_name) {
            return Err(BlobKeyError(text.chars().take(60).collect()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_in_their_folder() {
        for good in ["a", "jobs/7/config.json", "year=2024/x_y-z.parquet"] {
            assert_eq!(good.parse::<BlobKey>().unwrap().as_str(), good);
        }
        for bad in
            ["", "/a", "a/", "a//b", "..", "a/../b", "a/.b", "a\\b", "a b", "é", "a\0", &"a".repeat(201)]
        {
            assert!(bad.parse::<BlobKey>().is_err(), "{bad:?}");
        }
    }
}
