//! Many jobs at once, and what is left of them.

use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::{Housekeeping, HousekeepingSettings};
use tradai_domain::jobs::LocalExecutionMode;

use crate::world::{PROGRAM, World, ann, request, until};

#[tokio::test]
async fn twenty_jobs_at_once_two_at_a_time_all_complete() {
    let world = World::new();
    for (mode, jobs) in [(LocalExecutionMode::Subprocess, 20), (LocalExecutionMode::InProcess, 4)] {
        let platform = world.platform_of(PROGRAM.into(), mode, 2);
        let mut ids = Vec::new();
        for _ in 0..jobs {
            ids.push(platform.jobs.submit(&request(), &ann()).await.unwrap().record.job_id);
        }
        let mut trades = Vec::new();
        for &id in &ids {
            world.completed(id).await;
            trades.push(world.read(id, "trades.parquet"));
        }
        assert!(trades.iter().all(|bytes| *bytes == trades[0]), "equal requests have equal results");
        platform.jobs.stop().await;
    }
    assert_eq!(world.results().len(), 24);
    assert_eq!(world.folders().list().unwrap().len(), 24);
}

#[tokio::test]
async fn nothing_is_left_of_a_job_that_is_deleted() {
    let world = World::new();
    let platform = world.platform(1);
    let id = platform.jobs.submit(&request(), &ann()).await.unwrap().record.job_id;
    world.completed(id).await;
    // Its process has a moment left after it said so; what is kept of it can go once it has ended.
    until(|| async { world.path().join(format!("tasks/{id}/end.json")).is_file() }).await;
    let paths = [format!("jobs/{id}"), format!("tasks/{id}")];
    assert!(paths.iter().all(|path| world.path().join(path).exists()));
    platform.jobs.delete(id, &ann()).await.unwrap();
    assert!(paths.iter().all(|path| !world.path().join(path).exists()));
    assert!(world.folders().list().unwrap().is_empty());

    let wiring = &world.wiring;
    let configs = Configs::new(wiring.configs.clone(), wiring.audit.clone(), wiring.clock.clone());
    let sweep = Some(platform.tasks.sweep());
    let settings = HousekeepingSettings::default();
    let house = Housekeeping::new(platform.jobs.clone(), configs, sweep, wiring.clock.clone(), settings);
    assert_eq!(house.tick().await.tasks, 0);
}
