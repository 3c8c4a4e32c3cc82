//! What `/metrics` says of jobs.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counts of jobs. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobMetrics {
    submitted: Counter,
}

impl JobMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Jobs taken in, repeated requests left out";
        registry.register("tradai_jobs_submitted", help, self.submitted.clone());
    }

    pub(crate) fn submitted(&self) {
        self.submitted.inc();
    }
}
