//! Batches: taken in whole, completed by whoever finds them, cancelled.

use std::sync::Arc;

use rusqlite::Connection;
use serde_json::{Value, json};
use tradai_control_plane::Error;
use tradai_control_plane::jobs::{BatchRequest, Batches, JobPorts, JobSettings, Jobs, Requester};
use tradai_domain::jobs::{BacktestConfig, BatchId, BatchRecord, BatchState, JobRecord, JobStatus};
use tradai_domain::ports::{BatchRepository, JobFilter, JobPage, NewBatch, NewJob, Quota};
use tradai_domain::{ErrorKind, JobId};
use tradai_embedded::{Database, SqliteBatches, SqliteEvents, SqliteJobs};
use tradai_testkit::{Failing, Fault, sample};

use crate::world::{World, ann, request, run_to_completion, until, with_key};

/// For how long whoever was asked for something may be at it.
const LEASE_MS: i64 = 20_000;

/// Six jobs.
fn grid() -> BatchRequest {
    let axes = json!({"timeframe": ["1h", "4h"], "parameters": {"fast": [5, 9, 12]}});
    BatchRequest {
        name: Some("lengths".to_owned()),
        backtest: request("Demo"),
        axes: serde_json::from_value(axes).unwrap(),
    }
}

fn configs(request: &BatchRequest) -> Vec<BacktestConfig> {
    request.cells().unwrap().iter().map(|cell| cell.request.check().unwrap()).collect()
}

fn repository(world: &World) -> Arc<dyn BatchRepository> {
    Arc::new(SqliteBatches::new(world.database.clone()))
}

fn batches(world: &World, jobs: Arc<Jobs>) -> Batches {
    Batches::new(jobs, repository(world))
}

async fn submit(batches: &Batches, requester: &Requester) -> Result<(BatchRecord, bool), Error> {
    let request = grid();
    if let Some(before) = batches.recall(&request, requester).await? {
        return Ok((before.record, before.replayed));
    }
    let submitted = batches.take_in(&request, configs(&request), requester).await?;
    Ok((submitted.record, submitted.replayed))
}

async fn stored(world: &World) -> usize {
    world.ports().jobs.list(&JobFilter::default(), JobPage::first(100)).await.unwrap().len()
}

#[tokio::test]
async fn a_batch_has_its_jobs_and_tells_them_apart() {
    let world = World::new();
    let batches = batches(&world, world.jobs());
    let (record, replayed) = submit(&batches, &ann()).await.unwrap();
    assert_eq!((record.state, record.jobs.len(), replayed), (BatchState::Submitted, 6, false));
    let view = batches.get(record.batch_id).await.unwrap();
    assert_eq!((view.count(JobStatus::Pending) + view.count(JobStatus::Running), view.absent()), (6, 0));
    let (cell, id, job) = &view.jobs[4];
    assert_eq!(Value::Object(cell.values()), json!({"timeframe": "4h", "parameters": {"fast": 9}}));
    assert_eq!(job.as_ref().unwrap().trace_id, record.trace_id);
    let config = world.ports().jobs.message(*id).await.unwrap().unwrap().config;
    assert_eq!(
        (config.timeframe.unwrap().to_string().as_str(), config.parameters["fast"].as_str()),
        ("4h", "9")
    );
    run_to_completion(&world.reports(), *id).await;
    assert_eq!(batches.get(record.batch_id).await.unwrap().count(JobStatus::Completed), 1);
    let entries = world.ports().audit.list(None, 10).await.unwrap();
    let actions: Vec<&str> = entries.iter().map(|(_, entry)| entry.action.as_str()).rev().collect();
    assert_eq!(actions[..2], ["batch.submit", "job.submit"]);
    assert_eq!(actions.len(), 7);
}

