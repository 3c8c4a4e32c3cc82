//! What `/metrics` says of collecting and of who listens.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tradai_control_plane::data::SyncJobView;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ExchangeLabel {
    exchange: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    exchange: String,
    status: &'static str,
}

/// Counts of ended jobs, their series and candles. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct SyncMetrics {
    candles: Family<ExchangeLabel, Counter>,
    series: Family<StatusLabels, Counter>,
    jobs: Family<StatusLabels, Counter>,
}

impl SyncMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("tradai_sync_candles", "Candles that syncs have stored", self.candles.clone());
        registry.register("tradai_sync_series", "Series that syncs have ended", self.series.clone());
        registry.register("tradai_sync_jobs", "Sync jobs that have ended", self.jobs.clone());
    }

    /// Counts a job that has ended.
    pub(crate) fn count(&self, job: &SyncJobView) {
        let exchange = job.result.exchange.to_string();
        let labels = |status| StatusLabels { exchange: exchange.clone(), status };
        self.candles
            .get_or_create(&ExchangeLabel { exchange: exchange.clone() })
            .inc_by(job.result.rows_synced);
        for series in &job.result.series {
            self.series.get_or_create(&labels(series.state.as_str())).inc();
        }
        self.jobs.get_or_create(&labels(job.status.as_str())).inc();
    }
}

/// Counts of what slow sockets lost. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct SocketMetrics {
    dropped: Counter,
}

impl SocketMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("tradai_ws_dropped", "Messages that slow clients lost", self.dropped.clone());
    }

    pub(crate) fn dropped(&self, count: u64) {
        self.dropped.inc_by(count);
    }
}
