//! A job that nobody wants any more leaves nothing.

use nix::sys::signal::Signal;
use tradai_control_plane::jobs::BacktestRequest;
use tradai_domain::jobs::{JobChange, JobStatus, LocalExecutionMode};

use crate::modes::signal;
use crate::world::{PROGRAM, World, ann, request, until};

/// Candles for a run of seconds.
pub(crate) fn slow_world() -> World {
    let world = World::empty();
    world.add_candles(None, &["BTC/USDT", "ETH/USDT"], "2023-01-01", "2023-07-01");
    world
}

pub(crate) fn slow() -> BacktestRequest {
    BacktestRequest { timerange: None, ..request() }
}

#[tokio::test]
async fn sigterm_ends_the_program_at_once_and_reports_nothing() {
    let world = slow_world();
    let record = world.stored(&slow()).await;
    let mut child = world.command(&record, &slow()).stderr(std::process::Stdio::null()).spawn().unwrap();
    until(|| async { world.record(record.job_id).await.status == JobStatus::Running }).await;
    signal(child.id(), Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let left = world.record(record.job_id).await;
    assert_eq!((left.status, left.error), (JobStatus::Running, None));
    assert!(world.results().is_empty(), "{:?}", world.results());
}

#[tokio::test]
async fn a_cancelled_job_ends_its_process_and_has_no_folder() {
    let world = slow_world();
    for mode in [LocalExecutionMode::Subprocess, LocalExecutionMode::InProcess] {
        let platform = world.platform_of(PROGRAM.into(), mode, 1);
        let id = platform.jobs.submit(&slow(), &ann()).await.unwrap().record.job_id;
        until(|| async {
            let record = world.record(id).await;
            record.status == JobStatus::Running && record.execution_arn.is_some()
        })
        .await;
        platform.jobs.cancel(id, &ann()).await.unwrap();
        // Its slot is free once its task has ended.
        platform.jobs.stop().await;
        let left = world.record(id).await;
        assert_eq!((left.status, left.error), (JobStatus::Cancelled, None));
        assert!(world.results().is_empty(), "{mode}: {:?}", world.results());
    }
}

/// Nobody tells the process; it finds out when it looks at its record.
#[tokio::test]
async fn a_job_that_is_cancelled_elsewhere_stops_by_itself() {
    let world = slow_world();
    let record = world.stored(&slow()).await;
    let child = world.command(&record, &slow()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    until(|| async { world.record(record.job_id).await.status == JobStatus::Running }).await;
    let change = JobChange::status(JobStatus::Cancelled, 1);
    world.wiring.jobs.apply(record.job_id, &change).await.unwrap().unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(4), "{ended:?}");
    assert!(world.results().is_empty(), "{:?}", world.results());
}
