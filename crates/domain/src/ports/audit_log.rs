//! Who did what.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::PortError;
use crate::Millis;
use crate::jobs::TraceId;

/// Keeps entries in the order in which they came, and nothing else: none is ever changed or deleted.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Adds an entry and returns its number: the numbers count up from 1. An acknowledged entry survives the death of
    /// every process.
    async fn append(&self, entry: &AuditEntry) -> Result<u64, PortError>;

    /// Returns at most `limit` entries with numbers below `before` (of all without it), the newest first.
    async fn list(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, AuditEntry)>, PortError>;
}

/// Something that somebody set out to do. The entry is made before it is done, so that nothing is done without one;
/// what came of it, the thing itself tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// Who: the name that a key or token belongs to.
    pub actor: String,
    /// What: `job.submit`, `config.activate`.
    pub action: String,
    /// To what: a job's id, a strategy and config id.
    pub subject: String,
    /// The trace it belongs to.
    pub trace_id: Option<TraceId>,
    /// The service that asked for them and said who they are; `None` where they asked themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}
