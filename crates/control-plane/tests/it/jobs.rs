//! Jobs: bounded, cancellable, and ended cleanly when the host stops.

use std::sync::Arc;
use std::time::Duration;

use tradai_control_plane::Error;
use tradai_control_plane::data::{JobLimits, JobStatus, SyncJobs};
use tradai_domain::SequentialIds;

use crate::exchange::{World, request};

fn jobs(world: &World, limits: JobLimits) -> Arc<SyncJobs> {
    let ids = Arc::new(SequentialIds::default());
    Arc::new(SyncJobs::new(world.collector.clone(), world.clock.clone(), ids, limits))
}

#[tokio::test]
async fn a_job_ends_and_is_remembered_for_a_while() {
    let world = World::new(100);
    let limits = JobLimits { kept: 2, kept_for: Duration::from_secs(60), ..JobLimits::default() };
    let jobs = jobs(&world, limits);
    let mut ids = Vec::new();
    for _ in 0..4 {
        let plan = world.collector.plan(&request(&["BTC/USDT"], 0..100)).await.unwrap();
        let job = jobs.submit(plan, "trace".to_owned()).unwrap();
        job.wait().await;
        assert_eq!(job.view().status, JobStatus::Completed);
        ids.push(job.id);
    }
    // Looked at when the fourth came: of the three that had ended, two are kept.
    assert!(jobs.find(ids[0]).is_none() && jobs.find(ids[1]).is_some());
    assert_eq!(jobs.list()[0].id, ids[3], "the newest first");
    world.clock.advance(60_000);
    let plan = world.collector.plan(&request(&["BTC/USDT"], 0..100)).await.unwrap();
    let last = jobs.submit(plan, String::new()).unwrap();
    assert_eq!(jobs.list().len(), 1);
    last.wait().await;
}

#[tokio::test]
async fn failed_and_cancelled_jobs_say_so() {
    let world = World::new(1_000);
    let jobs = jobs(&world, JobLimits { active: 1, ..JobLimits::default() });
    let plan = world.collector.plan(&request(&["NOPE/USDT"], 0..100)).await.unwrap();
    let job = jobs.submit(plan, String::new()).unwrap();
    job.wait().await;
    assert_eq!(job.view().status, JobStatus::Failed);

    world.exchange.permits.forget_permits(usize::MAX >> 3);
    let plan = world.collector.plan(&request(&["BTC/USDT"], 0..100)).await.unwrap();
    let job = jobs.submit(plan.clone(), String::new()).unwrap();
    assert_eq!(jobs.submit(plan, String::new()).unwrap_err(), Error::TooManyJobs { limit: 1 });
    job.cancel();
    job.cancel();
    job.wait().await;
    assert_eq!(job.view().status, JobStatus::Cancelled);
}

#[tokio::test]
async fn stopping_commits_what_was_fetched_and_takes_no_more() {
    let world = World::new(1_000);
    let jobs = jobs(&world, JobLimits::default());
    world.exchange.permits.forget_permits(usize::MAX >> 3);
    world.exchange.permits.add_permits(2);
    let plan = world.collector.plan(&request(&["BTC/USDT"], 0..1_000)).await.unwrap();
    let job = jobs.submit(plan.clone(), String::new()).unwrap();
    while job.view().result.series[0].candles_answered < 200 {
        tokio::task::yield_now().await;
    }
    jobs.stop().await;
    assert_eq!(job.view().status, JobStatus::Cancelled);
    assert_eq!(world.stored_hours("BTC/USDT").await, (0..200).collect::<Vec<_>>());
    assert_eq!(jobs.submit(plan, String::new()).unwrap_err(), Error::Stopping);
}
