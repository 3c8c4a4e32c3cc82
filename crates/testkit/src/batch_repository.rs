//! Laws of [`BatchRepository`] and of the jobs beside it.

use std::sync::Arc;

use serde_json::json;
use tradai_domain::Millis;
use tradai_domain::jobs::{BatchId, BatchRecord, BatchState};
use tradai_domain::ports::{
    BatchRepository, CreatedBatch, JobRepository, NewBatch, Quota, REPLY_TTL_MS, RequestKey,
};

use crate::sample::{job, job_id, new_job};

/// Batches, and the jobs of the same state: those that wait count for its quota.
pub type Port = (Arc<dyn BatchRepository>, Arc<dyn JobRepository>);

fn batch(n: u32, jobs: u32) -> NewBatch {
    let record = BatchRecord {
        batch_id: BatchId(job_id(n).0),
        name: Some(format!("batch {n}")),
        strategy_name: "Demo".parse().unwrap(),
        jobs: (1..=jobs).map(|job| job_id(1_000 * n + job)).collect(),
        state: BatchState::Submitting,
        created_at: Millis::from(n),
        created_by: "ann".to_owned(),
        via: None,
        trace_id: job_id(n).into(),
        ttl: None,
    };
    NewBatch { record, request: json!({"n": n}), key: None, quota: None }
}

fn keyed(batch: NewBatch, key: &str, fingerprint: u8) -> NewBatch {
    let key = RequestKey { key: key.to_owned(), fingerprint: [fingerprint; 32] };
    NewBatch { key: Some(key), ..batch }
}

/// A batch comes back as it was stored, with what it asks for; lists have the newest first.
pub async fn returns_what_was_stored((port, _): Port) {
    for n in 1..=3 {
        assert_eq!(port.create(&batch(n, 2)).await.unwrap(), CreatedBatch::New);
    }
    let second = batch(2, 2);
    let id = second.record.batch_id;
    assert_eq!(port.get(id).await.unwrap(), Some(second.record));
    assert_eq!(port.request(id).await.unwrap(), Some(second.request));
    let absent = BatchId(job_id(9).0);
    assert_eq!((port.get(absent).await.unwrap(), port.request(absent).await.unwrap()), (None, None));
    let ids =
        |records: Vec<BatchRecord>| records.into_iter().map(|record| record.batch_id).collect::<Vec<_>>();
    let of = |n| BatchId(job_id(n).0);
    assert_eq!(ids(port.list(None, 2).await.unwrap()), [of(3), of(2)]);
    assert_eq!(ids(port.list(Some(of(2)), 2).await.unwrap()), [of(1)]);
}

/// A repeated request gets the batch of the first one, for a day; with other content it is refused.
pub async fn a_key_makes_one_batch((port, _): Port) {
    let first = keyed(batch(1, 2), "k", 1);
    let key = first.key.clone().unwrap();
    assert_eq!(port.recall(&key, 1).await.unwrap(), None);
    assert_eq!(port.create(&first).await.unwrap(), CreatedBatch::New);
    let before = CreatedBatch::Before(Box::new(first.record.clone()));
    assert_eq!(port.create(&keyed(batch(2, 2), "k", 1)).await.unwrap(), before);
    assert_eq!(port.recall(&key, 1).await.unwrap(), Some(before));
    assert_eq!(port.create(&keyed(batch(2, 2), "k", 2)).await.unwrap(), CreatedBatch::OtherRequest);
    assert_eq!(port.list(None, 10).await.unwrap().len(), 1);
    assert_eq!(port.recall(&key, 1 + REPLY_TTL_MS).await.unwrap(), None);
}

/// A batch goes forward only, and whoever looks finds those whose jobs may be missing.
pub async fn goes_forward_only((port, _): Port) {
    for n in 1..=2 {
        port.create(&batch(n, 1)).await.unwrap();
    }
    let id = BatchId(job_id(1).0);
    let unfinished = async || port.unfinished(10).await.unwrap().len();
    assert_eq!(unfinished().await, 2);
    let to = async |state| port.advance(id, state).await.unwrap().map(|record| record.state);
    assert_eq!(to(BatchState::Submitted).await, Some(BatchState::Submitted));
    assert_eq!(unfinished().await, 1);
    assert_eq!(to(BatchState::Cancelled).await, Some(BatchState::Cancelled));
    assert_eq!(to(BatchState::Submitted).await, Some(BatchState::Cancelled));
    assert_eq!(port.get(id).await.unwrap().unwrap().state, BatchState::Cancelled);
    assert_eq!(port.advance(BatchId(job_id(9).0), BatchState::Submitted).await.unwrap(), None);
}

/// A batch is taken in only if all of its jobs may wait, beside those that do.
pub async fn its_jobs_may_all_wait((port, jobs): Port) {
    for n in 1..=2 {
        jobs.create(&new_job(job(n))).await.unwrap();
    }
    let actor = new_job(job(1)).entry.actor;
    let asked = |jobs, total, each| {
        let mut new = batch(5, jobs);
        new.record.created_by = actor.clone();
        NewBatch { quota: Some(Quota { total, each }), ..new }
    };
    assert_eq!(port.create(&asked(3, 4, 100)).await.unwrap(), CreatedBatch::TooMany);
    assert_eq!(port.create(&asked(3, 100, 4)).await.unwrap(), CreatedBatch::TooManyOfActor);
    assert_eq!(port.list(None, 10).await.unwrap(), []);
    assert_eq!(port.create(&asked(3, 5, 5)).await.unwrap(), CreatedBatch::New);
}

/// A batch is gone after its time.
pub async fn expires((port, _): Port) {
    let mut old = batch(1, 1);
    old.record.ttl = Some(10);
    for new in [&old, &batch(2, 1)] {
        port.create(new).await.unwrap();
    }
    assert_eq!(port.delete_expired(9_999).await.unwrap(), 0);
    port.delete_expired(10_000).await.unwrap();
    let left = port.list(None, 10).await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].batch_id, batch(2, 1).record.batch_id);
}
