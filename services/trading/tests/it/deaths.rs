//! A job's process is killed, at whatever point it has got to.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tradai_domain::jobs::{JobEventKind, JobRecord, JobStatus, LocalExecutionMode};
use tradai_domain::ports::{Delivery, EventSubscription};
use tradai_domain::{Clock, Millis, SystemClock};

use crate::modes::signal;
use crate::stopping::{slow, slow_world};
use crate::world::{PATIENCE, PROGRAM, World, ann, request, until};

/// Statuses that a job was told to have taken, up to its last one.
async fn told(world: &World, record: &JobRecord) -> Vec<JobStatus> {
    let mut events = EventSubscription::new(world.wiring.events.clone(), Some(record.job_id), 0);
    let mut statuses = Vec::new();
    loop {
        let delivery = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap();
        let Delivery::Event(event) = delivery else { panic!("events were forgotten") };
        if let JobEventKind::State { new_status, .. } = event.event.kind {
            statuses.push(new_status);
            if new_status.is_terminal() {
                return statuses;
            }
        }
    }
}

fn since(started: Millis) -> Duration {
    Duration::from_millis(u64::try_from(SystemClock.now_ms() - started).unwrap())
}

/// Kills a job's process so many milliseconds after its start, again and again over the length of a whole run: the
/// platform that watches reports it failed, or it had completed. There is a result exactly if it did.
#[tokio::test]
async fn fault_x01_a_killed_job_ends_failed_with_the_reason_or_has_its_one_result() {
    let world = World::new();
    let platform = world.platform(1);
    let started = SystemClock.now_ms();
    let first = platform.jobs.submit(&request(), &ann()).await.unwrap().record.job_id;
    world.completed(first).await;
    let length = since(started);
    let expected = world.read(first, "trades.parquet");
    let (mut failed, points) = (0, 12);
    for point in 0..=points {
        let id = platform.jobs.submit(&request(), &ann()).await.unwrap().record.job_id;
        let pid_file = world.path().join(format!("tasks/{id}/pid"));
        until(|| async { pid_file.is_file() }).await;
        let pid = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        tokio::time::sleep(length * point / points).await;
        // It may have ended by now, which is as good.
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap_or_default();
        let record = world.ended(id).await;
        let statuses = told(&world, &record).await;
        match record.status {
            JobStatus::Failed => {
                failed += 1;
                let error = record.error.unwrap();
                assert!(error.starts_with("the job's process was killed by signal 9"), "{error}");
                assert!(statuses.ends_with(&[JobStatus::Failed]));
            }
            status => {
                assert_eq!(status, JobStatus::Completed);
                assert_eq!(statuses, [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
                assert!(world.read(id, "trades.parquet") == expected);
            }
        }
        assert!(
            record.status == JobStatus::Completed || world.folders().manifest(&id).is_err() || {
                // Killed between the folder and the report: whole, and no second one will come.
                world.read(id, "trades.parquet") == expected
            }
        );
    }
    assert!(failed > 0, "nothing was killed in {length:?}");
    // As the platform's next start does.
    platform.tasks.sweep()(0).await.unwrap();
    assert_eq!(hidden(&world), Vec::<String>::new());
}

/// As a workflow or an operator does that runs a task once more: what was killed is taken up again and completes, with
/// the bytes of an undisturbed run.
#[tokio::test]
async fn fault_x01_a_killed_job_that_is_run_again_completes_once() {
    let world = World::new();
    let whole = world.stored(&request()).await;
    let started = SystemClock.now_ms();
    assert!(world.command(&whole, &request()).output().unwrap().status.success());
    let length = since(started);
    for point in 1..8_u32 {
        let record = world.stored(&request()).await;
        let run = || {
            let mut command = world.command(&record, &request());
            command.stderr(std::process::Stdio::null()).spawn().unwrap()
        };
        let mut killed = run();
        tokio::time::sleep(length * point / 8).await;
        if killed.try_wait().unwrap().is_none() {
            signal(killed.id(), Signal::SIGKILL);
        }
        killed.wait().unwrap();
        assert!(run().wait().unwrap().success());
        let record = world.completed(record.job_id).await;
        let statuses = told(&world, &record).await;
        assert_eq!(statuses, [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
        for name in ["trades.parquet", "equity.parquet"] {
            assert!(world.read(record.job_id, name) == world.read(whole.job_id, name), "{name}");
        }
    }
    assert_eq!((hidden(&world).len(), world.folders().list().unwrap().len()), (0, 8));
}

/// What processes are writing, or left half-written.
fn hidden(world: &World) -> Vec<String> {
    world.results().into_iter().filter(|name| name.starts_with('.')).collect()
}

/// Killed while it writes its result: whoever runs the job again, and whoever keeps house, removes what it left.
#[tokio::test]
async fn fault_x01_a_job_killed_while_it_writes_leaves_nothing_behind() {
    let world = World::new();
    let platform = world.platform(1);
    let run = |record: &JobRecord| {
        let mut command = world.command(record, &request());
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    for is_run_again in [true, false] {
        // The moment is short; a process that was through before it was seen says nothing.
        let mut lives = 0;
        let record = loop {
            lives += 1;
            assert!(lives < 100, "none was seen writing");
            let record = world.stored(&request()).await;
            let mut writing = run(&record);
            while hidden(&world).is_empty() && writing.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            if writing.try_wait().unwrap().is_none() {
                signal(writing.id(), Signal::SIGKILL);
            }
            writing.wait().unwrap();
            if !hidden(&world).is_empty() {
                break record;
            }
        };
        if is_run_again {
            assert!(run(&record).wait().unwrap().success());
            world.completed(record.job_id).await;
        } else {
            platform.tasks.sweep()(0).await.unwrap();
        }
        assert_eq!(hidden(&world), Vec::<String>::new());
    }
}

/// Two processes of one job at the same time, which no executor starts: one result all the same.
#[tokio::test]
async fn two_processes_of_one_job_have_one_result() {
    let world = World::new();
    let record = world.stored(&request()).await;
    let run = || {
        let mut command = world.command(&record, &request());
        command.stderr(std::process::Stdio::null()).spawn().unwrap()
    };
    let (mut one, mut other) = (run(), run());
    let codes = [one.wait().unwrap().code(), other.wait().unwrap().code()];
    assert!(codes.contains(&Some(0)), "{codes:?}");
    world.completed(record.job_id).await;
    assert_eq!(world.results(), [record.job_id.to_string()]);
}

/// A second platform starts on the folder while the first one runs a job within its own process.
#[tokio::test]
async fn a_platform_leaves_the_jobs_within_another_one_alone() {
    let world = slow_world();
    for mode in [LocalExecutionMode::InProcess, LocalExecutionMode::Subprocess] {
        let first = world.platform_of(PROGRAM.into(), LocalExecutionMode::InProcess, 1);
        let id = first.jobs.submit(&slow(), &ann()).await.unwrap().record.job_id;
        until(|| async {
            let record = world.record(id).await;
            record.status == JobStatus::Running && record.execution_arn.is_some()
        })
        .await;
        let second = world.platform_of(PROGRAM.into(), mode, 1);
        assert_eq!(second.jobs.recover().await.unwrap().watched, 1, "{mode}");
        world.completed(id).await;
        second.jobs.stop().await;
        first.jobs.stop().await;
    }
}
