//! What `/metrics` says of jobs.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tradai_domain::jobs::JobStatus;

/// Counts of jobs. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct JobMetrics {
    submitted: Counter,
    reached: Family<StatusLabel, Counter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

impl JobMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Jobs taken in, repeated requests left out";
        registry.register("tradai_jobs_submitted", help, self.submitted.clone());
        let help = "Jobs that took a status, whichever process reported it";
        registry.register("tradai_jobs_reached", help, self.reached.clone());
    }

    pub(crate) fn submitted(&self) {
        self.submitted.inc();
    }

    /// Counts a job that took a status.
    pub(crate) fn reached(&self, status: JobStatus) {
        self.reached.get_or_create(&StatusLabel { status: status.as_str() }).inc();
    }
}
