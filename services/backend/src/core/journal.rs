//! What happened: who did what, and all that belongs to one trace.

use std::sync::Arc;

use tradai_control_plane::Error;
use tradai_control_plane::jobs::Jobs;
use tradai_domain::jobs::{JobRecord, TraceId};
use tradai_domain::ports::{AuditEntry, AuditLog, JobFilter, JobPage, MAX_PAGE};

/// Reads what was noted.
#[derive(Clone)]
pub(crate) struct Journal {
    audit: Arc<dyn AuditLog>,
    jobs: Arc<Jobs>,
}

/// Part of the audit log.
#[derive(Debug)]
pub(crate) struct AuditPage {
    /// Entries and their numbers, the newest first.
    pub(crate) entries: Vec<(u64, AuditEntry)>,
    /// The number of the last of them, when there are older ones.
    pub(crate) more_before: Option<u64>,
}

impl Journal {
    pub(crate) fn new(audit: Arc<dyn AuditLog>, jobs: Arc<Jobs>) -> Self {
        Self { audit, jobs }
    }

    /// Returns entries with numbers below `before`, the newest first.
    pub(crate) async fn audit(&self, before: Option<u64>, limit: usize) -> Result<AuditPage, Error> {
        let mut entries = self.audit.list(before, limit.saturating_add(1)).await?;
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let more_before = entries.last().map(|(number, _)| *number).filter(|_| has_more);
        Ok(AuditPage { entries, more_before })
    }

    /// Returns the jobs of a trace, the newest first, [`MAX_PAGE`] at most.
    pub(crate) async fn trace(&self, trace_id: TraceId) -> Result<Vec<JobRecord>, Error> {
        let filter = JobFilter { trace_id: Some(trace_id), ..JobFilter::default() };
        self.jobs.list(&filter, JobPage::first(MAX_PAGE)).await
    }
}
