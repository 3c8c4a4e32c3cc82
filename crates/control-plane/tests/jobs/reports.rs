//! Reports from several sides, late and in any order.

use std::sync::Arc;

use proptest::prelude::*;
use tradai_control_plane::jobs::{JobPorts, JobReports, JobSettings, Jobs};
use tradai_domain::Clock;
use tradai_domain::jobs::{JobChange, JobEvent, JobStatus, Progress};
use tradai_domain::ports::EventBus;
use tradai_embedded::SqliteEvents;
use tradai_testkit::sample::{job, job_id, new_job};

use crate::world::{World, statuses};

/// What a container, a workflow and a watcher say of one job that completes.
fn said() -> Vec<JobChange> {
    let completed = || JobChange::status(JobStatus::Completed, 30);
    vec![
        JobChange::status(JobStatus::Running, 10),
        JobChange::status(JobStatus::Running, 11),
        JobChange::progress(Progress::of(1, 4), 15),
        JobChange::progress(Progress::of(3, 4), 20),
        JobChange { result_s3_path: Some("r".to_owned()), ..completed() },
        JobChange { mlflow_run_id: Some("m".to_owned()), ..completed() },
        completed(),
    ]
}

async fn report_all(reports: &JobReports, changes: &[JobChange]) -> usize {
    let mut updates = 0;
    for change in changes {
        let reported = reports.report(job_id(1), change.clone()).await.unwrap().unwrap();
        updates += usize::from(reported.updated());
    }
    updates
}

fn told(world: &World, runtime: &tokio::runtime::Runtime) -> Vec<JobEvent> {
    let events = world.ports().events;
    let batch = runtime.block_on(async move { EventBus::read(events.as_ref(), None, 0).await }).unwrap();
    batch.events.into_iter().map(|event| event.event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the order, the job ends completed with all that was said of it, and each status is told once.
    #[test]
    fn fault_x06_reports_in_any_order_end_in_the_same_record(changes in Just(said()).prop_shuffle()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = World::new();
        let record = runtime.block_on(async {
            let (ports, reports) = (world.ports(), world.reports());
            ports.jobs.create(&new_job(job(1))).await.unwrap();
            let updates = report_all(&reports, &changes).await;
            assert!((1..=2).contains(&updates));
            // All of it once more: a queue delivers twice.
            assert_eq!(report_all(&reports, &changes).await, 0);
            ports.jobs.get(job_id(1)).await.unwrap().unwrap()
        });
        prop_assert_eq!(record.status, JobStatus::Completed);
        prop_assert_eq!(record.result_s3_path.as_deref(), Some("r"));
        prop_assert_eq!(record.mlflow_run_id.as_deref(), Some("m"));
        prop_assert_eq!(record.progress, Progress::DONE);
        let expected = [JobStatus::Pending, JobStatus::Running, JobStatus::Completed];
        prop_assert_eq!(statuses(&told(&world, &runtime)), expected);
    }
}

#[tokio::test]
async fn fault_x06_a_late_running_is_no_error_and_changes_nothing() {
    let world = World::new();
    let reports = world.reports();
    world.ports().jobs.create(&new_job(job(1))).await.unwrap();
    report_all(&reports, &said()).await;
    let late = JobChange::status(JobStatus::Running, 99);
    let reported = reports.report(job_id(1), late).await.unwrap().unwrap();
    assert!(!reported.updated());
    assert_eq!((reported.record.status, reported.record.started_at), (JobStatus::Completed, Some(10)));
    assert_eq!(reports.report(job_id(2), JobChange::default()).await.unwrap(), None);
}

/// The job's own process stored the end and was killed; whoever watches over it comes with a report that is too late.
#[tokio::test]
async fn an_end_that_was_not_told_is_told_with_a_report_that_is_refused() {
    let world = World::new();
    let (ports, reports) = (world.ports(), world.reports());
    ports.jobs.create(&new_job(job(1))).await.unwrap();
    for status in [JobStatus::Running, JobStatus::Completed] {
        ports.jobs.apply(job_id(1), &JobChange::status(status, 5)).await.unwrap().unwrap();
    }
    for _ in 0..2 {
        reports.report(job_id(1), JobChange::failed("killed", 9)).await.unwrap().unwrap();
    }
    let told: Vec<JobEvent> =
        ports.events.read(None, 0).await.unwrap().events.into_iter().map(|event| event.event).collect();
    assert_eq!(statuses(&told), [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
}

/// Consumers act on a failure: they are not to hear of it again because the log is short and a platform restarts.
#[tokio::test]
async fn what_was_told_and_forgotten_is_not_told_again() {
    let world = World::new();
    let events = Arc::new(SqliteEvents::new(world.database.clone(), 4));
    let ports = JobPorts { events: events.clone(), ..world.ports() };
    let now = world.clock.now_ms();
    let reports = JobReports::new(ports.jobs.clone(), events.clone(), world.clock.clone());
    for n in 1..=3 {
        ports.jobs.create(&new_job(job(n))).await.unwrap();
    }
    reports.report(job_id(1), JobChange::failed("no candles", now - 20)).await.unwrap().unwrap();
    reports.report(job_id(2), JobChange::status(JobStatus::Running, now - 10)).await.unwrap().unwrap();
    for done in 1..=4 {
        let progress = JobChange::progress(Progress::of(done, 9), now);
        reports.report(job_id(2), progress).await.unwrap().unwrap();
    }
    // A process stored the end of the third job, and died before it told.
    ports.jobs.apply(job_id(3), &JobChange::failed("killed", now + 30)).await.unwrap().unwrap();
    let before = events.newest().await.unwrap();
    for _ in 0..2 {
        let jobs = Jobs::new(ports.clone(), None, JobSettings::default());
        jobs.recover().await.unwrap();
        // A report that comes late is no reason either.
        reports.report(job_id(1), JobChange::status(JobStatus::Running, now + 40)).await.unwrap().unwrap();
        let told = events.read(None, before).await.unwrap().events;
        let told: Vec<String> = told.into_iter().map(|event| event.event.dedup_id()).collect();
        assert_eq!(told, [format!("{}:failed", job_id(3))]);
    }
    reports.report(job_id(2), JobChange::status(JobStatus::Completed, now + 50)).await.unwrap().unwrap();
    let last = events.read(Some(job_id(2)), before).await.unwrap().events;
    let last: Vec<String> = last.into_iter().map(|event| event.event.dedup_id()).collect();
    assert_eq!(last, [format!("{}:completed", job_id(2))]);
}
