//! Batches: taken in whole, completed by whoever finds them, cancelled.

use std::sync::Arc;

use serde_json::{Value, json};
use tradai_control_plane::Error;
use tradai_control_plane::jobs::{BatchRequest, Batches, JobPorts, JobSettings, Jobs, Requester};
use tradai_domain::jobs::{BacktestConfig, BatchRecord, BatchState, JobStatus};
use tradai_domain::ports::{BatchRepository, JobFilter, JobPage, Quota};
use tradai_embedded::{SqliteBatches, SqliteEvents, SqliteJobs};
use tradai_testkit::{Failing, Fault};

use crate::world::{World, ann, request, run_to_completion, until, with_key};

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
            let left = repository(&world).unfinished(10).await.unwrap();
            assert_eq!(left.len(), 1);

            let second = batches(&world, world.jobs());
            if is_repeated {
                let (record, replayed) = submit(&second, &with_key("k")).await.unwrap();
                assert!(replayed && record.batch_id == left[0].batch_id, "{record:?}");
            } else {
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
    until(|| async { batches.complete().await.unwrap() == 1 }).await;
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
    let absent = tradai_domain::jobs::BatchId(record.jobs[0].0);
    assert!(matches!(batches.cancel(absent, &ann()).await, Err(Error::NoSuchBatch { .. })));
}
