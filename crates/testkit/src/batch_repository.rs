//! Laws of [`BatchRepository`] and of the jobs beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use tradai_domain::Millis;
use tradai_domain::jobs::{
    BatchCancellation, BatchChange, BatchId, BatchRecord, BatchState, JobChange, JobStatus,
};
use tradai_domain::ports::{
    BatchRepository, Created, CreatedBatch, JobRepository, NewBatch, NewJob, Quota, REPLY_TTL_MS, RequestKey,
};

use crate::sample::{job, job_id, new_job};

/// Batches, and the jobs of the same state: those that wait count for its quota.
pub type Port = (Arc<dyn BatchRepository>, Arc<dyn JobRepository>);

/// Returns a batch that is to be taken in, with so many jobs.
#[must_use]
pub fn batch(n: u32, jobs: u32) -> NewBatch {
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
        cancellation: None,
        error: None,
        refused: BTreeMap::new(),
    };
    NewBatch { record, request: json!({"n": n}), key: None, quota: None }
}

fn all_are_there() -> BatchChange {
    BatchChange::Submitted { error: None, refused: BTreeMap::new() }
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

/// A batch goes forward only, keeps who cancelled it first, and whoever looks finds those that are unfinished.
pub async fn goes_forward_only((port, _): Port) {
    for n in 1..=3 {
        port.create(&batch(n, 1)).await.unwrap();
    }
    let of = |n| BatchId(job_id(n).0);
    let unfinished = async |after, limit| {
        let records = port.unfinished(after, limit).await.unwrap();
        records.into_iter().map(|record| record.batch_id).collect::<Vec<_>>()
    };
    assert_eq!(unfinished(None, 2).await, [of(1), of(2)]);
    assert_eq!(unfinished(Some(of(2)), 2).await, [of(3)]);
    let to = async |change| port.advance(of(1), &change).await.unwrap().unwrap();
    let submitted = |why: &str| {
        let refused = BTreeMap::from([(job_id(1_001), why.to_owned())]);
        BatchChange::Submitted { error: Some(why.to_owned()), refused }
    };
    let cancelling = |by: &str| {
        BatchChange::Cancelling(BatchCancellation { by: by.to_owned(), via: None, trace_id: None, at: 7 })
    };
    let record = to(submitted("first")).await;
    assert_eq!((record.state, record.error.as_deref()), (BatchState::Submitted, Some("first")));
    assert_eq!(record.refused, BTreeMap::from([(job_id(1_001), "first".to_owned())]));
    assert_eq!(to(submitted("second")).await, record);
    assert_eq!(unfinished(None, 10).await, [of(2), of(3)]);
    for by in ["bob", "eve"] {
        let record = to(cancelling(by)).await;
        assert_eq!((record.state, record.cancellation.unwrap().by.as_str()), (BatchState::Cancelling, "bob"));
    }
    assert_eq!(unfinished(None, 1).await, [of(1)]);
    let record = to(BatchChange::Cancelled).await;
    assert_eq!(record.state, BatchState::Cancelled);
    for change in [submitted("third"), cancelling("eve")] {
        assert_eq!(to(change).await, record);
    }
    assert_eq!(port.get(of(1)).await.unwrap().unwrap(), record);
    assert_eq!(unfinished(None, 10).await, [of(2), of(3)]);
    assert_eq!(port.advance(of(9), &BatchChange::Cancelled).await.unwrap(), None);
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

/// What a batch is to take in counts before it is there; what it does not take in any more does not.
pub async fn its_jobs_are_counted_before_they_are_there((port, jobs): Port) {
    let actor = new_job(job(1)).entry.actor;
    let asked = |n, total, each| {
        let mut new = batch(n, 3);
        new.record.created_by = actor.clone();
        NewBatch { quota: Some(Quota { total, each }), ..new }
    };
    let first = asked(1, 5, 5);
    assert_eq!(port.create(&first).await.unwrap(), CreatedBatch::New);
    // One of the three is there, and counts once.
    jobs.create(&new_job(job(1_001))).await.unwrap();
    assert_eq!(port.create(&asked(2, 5, 6)).await.unwrap(), CreatedBatch::TooMany);
    assert_eq!(port.create(&asked(2, 6, 5)).await.unwrap(), CreatedBatch::TooManyOfActor);
    let mut of_another = asked(2, 6, 3);
    of_another.record.created_by = "another".to_owned();
    assert_eq!(port.create(&of_another).await.unwrap(), CreatedBatch::New);
    port.advance(first.record.batch_id, &all_are_there()).await.unwrap();
    assert_eq!(port.create(&asked(3, 7, 4)).await.unwrap(), CreatedBatch::New);
}

/// What a batch is to take in counts for whoever asks for a single job, too, and each once.
pub async fn its_jobs_count_for_single_ones((port, jobs): Port) {
    let mut batch = batch(1, 3);
    batch.record.created_by = new_job(job(1)).entry.actor;
    assert_eq!(port.create(&batch).await.unwrap(), CreatedBatch::New);
    let single = async |n, total, each| {
        let new = NewJob { quota: Some(Quota { total, each }), ..new_job(job(n)) };
        jobs.create(&new).await.unwrap()
    };
    assert_eq!(single(1, 3, 9).await, Created::TooMany);
    assert_eq!(single(1, 9, 3).await, Created::TooManyOfActor);
    assert_eq!(single(1, 4, 4).await, Created::New);
    // One of the three is there now, twice asked for.
    for _ in 0..2 {
        jobs.create(&new_job(job(1_001))).await.unwrap();
    }
    assert_eq!(single(2, 4, 9).await, Created::TooMany);
    assert_eq!(single(2, 5, 5).await, Created::New);
    // What ended or was deleted is not to come again.
    jobs.apply(job_id(1_001), &JobChange::status(JobStatus::Cancelled, 1)).await.unwrap();
    jobs.delete(job_id(1_001)).await.unwrap();
    assert_eq!(single(3, 4, 9).await, Created::TooMany);
    assert_eq!(single(3, 5, 5).await, Created::New);
    port.advance(batch.record.batch_id, &all_are_there()).await.unwrap();
    assert_eq!(single(4, 3, 9).await, Created::TooMany);
    assert_eq!(single(4, 4, 4).await, Created::New);
}

/// A batch is gone after its time, unless it is unfinished or a job of it has not ended.
pub async fn expires((port, jobs): Port) {
    let of = |n, ttl, state| {
        let mut new = batch(n, 1);
        (new.record.ttl, new.record.state) = (ttl, state);
        new
    };
    let all = [
        of(1, Some(10), BatchState::Submitted),
        of(2, None, BatchState::Submitted),
        of(3, Some(10), BatchState::Submitting),
        of(4, Some(10), BatchState::Cancelling),
        of(5, Some(10), BatchState::Cancelled),
        of(6, Some(10), BatchState::Submitted),
    ];
    for new in &all {
        port.create(new).await.unwrap();
    }
    let open = all[5].record.jobs[0];
    jobs.create(&new_job(job(6_001))).await.unwrap();
    let left = async || {
        let records = port.list(None, 10).await.unwrap();
        records.into_iter().map(|record| record.batch_id).collect::<Vec<_>>()
    };
    let ids = |numbers: &[usize]| numbers.iter().map(|n| all[n - 1].record.batch_id).collect::<Vec<_>>();
    assert_eq!(port.delete_expired(9_999).await.unwrap(), 0);
    port.delete_expired(10_000).await.unwrap();
    assert_eq!(left().await, ids(&[6, 4, 3, 2]));
    jobs.apply(open, &JobChange::status(JobStatus::Cancelled, 1)).await.unwrap();
    port.delete_expired(10_000).await.unwrap();
    assert_eq!(left().await, ids(&[4, 3, 2]));
}
