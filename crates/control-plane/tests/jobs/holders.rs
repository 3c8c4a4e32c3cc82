//! Who watches over a job: one process, as long as it lives, and never nobody for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use tradai_control_plane::jobs::executors::TaskSubmitter;
use tradai_control_plane::jobs::{JobPorts, JobSettings, Jobs, Recovered};
use tradai_domain::jobs::JobStatus;
use tradai_domain::ports::{PortError, TaskEnd, TaskHandle, TaskRunner, TaskSpec, TaskStatus};
use tradai_domain::{ErrorKind, JobId};
use tradai_embedded::{SqliteEvents, SqliteJobs};
use tradai_testkit::{Failing, Fault, MemoryTasks};

use crate::world::{World, ann, ended, request, run_to_completion, started, until};

/// Tasks that nobody can be asked after for some calls, as a daemon that is away.
struct Away {
    tasks: MemoryTasks,
    starts: AtomicU32,
    waits: AtomicU32,
    kind: ErrorKind,
}

impl Away {
    /// Fails for as long as there are calls left to fail.
    fn answers(&self, left: &AtomicU32) -> Result<(), PortError> {
        let is_away =
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_away { Err(PortError::new(self.kind, "the daemon is away")) } else { Ok(()) }
    }
}

#[async_trait]
impl TaskRunner for Away {
    async fn start(&self, task: &TaskSpec) -> Result<TaskHandle, PortError> {
        self.answers(&self.starts)?;
        self.tasks.start(task).await
    }

    async fn status(&self, task: &TaskHandle) -> Result<TaskStatus, PortError> {
        self.tasks.status(task).await
    }

    async fn wait(&self, task: &TaskHandle) -> Result<TaskEnd, PortError> {
        self.answers(&self.waits)?;
        self.tasks.wait(task).await
    }

    async fn stop(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.tasks.stop(task).await
    }

    async fn forget(&self, task: &TaskHandle) -> Result<(), PortError> {
        self.tasks.forget(task).await
    }
}

fn away(world: &World, starts: u32, waits: u32, kind: ErrorKind) -> Arc<Jobs> {
    let tasks = world.tasks.as_ref().clone();
    let tasks = Away { tasks, starts: AtomicU32::new(starts), waits: AtomicU32::new(waits), kind };
    let executor = TaskSubmitter::local(Arc::new(tasks), Default::default());
    Jobs::new(world.ports(), Some(Arc::new(executor)), JobSettings::default())
}

fn named(world: &World, holder: &str, parallel: usize) -> Arc<Jobs> {
    let settings = JobSettings { holder: holder.to_owned(), parallel, ..JobSettings::default() };
    Jobs::new(world.ports(), Some(world.local()), settings)
}

/// Submits a job and waits until it was handed over.
async fn handed_over(jobs: &Arc<Jobs>) -> JobId {
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    until(|| async { jobs.get(id).await.unwrap().execution_arn.is_some() }).await;
    id
}

/// A disk is full while a job's process dies: the job ends once the disk is not.
#[tokio::test]
async fn an_end_that_cannot_be_stored_for_long_is_stored_when_it_can() {
    let world = World::new();
    let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
    let stored = Arc::new(Failing::new(SqliteJobs::new(events)));
    let ports = JobPorts { jobs: stored.clone(), ..world.ports() };
    let jobs = Jobs::new(ports, Some(world.local()), JobSettings::default());
    let id = handed_over(&jobs).await;
    // As often as a call is made that is given up: for some seconds.
    stored.next([Some(Fault::Before); 6]);
    world.tasks.end(&id.to_string(), None, "was killed by signal 9");
    let record = ended(&world.ports(), id).await;
    let reason = record.error.unwrap();
    assert_eq!(
        (record.status, reason.as_str()),
        (JobStatus::Failed, "the job's process was killed by signal 9")
    );
}

#[tokio::test]
async fn a_job_is_watched_over_however_long_its_daemon_is_away() {
    let world = World::new();
    let jobs = away(&world, 0, 6, ErrorKind::Unavailable);
    let id = handed_over(&jobs).await;
    world.tasks.end(&id.to_string(), Some(70), "ended with exit code 70");
    assert_eq!(ended(&world.ports(), id).await.status, JobStatus::Failed);
}

