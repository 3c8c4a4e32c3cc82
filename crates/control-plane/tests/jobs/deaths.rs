//! A platform that is killed at every point of taking a job in and handing it over.

use std::sync::Arc;

use tradai_control_plane::jobs::executors::TaskSubmitter;
use tradai_control_plane::jobs::{JobPorts, JobSettings, Jobs};
use tradai_domain::jobs::JobStatus;
use tradai_embedded::{SqliteEvents, SqliteJobs};
use tradai_testkit::{Failing, Fault, MemoryTasks};

use crate::world::{World, request, run_to_completion, started, statuses, story, until, with_key};

/// Which port is called when the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Jobs,
    Tasks,
}

/// A platform whose process dies at one of its calls.
struct Doomed {
    jobs: Arc<Jobs>,
    stored: Arc<Failing<SqliteJobs>>,
    tasks: Arc<Failing<MemoryTasks>>,
}

impl Doomed {
    fn new(world: &World, at: At, call: usize, fault: Fault) -> Self {
        let events = SqliteEvents::new(world.database.clone(), SqliteEvents::KEPT);
        let stored = Arc::new(Failing::new(SqliteJobs::new(events)));
        let tasks = Arc::new(Failing::new(world.tasks.as_ref().clone()));
        let faults = std::iter::repeat_n(None, call).chain([Some(fault)]);
        match at {
            At::Jobs => stored.next(faults),
            At::Tasks => tasks.next(faults),
        }
        let ports = JobPorts { jobs: stored.clone(), ..world.ports() };
        let executor = TaskSubmitter::local(tasks.clone(), Default::default());
        let jobs = Jobs::new(ports, Some(Arc::new(executor)), JobSettings::default());
        Self { jobs, stored, tasks }
    }

    fn is_dead(&self) -> bool {
        self.stored.is_dead() || self.tasks.is_dead()
    }
}

/// Kills the platform at one call, and lets another one take over.
async fn survives(at: At, call: usize, fault: Fault) {
    let world = World::new();
    let doomed = Doomed::new(&world, at, call, fault);
    let first = {
        let jobs = doomed.jobs.clone();
        tokio::spawn(async move { jobs.submit(&request("Demo"), &with_key("k")).await })
    };
    until(|| async { doomed.is_dead() }).await;
    // From here on the first platform does nothing any more: its calls never return.
    first.abort();

    let jobs = world.jobs();
    jobs.recover().await.unwrap();
    let submitted = jobs.submit(&request("Demo"), &with_key("k")).await.unwrap();
    let id = submitted.record.job_id;
    started(&world.tasks, id).await;
    run_to_completion(&world.reports(), id).await;
    world.tasks.end(&id.to_string(), Some(0), "ended");
    let told = story(world.ports().events, id).await;
    let expected = [JobStatus::Pending, JobStatus::Running, JobStatus::Completed];
    assert_eq!(statuses(&told), expected, "{at:?} {call} {fault:?}");
    assert_eq!(world.tasks.started().len(), 1, "{at:?} {call} {fault:?}: run twice");
}

#[tokio::test]
async fn fault_x01_a_platform_killed_at_any_point_loses_no_job_and_runs_none_twice() {
    // Taking the job in and noting its execution, starting its task.
    for (at, call) in [(At::Jobs, 0), (At::Jobs, 1), (At::Tasks, 0)] {
        for fault in [Fault::DeathBefore, Fault::DeathAfter] {
            survives(at, call, fault).await;
        }
    }
}

#[tokio::test]
async fn fault_x01_a_job_whose_process_is_gone_ends_failed() {
    let world = World::new();
    let before = world.jobs();
    let id = before.submit(&request("Demo"), &with_key("k")).await.unwrap().record.job_id;
    until(|| async { before.get(id).await.unwrap().execution_arn.is_some() }).await;
    before.stop().await;
    // The machine was switched off: neither platform nor task are there.
    world.tasks.forget_all();
    let after = world.jobs();
    assert_eq!(after.recover().await.unwrap().watched, 1);
    let record = crate::world::ended(&world.ports(), id).await;
    assert_eq!(record.status, JobStatus::Failed);
    assert_eq!(record.error.unwrap(), "the job's process is not there any more");
}
