//! Batches, as whoever asks for them sees them.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tradai_control_plane::jobs::{
    BatchCell, BatchRequest, BatchView, Batches as UseCases, Requester, SubmittedBatch,
};
use tradai_control_plane::{Error, RequestFault};
use tradai_domain::jobs::{BacktestConfig, BatchId, BatchRecord, TraceId};

use super::Backtests;

/// Jobs of a batch that other services are asked about at the same time.
const AT_A_TIME: usize = 8;
/// Faults that one refusal names: what is wrong once is wrong in many jobs.
const MAX_FAULTS: usize = 100;

/// Takes batches in and shows how they go.
#[derive(Clone)]
pub(crate) struct Batches {
    batches: UseCases,
    backtests: Arc<Backtests>,
}

/// Part of a list.
#[derive(Debug)]
pub(crate) struct ListedBatches {
    /// The batches, the newest first.
    pub(crate) records: Vec<BatchRecord>,
    /// The last of them, when there are more.
    pub(crate) more_before: Option<BatchId>,
}

impl Batches {
    pub(crate) fn new(batches: UseCases, backtests: Arc<Backtests>) -> Self {
        Self { batches, backtests }
    }

    /// Takes a batch in, if every job of it would be taken in by itself. A repeated request gets its batch whatever has
    /// changed since.
    pub(crate) async fn submit(
        &self,
        request: &BatchRequest,
        requester: &Requester,
    ) -> Result<SubmittedBatch, Error> {
        if let Some(before) = self.batches.recall(request, requester).await? {
            return Ok(before);
        }
        let configs = self.check(request.cells()?, requester.trace_id).await?;
        let count = configs.len();
        let submitted = self.batches.take_in(request, configs, requester).await?;
        if !submitted.replayed {
            self.backtests.count_submitted(count);
        }
        Ok(submitted)
    }

    /// Checks every job as one that is submitted by itself; what is wrong is placed where its value was given, and told
    /// once.
    async fn check(
        &self,
        cells: Vec<BatchCell>,
        trace_id: Option<TraceId>,
    ) -> Result<Vec<BacktestConfig>, Error> {
        let check = |cell: BatchCell| async move {
            let checked = self.backtests.check_for_batch(&cell.request, trace_id).await;
            (cell, checked)
        };
        let mut checked = stream::iter(cells.into_iter().map(check)).buffered(AT_A_TIME);
        let (mut configs, mut faults) = (Vec::new(), Vec::<RequestFault>::new());
        while let Some((cell, checked)) = checked.next().await {
            match checked {
                Ok(config) => configs.push(config),
                Err(Error::Request(found)) => {
                    let placed = found.into_iter().map(|fault| cell.place.locate(fault));
                    for fault in placed {
                        if faults.len() < MAX_FAULTS && !faults.contains(&fault) {
                            faults.push(fault);
                        }
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if faults.is_empty() { Ok(configs) } else { Err(Error::Request(faults)) }
    }

    /// Returns a batch and its jobs.
    pub(crate) async fn get(&self, id: BatchId) -> Result<BatchView, Error> {
        self.batches.get(id).await
    }

    /// Returns batches, the newest first.
    pub(crate) async fn list(&self, before: Option<BatchId>, limit: usize) -> Result<ListedBatches, Error> {
        let mut records = self.batches.list(before, limit.saturating_add(1)).await?;
        let has_more = records.len() > limit;
        records.truncate(limit);
        let more_before = records.last().map(|record| record.batch_id).filter(|_| has_more);
        Ok(ListedBatches { records, more_before })
    }

    /// Cancels what has not ended of a batch.
    pub(crate) async fn cancel(&self, id: BatchId, requester: &Requester) -> Result<BatchView, Error> {
        self.batches.cancel(id, requester).await
    }
}
