//! Small documents of ours that several processes may change.

use async_trait::async_trait;

use super::PortError;

/// Keeps named documents in revisions.
///
/// A replacement is atomic: readers see whole documents, and of two that expect the same revision one succeeds. Names
/// have 1 to 40 of a-z, 0-9, `_` and `-`; others are `Invalid`.
#[async_trait]
pub trait DocumentStore: Send + Sync {
    /// Returns the newest revision of a document, or `None` when there is none.
    async fn load(&self, name: &str) -> Result<Option<Document>, PortError>;

    /// Puts `bytes` in the place of revision `expected`, 0 for none, and returns the new revision. When the newest is
    /// another one, nothing is changed and that one is returned as the inner error.
    async fn replace(&self, name: &str, expected: u64, bytes: Vec<u8>)
    -> Result<Result<u64, u64>, PortError>;
}

/// One revision of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its number; grows with every replacement.
    pub revision: u64,
    /// What it says.
    pub bytes: Vec<u8>,
}
