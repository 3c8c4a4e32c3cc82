//! Noting who sets out to do what.

use std::fmt;
use std::sync::Arc;

use tradai_domain::ports::{AuditEntry, AuditLog};
use tradai_domain::{Clock, Millis};

use crate::Error;
use crate::jobs::Requester;

/// Writes the audit log, for use cases that change something. Clones share the log.
#[derive(Clone)]
pub struct Audit {
    log: Arc<dyn AuditLog>,
    clock: Arc<dyn Clock>,
}

impl Audit {
    /// Returns the writer of a log.
    #[must_use]
    pub fn new(log: Arc<dyn AuditLog>, clock: Arc<dyn Clock>) -> Self {
        Self { log, clock }
    }

    /// Notes who sets out to do what, to what. It is called before the deed, so that nothing is done without.
    ///
    /// # Errors
    /// [`Error::Port`]: then nothing may be done.
    pub async fn note(&self, requester: &Requester, action: &str, subject: String) -> Result<(), Error> {
        self.log.append(&entry(requester, action, subject, self.clock.now_ms())).await?;
        Ok(())
    }
}

/// Returns the entry of something that somebody sets out to do.
pub(crate) fn entry(requester: &Requester, action: &str, subject: String, at: Millis) -> AuditEntry {
    let (actor, action) = (requester.actor.clone(), action.to_owned());
    AuditEntry { at, actor, action, subject, trace_id: requester.trace_id, via: requester.via.clone() }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Audit")
    }
}
