//! Taking jobs in.

use std::sync::Arc;

use tradai_control_plane::Error;
use tradai_control_plane::jobs::{JobSettings, Jobs, Recovered, Requester};
use tradai_domain::jobs::{JobChange, JobRecord, JobStatus, WorkflowType};
use tradai_domain::ports::{JobFilter, JobPage, Quota};
use tradai_domain::{ErrorKind, IdSource, JobId, RandomIds};
use tradai_embedded::{SqliteEvents, SqliteJobs};
use tradai_testkit::sample::new_job;
use tradai_testkit::{Failing, Fault, MemoryTasks};

use crate::world::{
    World, ann, ended, request, run_to_completion, started, statuses, story, until, with_key,
};

#[tokio::test]
async fn a_job_is_acknowledged_before_it_runs_and_ends_completed() {
    let world = World::new();
    let jobs = world.jobs();
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap();
    let requester = Requester { trace_id: Some(trace), ..ann() };
    let record = jobs.submit(&request("Demo"), &requester).await.unwrap().record;
    assert_eq!((record.status, record.trace_id), (JobStatus::Pending, trace));
    assert_eq!(record.ttl, Some(record.created_at / 1_000 + 7 * 86_400));
    let id = record.job_id;
    started(&world.tasks, id).await;
    let environment = world.tasks.started().remove(0).environment;
    assert_eq!(environment["JOB_ID"], id.to_string());
    assert_eq!(environment["TRACE_ID"], trace.to_string());
    assert_eq!((environment["STRATEGY"].as_str(), environment["PAIRS"].as_str()), ("Demo", "BTC/USDT"));
    assert!(matches!(jobs.results(id).await, Err(Error::NoResult { .. })));

    run_to_completion(&world.reports(), id).await;
    world.tasks.end(&id.to_string(), Some(0), "ended");
    let told = story(world.ports().events, id).await;
    assert_eq!(statuses(&told), [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
    assert!(told.iter().all(|event| event.trace_id == trace && event.job_id == id));
    assert_eq!(jobs.results(id).await.unwrap(), format!("file:///r/{id}"));
    let entry = world.ports().audit.list(None, 10).await.unwrap().remove(0).1;
    assert_eq!((entry.actor.as_str(), entry.action.as_str()), ("ann", "job.submit"));
    assert_eq!((entry.subject, entry.trace_id), (id.to_string(), Some(trace)));
}

#[tokio::test]
async fn the_same_key_is_the_same_job() {
    let world = World::new();
    let jobs = world.jobs();
    let first = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap();
    let again = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap();
    assert_eq!(again.record.job_id, first.record.job_id);
    assert_eq!((first.replayed, again.replayed), (false, true));
    let other = jobs.submit(&request("Other"), &with_key("k")).await.unwrap_err();
    assert_eq!((other.clone(), other.kind()), (Error::KeyReused, ErrorKind::Conflict));
    let bob = Requester { actor: "bob".to_owned(), ..with_key("k") };
    assert_ne!(jobs.submit(&request("Demo"), &bob).await.unwrap().record.job_id, first.record.job_id);
    assert_eq!(jobs.list(&JobFilter::default(), JobPage::first(10)).await.unwrap().len(), 2);
}

/// Fault X39: what is accepted waits, and no more of it than may.
#[tokio::test]
async fn fault_x39_no_more_jobs_wait_than_may() {
    let world = World::new();
    let quota = Quota { total: 3, each: 2 };
    let settings = JobSettings { parallel: 1, quota, ..JobSettings::default() };
    let jobs = Jobs::new(world.ports(), Some(world.local()), settings);
    let first = jobs.submit(&request("Demo"), &with_key("first")).await.unwrap().record.job_id;
    started(&world.tasks, first).await;
    jobs.submit(&request("Demo"), &ann()).await.unwrap();
    let refused = jobs.submit(&request("Demo"), &ann()).await.unwrap_err();
    let text = "2 jobs of yours wait, which is the limit (BACKEND_MAX_WAITING_JOBS_PER_CALLER)";
    assert!(refused.to_string().starts_with(text), "{refused}");
    assert!(jobs.submit(&request("Demo"), &with_key("first")).await.unwrap().replayed);
    // One that runs waits no more.
    world.reports().report(first, JobChange::status(JobStatus::Running, 1)).await.unwrap();
    jobs.submit(&request("Demo"), &ann()).await.unwrap();
    let bob = Requester { actor: "bob".to_owned(), ..Requester::default() };
    jobs.submit(&request("Demo"), &bob).await.unwrap();
    let refused = jobs.submit(&request("Demo"), &bob).await.unwrap_err();
    assert!(refused.to_string().starts_with("3 jobs of all together wait"), "{refused}");
}

#[tokio::test]
async fn a_key_is_recalled_without_making_a_job() {
    let world = World::new();
    let jobs = world.jobs();
    let config = request("Demo").check().unwrap();
    assert_eq!(jobs.recall(&config, &with_key("k")).await.unwrap(), None);
    let first = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap().record.job_id;
    let again = jobs.recall(&config, &with_key("k")).await.unwrap().unwrap();
    assert_eq!((again.record.job_id, again.replayed), (first, true));
    let other = request("Other").check().unwrap();
    assert_eq!(jobs.recall(&other, &with_key("k")).await.unwrap_err(), Error::KeyReused);
    assert_eq!(jobs.recall(&config, &ann()).await.unwrap(), None);
}

#[tokio::test]
async fn a_request_whose_answer_got_lost_is_repeated_and_its_job_runs() {
    let world = World::new();
    let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
    let stored = Arc::new(Failing::new(SqliteJobs::new(events)));
    stored.next([Some(Fault::After)]);
    let ports = tradai_control_plane::jobs::JobPorts { jobs: stored, ..world.ports() };
    let jobs = Jobs::new(ports, Some(world.local()), JobSettings::default());
    let lost = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    let again = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap();
    assert!(again.replayed);
    started(&world.tasks, again.record.job_id).await;
    // However often it is asked for, it is in hand once.
    jobs.submit(&request("Demo"), &with_key("k")).await.unwrap();
    assert_eq!(world.tasks.started().len(), 1);
}

#[tokio::test]
async fn a_key_does_not_bring_a_deleted_job_back() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap().record.job_id;
    jobs.cancel(id, &ann()).await.unwrap();
    jobs.delete(id, &ann()).await.unwrap();
    let error = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap_err();
    assert_eq!(error, Error::NoSuchJob { id });
}

#[tokio::test]
async fn a_host_without_executor_shows_jobs_and_takes_none() {
    let world = World::new();
    let jobs = Jobs::new(world.ports(), None, JobSettings::default());
    let error = jobs.submit(&request("Demo"), &ann()).await.unwrap_err();
    assert_eq!((error.clone(), error.kind()), (Error::NoExecutor, ErrorKind::Unavailable));
    assert!(jobs.list(&JobFilter::default(), JobPage::first(10)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_host_that_stops_takes_no_jobs_and_leaves_them_pending() {
    let world = World::new();
    let jobs = world.jobs();
    let settings = JobSettings { parallel: 1, ..JobSettings::default() };
    let busy = Jobs::new(world.ports(), Some(world.local()), settings);
    let first = busy.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, first).await;
    let second = busy.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    busy.stop().await;
    assert_eq!(busy.submit(&request("Demo"), &ann()).await.unwrap_err(), Error::Stopping);
    assert_eq!(busy.get(second).await.unwrap().status, JobStatus::Pending);
    assert_eq!(world.tasks.started().len(), 1);
    assert_eq!(jobs.recover().await.unwrap().handed_over, 1);
    started(&world.tasks, second).await;
}

#[tokio::test]
async fn a_failure_of_the_executor_that_passes_is_not_the_jobs() {
    let world = World::new();
    let tasks = Arc::new(Failing::new(MemoryTasks::default()));
    let executor =
        tradai_control_plane::jobs::executors::TaskSubmitter::local(tasks.clone(), Default::default());
    let jobs = Jobs::new(world.ports(), Some(Arc::new(executor)), JobSettings::default());
    tasks.next([Some(Fault::Before), Some(Fault::After)]);
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(tasks.inner(), id).await;
}

#[tokio::test]
async fn a_task_that_ends_without_a_word_fails_its_job() {
    let world = World::new();
    let jobs = world.jobs();
    for (code, reason, error) in [
        (Some(0), "ended", "the job's process ended without a result"),
        (None, "was killed by signal 9", "the job's process was killed by signal 9"),
    ] {
        let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
        started(&world.tasks, id).await;
        world.tasks.end(&id.to_string(), code, reason);
        let record = ended(&world.ports(), id).await;
        assert_eq!((record.status, record.error.as_deref()), (JobStatus::Failed, Some(error)));
    }
}

/// Pages of jobs begin with the newest.
#[tokio::test]
async fn who_waited_longest_goes_on_first_after_a_restart() {
    let world = World::new();
    let one_at_a_time = JobSettings { parallel: 1, ..JobSettings::default() };
    let busy = Jobs::new(world.ports(), Some(world.local()), one_at_a_time.clone());
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(busy.submit(&request("Demo"), &ann()).await.unwrap().record.job_id);
        started(&world.tasks, taken[0]).await;
        world.clock.advance(1_000);
    }
    busy.stop().await;
    assert_eq!(world.tasks.started().len(), 1, "what a watcher leaves free is not for who stops");
    run_to_completion(&world.reports(), taken[0]).await;
    let strategy = "Demo".parse().unwrap();
    let training = JobId(RandomIds.next(world.clock.as_ref()));
    let training = JobRecord::pending(training, WorkflowType::Train, strategy, training.into(), 0);
    world.ports().jobs.create(&new_job(training.clone())).await.unwrap();

    let jobs = Jobs::new(world.ports(), Some(world.local()), one_at_a_time);
    assert_eq!(jobs.recover().await.unwrap(), Recovered { watched: 0, handed_over: 2 });
    until(|| async { world.tasks.started().len() > 1 }).await;
    let names: Vec<String> = world.tasks.started().into_iter().map(|task| task.name).collect();
    assert_eq!(names, [taken[0].to_string(), taken[1].to_string()]);
    assert_eq!(jobs.get(training.job_id).await.unwrap().status, JobStatus::Pending);
}