/// As often as a call is made that is given up: a daemon that is started anew fails no job that waits for it.
#[tokio::test]
async fn a_job_is_handed_over_however_long_its_daemon_is_away() {
    let world = World::new();
    let jobs = away(&world, 6, 0, ErrorKind::Unavailable);
    let id = handed_over(&jobs).await;
    run_to_completion(&world.reports(), id).await;
    world.tasks.end(&id.to_string(), Some(0), "ended");
    assert_eq!(ended(&world.ports(), id).await.status, JobStatus::Completed);
}

#[tokio::test]
async fn an_executor_that_cannot_run_a_job_fails_it_with_the_reason() {
    let world = World::new();
    let jobs = away(&world, 1, 0, ErrorKind::Internal);
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    let record = ended(&world.ports(), id).await;
    assert_eq!(record.status, JobStatus::Failed);
    assert_eq!(record.error.unwrap(), "the job could not be handed over (local): the daemon is away");
}

/// What a process lost sight of it finds again; what it has in hand it leaves as it is.
#[tokio::test]
async fn a_job_that_is_in_nobodys_hand_is_taken_up_again() {
    let world = World::new();
    let jobs = away(&world, 0, 1, ErrorKind::Internal);
    let id = handed_over(&jobs).await;
    // It is let go of a moment after it was handed over.
    until(|| async { jobs.take_up().await.unwrap() == Recovered { watched: 1, handed_over: 0 } }).await;
    assert_eq!(jobs.take_up().await.unwrap(), Recovered::default());
    world.tasks.end(&id.to_string(), None, "was killed by signal 9");
    assert_eq!(ended(&world.ports(), id).await.status, JobStatus::Failed);
}

/// Row M001: of two on one state, the one that lives takes up what the other one had, and nothing before that.
#[tokio::test]
async fn jobs_of_a_process_that_is_not_heard_of_are_another_ones() {
    let world = World::new();
    let (one, other) = (named(&world, "one", 1), named(&world, "other", 4));
    one.take_up().await.unwrap();
    let mut ids = vec![handed_over(&one).await];
    for _ in 0..3 {
        ids.push(one.submit(&request("Demo"), &ann()).await.unwrap().record.job_id);
    }
    world.clock.advance(15_000);
    assert_eq!(other.take_up().await.unwrap(), Recovered::default());
    one.take_up().await.unwrap();
    world.clock.advance(15_000);
    assert_eq!(other.take_up().await.unwrap(), Recovered::default());
    world.clock.advance(5_000);
    assert_eq!(other.take_up().await.unwrap(), Recovered { watched: 1, handed_over: 3 });
    // The first was only slow. It leaves the others alone when it has room, and so each runs once.
    for id in &ids {
        started(&world.tasks, *id).await;
        run_to_completion(&world.reports(), *id).await;
        world.tasks.end(&id.to_string(), Some(0), "ended");
    }
    for id in &ids {
        assert_eq!(ended(&world.ports(), *id).await.status, JobStatus::Completed);
        assert_eq!(world.ports().jobs.holder(*id).await.unwrap().as_deref(), Some("other"));
    }
    assert_eq!(world.tasks.started().len(), ids.len());
}

/// A service is started again before the one that it replaces has stopped; they have one name.
#[tokio::test]
async fn who_stops_late_does_not_give_away_what_its_successor_holds() {
    let world = World::new();
    let (before, other) = (named(&world, "one", 1), named(&world, "other", 2));
    before.take_up().await.unwrap();
    handed_over(&before).await;
    world.clock.advance(5_000);
    let after = named(&world, "one", 1);
    assert_eq!(after.take_up().await.unwrap(), Recovered { watched: 1, handed_over: 0 });
    before.stop().await;
    assert_eq!(other.take_up().await.unwrap(), Recovered::default());
    after.stop().await;
    assert_eq!(other.take_up().await.unwrap(), Recovered { watched: 1, handed_over: 0 });
}

#[tokio::test]
async fn who_stops_is_not_waited_for_and_who_runs_no_jobs_takes_none() {
    let world = World::new();
    let (one, other) = (named(&world, "one", 1), named(&world, "other", 2));
    one.take_up().await.unwrap();
    let id = handed_over(&one).await;
    one.stop().await;
    let spectator = Jobs::new(world.ports(), None, JobSettings::default());
    assert_eq!(spectator.recover().await.unwrap(), Recovered::default());
    assert_eq!(other.take_up().await.unwrap(), Recovered { watched: 1, handed_over: 0 });
    run_to_completion(&world.reports(), id).await;
    assert_eq!(ended(&world.ports(), id).await.status, JobStatus::Completed);
}
