//! Cancelling and deleting, wherever a job stands.

use tradai_control_plane::Error;
use tradai_control_plane::jobs::{JobSettings, Jobs};
use tradai_domain::jobs::{JobChange, JobStatus};
use tradai_domain::ports::{BlobKey, TaskHandle, TaskRunner};

use crate::world::{World, ann, ended, is_stored, request, run_to_completion, started};

#[tokio::test]
async fn a_job_that_waits_for_its_turn_is_never_started() {
    let world = World::new();
    let settings = JobSettings { parallel: 1, ..JobSettings::default() };
    let jobs = Jobs::new(world.ports(), Some(world.local()), settings);
    let first = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, first).await;
    let second = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    let third = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    assert_eq!(jobs.cancel(second, &ann()).await.unwrap().status, JobStatus::Cancelled);
    world.tasks.end(&first.to_string(), Some(1), "ended");
    started(&world.tasks, third).await;
    assert_eq!(world.tasks.started().len(), 2);
}

#[tokio::test]
async fn a_running_job_is_stopped_and_its_late_reports_change_nothing() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, id).await;
    let running = JobChange::status(JobStatus::Running, 5);
    world.reports().report(id, running.clone()).await.unwrap().unwrap();
    crate::world::until(|| async { jobs.get(id).await.unwrap().execution_arn.is_some() }).await;
    assert_eq!(jobs.cancel(id, &ann()).await.unwrap().status, JobStatus::Cancelled);
    let end = world.tasks.wait(&TaskHandle(id.to_string())).await.unwrap();
    assert_eq!(end.reason, "was stopped");
    for late in [running, JobChange::failed("killed", 6), JobChange::status(JobStatus::Completed, 7)] {
        let reported = world.reports().report(id, late).await.unwrap().unwrap();
        assert!(!reported.updated() && reported.record.status == JobStatus::Cancelled);
    }
    assert_eq!(jobs.cancel(id, &ann()).await.unwrap().error, None);
}

#[tokio::test]
async fn an_ended_job_cannot_be_cancelled_and_an_active_one_not_deleted() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, id).await;
    let active = jobs.delete(id, &ann()).await.unwrap_err();
    assert_eq!(active, Error::JobActive { id, status: JobStatus::Pending });
    run_to_completion(&world.reports(), id).await;
    let error = jobs.cancel(id, &ann()).await.unwrap_err();
    assert_eq!(error, Error::JobEnded { id, status: JobStatus::Completed });
    assert_eq!(error.to_string(), format!("the job {id} is completed already"));

    let result: BlobKey = format!("jobs/{id}/result.json").parse().unwrap();
    world.ports().blobs.put(&result, b"{}".to_vec()).await.unwrap();
    jobs.config(id).await.unwrap();
    jobs.delete(id, &ann()).await.unwrap();
    assert!(!is_stored(&world.ports(), id).await);
    assert_eq!(jobs.config(id).await.unwrap_err(), Error::NoSuchJob { id });
    assert!(!world.folder.path().join(format!("blobs/jobs/{id}")).exists());
    assert_eq!(jobs.delete(id, &ann()).await.unwrap_err(), Error::NoSuchJob { id });
    assert_eq!(jobs.cancel(id, &ann()).await.unwrap_err(), Error::NoSuchJob { id });
}

#[tokio::test]
async fn records_go_after_their_time_with_all_that_is_stored() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    jobs.cancel(id, &ann()).await.unwrap();
    ended(&world.ports(), id).await;
    assert_eq!(jobs.delete_expired().await.unwrap(), 0);
    world.clock.advance(7 * 86_400_000);
    assert_eq!(jobs.delete_expired().await.unwrap(), 1);
    assert!(!is_stored(&world.ports(), id).await);
    assert!(matches!(jobs.config(id).await, Err(Error::NoSuchJob { .. })));
}