/// A process that dies at any job leaves a batch that another one completes, by itself or because the request comes again.
#[tokio::test]
async fn a_batch_that_was_cut_short_is_completed_without_making_a_job_twice() {
    for (call, fault) in [(0, Fault::DeathBefore), (0, Fault::DeathAfter), (3, Fault::DeathAfter)] {
        for is_repeated in [true, false] {
            let world = World::new();
            let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
            let doomed = Arc::new(Failing::new(SqliteJobs::new(events)));
            doomed.next(std::iter::repeat_n(None, call).chain([Some(fault)]));
            let ports = JobPorts { jobs: doomed.clone(), ..world.ports() };
            let first = batches(&world, Jobs::new(ports, Some(world.local()), JobSettings::default()));
            let asking = tokio::spawn(async move { submit(&first, &with_key("k")).await });
            until(|| async { doomed.is_dead() }).await;
            asking.abort();
            let left = repository(&world).unfinished(None, 10).await.unwrap();
            assert_eq!(left.len(), 1);

            let second = batches(&world, world.jobs());
            if is_repeated {
                let (record, replayed) = submit(&second, &with_key("k")).await.unwrap();
                assert!(replayed && record.batch_id == left[0].batch_id, "{record:?}");
            } else {
                assert_eq!(second.complete().await.unwrap(), 0, "whoever was asked may still be at it");
                world.clock.advance(LEASE_MS);
                assert_eq!(second.complete().await.unwrap(), 1);
            }
            let view = second.get(left[0].batch_id).await.unwrap();
            assert_eq!((view.record.state, view.absent()), (BatchState::Submitted, 0));
            assert_eq!(view.record.jobs, left[0].jobs);
            assert_eq!(stored(&world).await, 6);
            assert_eq!(second.complete().await.unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a_storage_that_fails_in_the_middle_delays_a_batch_and_no_more() {
    let world = World::new();
    let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
    let flaky = Arc::new(Failing::new(SqliteJobs::new(events)));
    flaky.next([None, Some(Fault::Before)]);
    let ports = JobPorts { jobs: flaky, ..world.ports() };
    let batches = batches(&world, Jobs::new(ports, Some(world.local()), JobSettings::default()));
    let (record, _) = submit(&batches, &ann()).await.unwrap();
    assert_eq!(record.state, BatchState::Submitting, "it is stored, and so it is acknowledged");
    world.clock.advance(LEASE_MS);
    assert_eq!(batches.complete().await.unwrap(), 1);
    assert_eq!(batches.get(record.batch_id).await.unwrap().absent(), 0);
    assert_eq!(stored(&world).await, 6);
}

#[tokio::test]
async fn a_batch_is_taken_in_whole_or_not_at_all() {
    let world = World::new();
    let quota = Quota { total: 100, each: 5 };
    let settings = JobSettings { quota, ..JobSettings::default() };
    let small = batches(&world, Jobs::new(world.ports(), Some(world.local()), settings));
    let refused = submit(&small, &ann()).await.unwrap_err();
    assert!(matches!(refused, Error::TooManyWaiting { limit: 5, .. }), "{refused}");
    let without = batches(&world, Jobs::new(world.ports(), None, JobSettings::default()));
    assert_eq!(submit(&without, &ann()).await.unwrap_err(), Error::NoExecutor);
    assert_eq!((stored(&world).await, small.list(None, 10).await.unwrap().len()), (0, 0));
}

#[tokio::test]
async fn the_same_key_is_the_same_batch() {
    let world = World::new();
    let batches = batches(&world, world.jobs());
    let (first, _) = submit(&batches, &with_key("k")).await.unwrap();
    let (again, replayed) = submit(&batches, &with_key("k")).await.unwrap();
    assert!(replayed && again == first, "{again:?}");
    let other = BatchRequest { name: None, ..grid() };
    assert_eq!(batches.recall(&other, &with_key("k")).await.unwrap_err(), Error::KeyReused);
    assert_eq!(stored(&world).await, 6);
}

#[tokio::test]
async fn what_has_not_ended_of_a_cancelled_batch_is_cancelled() {
    let world = World::new();
    let batches = batches(&world, world.jobs());
    let (record, _) = submit(&batches, &ann()).await.unwrap();
    run_to_completion(&world.reports(), record.jobs[0]).await;
    for _ in 0..2 {
        let view = batches.cancel(record.batch_id, &ann()).await.unwrap();
        assert_eq!(view.record.state, BatchState::Cancelled);
        assert_eq!((view.count(JobStatus::Completed), view.count(JobStatus::Cancelled)), (1, 5));
    }
    assert_eq!(batches.complete().await.unwrap(), 0);
    let absent = BatchId(record.jobs[0].0);
    assert!(matches!(batches.cancel(absent, &ann()).await, Err(Error::NoSuchBatch { .. })));
}

fn bob() -> Requester {
    Requester { actor: "bob".to_owned(), ..Requester::default() }
}

/// A process that dies while it takes the fourth job in; that one is not stored.
async fn cut_short(world: &World) -> BatchRecord {
    let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
    let doomed = Arc::new(Failing::new(SqliteJobs::new(events)));
    doomed.next([None, None, None, Some(Fault::DeathBefore)]);
    let ports = JobPorts { jobs: doomed.clone(), ..world.ports() };
    let first = batches(world, Jobs::new(ports, Some(world.local()), JobSettings::default()));
    let asking = tokio::spawn(async move { submit(&first, &ann()).await });
    until(|| async { doomed.is_dead() && stored(world).await == 5 }).await;
    asking.abort();
    repository(world).unfinished(None, 10).await.unwrap().remove(0)
}

async fn missing(world: &World, batch: &BatchRecord) -> JobId {
    let there = world.ports().jobs.get_many(&batch.jobs).await.unwrap();
    let is_there = |id: &&JobId| there.iter().any(|job| job.job_id == **id);
    *batch.jobs.iter().find(|id| !is_there(id)).unwrap()
}

/// Whoever takes jobs in may store one more after the batch was cancelled, and die before it looks at that again.
#[tokio::test]
async fn a_batch_that_is_cancelled_while_it_is_taken_in_leaves_no_job() {
    let world = World::new();
    let batch = cut_short(&world).await;
    let second = batches(&world, world.jobs());
    let view = second.cancel(batch.batch_id, &bob()).await.unwrap();
    assert_eq!((view.record.state, view.absent()), (BatchState::Cancelling, 1));
    assert_eq!(view.count(JobStatus::Cancelled), 5);
    let late = missing(&world, &batch).await;
    let record = JobRecord { job_id: late, ..sample::job(1) };
    let late: NewJob = sample::new_job(record);
    world.ports().jobs.create(&late).await.unwrap();
    assert_eq!(second.complete().await.unwrap(), 1);
    let view = second.get(batch.batch_id).await.unwrap();
    assert_eq!((view.record.state, view.count(JobStatus::Cancelled)), (BatchState::Cancelled, 6));
    let entries = world.ports().audit.list(None, 50).await.unwrap();
    let cancelled = entries.iter().filter(|(_, entry)| entry.action == "job.cancel");
    let by: Vec<&str> = cancelled.map(|(_, entry)| entry.actor.as_str()).collect();
    assert_eq!(by, ["bob"; 6], "not whoever asked for the jobs");
}

#[tokio::test]
async fn a_cancelled_batch_takes_no_more_jobs_in_and_ends_without_them() {
    let world = World::new();
    let batch = cut_short(&world).await;
    let second = batches(&world, world.jobs());
    second.cancel(batch.batch_id, &bob()).await.unwrap();
    assert_eq!(second.complete().await.unwrap(), 0);
    world.clock.advance(LEASE_MS);
    assert_eq!((second.complete().await.unwrap(), second.complete().await.unwrap()), (1, 0));
    let view = second.get(batch.batch_id).await.unwrap();
    assert_eq!((view.record.state, view.absent()), (BatchState::Cancelled, 1));
}

#[tokio::test]
async fn a_storage_that_fails_while_a_batch_is_cancelled_delays_that() {
    let world = World::new();
    let (record, _) = submit(&batches(&world, world.jobs()), &ann()).await.unwrap();
    let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
    let flaky = Arc::new(Failing::new(SqliteJobs::new(events)));
    flaky.next([None, Some(Fault::Before)]);
    let ports = JobPorts { jobs: flaky, ..world.ports() };
    let other = batches(&world, Jobs::new(ports, Some(world.local()), JobSettings::default()));
    let view = other.cancel(record.batch_id, &bob()).await.unwrap();
    assert_eq!(view.record.state, BatchState::Cancelling, "it is stored, and so it is acknowledged");
    assert_eq!(other.complete().await.unwrap(), 1);
    let view = other.get(record.batch_id).await.unwrap();
    assert_eq!((view.record.state, view.count(JobStatus::Cancelled)), (BatchState::Cancelled, 6));
}

/// What a job asks for may be too much by the time at which it is taken in.
#[tokio::test]
async fn a_job_that_cannot_be_made_keeps_no_other_from_it() {
    let world = World::new();
    let batches = batches(&world, world.jobs());
    let mut request = grid();
    request.backtest.symbols = (0..100).map(|n| format!("A{n}/USDT")).collect();
    request.backtest.timerange = Some("20190101-".to_owned());
    request.axes = serde_json::from_value(json!({"timeframe": ["1m", "1d", "4h"]})).unwrap();
    let submitted = batches.take_in(&request, configs(&request), &ann()).await.unwrap();
    let why = submitted.record.error.unwrap();
    assert!(submitted.record.state == BatchState::Submitted && why.contains("candles; at most"), "{why}");
    assert_eq!((stored(&world).await, batches.complete().await.unwrap()), (2, 0));
    let view = batches.get(submitted.record.batch_id).await.unwrap();
    assert_eq!((view.refused(), view.absent(), view.refusal(view.jobs[0].1)), (1, 0, Some(why.as_str())));
}

/// The request was stored by a program that allowed more; a job that it made itself is no refused one.
#[tokio::test]
async fn jobs_that_are_not_allowed_any_more_are_named_one_by_one() {
    let world = World::new();
    let batch = cut_short(&world).await;
    let mut request = serde_json::to_value(grid()).unwrap();
    request["axes"] = json!({"timeframe": ["1h", "4h"], "parameters": {"fast": [5, [1], 12]}});
    let id = BatchId(sample::job_id(1).0);
    let jobs: Vec<JobId> = (11..=16).map(sample::job_id).collect();
    let record = BatchRecord { batch_id: id, jobs: jobs.clone(), ..batch };
    repository(&world).create(&NewBatch { record, request, key: None, quota: None }).await.unwrap();
    world.ports().jobs.create(&sample::new_job(sample::job(12))).await.unwrap();
    world.clock.advance(LEASE_MS);
    let second = batches(&world, world.jobs());
    assert_eq!(second.complete().await.unwrap(), 2);
    let view = second.get(id).await.unwrap();
    assert_eq!((view.refused(), view.absent(), view.refusal(jobs[1])), (1, 0, None));
    let why = view.refusal(jobs[4]).unwrap();
    assert!(why.contains("`fast`") && view.record.error.as_deref() == Some(why), "{why}");
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_ends_and_keeps_no_other_from_it() {
    let world = World::new();
    let batch = cut_short(&world).await;
    let second = batches(&world, world.jobs());
    let id = |n: u32| BatchId(sample::job_id(n).0);
    for n in 1..=60 {
        let record = BatchRecord { batch_id: id(n), jobs: vec![sample::job_id(n)], ..batch.clone() };
        let new = NewBatch { record, request: json!({"axes": {"nope": []}}), key: None, quota: None };
        repository(&world).create(&new).await.unwrap();
    }
    world.clock.advance(LEASE_MS);
    assert_eq!((second.complete().await.unwrap(), second.complete().await.unwrap()), (61, 0));
    assert_eq!(second.get(batch.batch_id).await.unwrap().absent(), 0);
    let bad = repository(&world).get(id(60)).await.unwrap().unwrap();
    assert!(bad.state == BatchState::Submitted && bad.error.unwrap().contains("nope"));
}

/// A whole round of rows that cannot be read comes before one that can.
#[tokio::test]
async fn a_batch_whose_record_is_damaged_hides_no_other() {
    let world = World::new();
    let path = world.folder.path().join("state.db");
    let world = World { database: Database::open(&path).unwrap(), ..world };
    let connection = Connection::open(&path).unwrap();
    let batch = cut_short(&world).await;
    let last = BatchId(sample::job_id(u32::MAX).0);
    let copy = BatchRecord { batch_id: last, jobs: vec![sample::job_id(9)], ..batch.clone() };
    let request = serde_json::to_value(grid()).unwrap();
    repository(&world).create(&NewBatch { record: copy, request, key: None, quota: None }).await.unwrap();
    let damaged: Vec<BatchId> = (1..=60).map(|n| BatchId(sample::job_id(n).0)).collect();
    for id in &damaged {
        let record = BatchRecord { batch_id: *id, jobs: Vec::new(), ..batch.clone() };
        let new = NewBatch { record, request: json!({}), key: None, quota: None };
        repository(&world).create(&new).await.unwrap();
        let damage = "UPDATE batches SET record = 'no JSON' WHERE batch_id = ?1";
        assert_eq!(connection.execute(damage, [id.to_string()]).unwrap(), 1);
    }
    world.clock.advance(LEASE_MS);
    let second = batches(&world, world.jobs());
    assert_eq!(second.complete().await.unwrap(), 2);
    assert_eq!(second.get(batch.batch_id).await.unwrap().absent(), 0);
    let error = second.get(damaged[59]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Data && error.to_string().contains("cannot be read"), "{error}");
    assert_eq!(second.list(None, 100).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_job_that_was_deleted_is_not_made_again() {
    let world = World::new();
    let batch = cut_short(&world).await;
    let jobs = world.jobs();
    jobs.cancel(batch.jobs[0], &bob()).await.unwrap();
    jobs.delete(batch.jobs[0], &bob()).await.unwrap();
    world.clock.advance(LEASE_MS);
    let second = batches(&world, jobs);
    assert_eq!(second.complete().await.unwrap(), 1);
    let view = second.get(batch.batch_id).await.unwrap();
    assert_eq!((view.absent(), view.jobs[0].2.is_none()), (1, true));
}
