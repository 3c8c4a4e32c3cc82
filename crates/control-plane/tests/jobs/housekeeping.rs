//! What has had its time goes, whoever else looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::{Deleted, Housekeeping, HousekeepingSettings, Jobs, Sweep};
use tradai_domain::configs::DEPRECATED_TTL_MS;
use tradai_domain::ports::{PortError, TaskRunner, TaskSpec};
use tradai_domain::{Clock, ErrorKind, SystemClock};
use tradai_embedded::{ProcessSettings, ProcessTasks, SqliteAudit, SqliteConfigs};

use crate::world::{World, ann, is_stored, request, started, until};

const DAY: i64 = 86_400_000;

fn configs(world: &World) -> Configs {
    let (configs, audit) =
        (SqliteConfigs::new(world.database.clone()), SqliteAudit::new(world.database.clone()));
    Configs::new(Arc::new(configs), Arc::new(audit), world.clock.clone())
}

fn housekeeping(world: &World, jobs: Arc<Jobs>, sweep: Option<Sweep>) -> Housekeeping {
    Housekeeping::new(jobs, configs(world), sweep, world.clock.clone(), HousekeepingSettings::default())
}

#[tokio::test]
async fn jobs_configs_and_tasks_go_in_one_round_and_a_storage_that_is_away_stops_nothing() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, id).await;
    jobs.cancel(id, &ann()).await.unwrap();
    let (configs, strategy) = (configs(&world), "Demo".parse().unwrap());
    let data = serde_json::from_str(r#"{"stake_amount": 1}"#).unwrap();
    let pushed = configs.push(&strategy, data, None, &ann()).await.unwrap().version;
    configs.deprecate(&strategy, &pushed.config_id, &ann()).await.unwrap();

    let asked = Arc::new(AtomicI64::new(0));
    let noted = asked.clone();
    let away: Sweep = Arc::new(move |before| {
        noted.store(before, Ordering::SeqCst);
        Box::pin(async { Err(PortError::new(ErrorKind::Unavailable, "away")) })
    });
    let broken = housekeeping(&world, jobs.clone(), Some(away));
    assert_eq!(broken.tick().await, Deleted::default());
    assert!(is_stored(&world.ports(), id).await);
    world.clock.advance(DEPRECATED_TTL_MS);
    assert_eq!(broken.tick().await, Deleted { jobs: 1, configs: 1, tasks: 0 });
    assert!(!is_stored(&world.ports(), id).await);
    assert_eq!(asked.load(Ordering::SeqCst), world.clock.now_ms() - 7 * DAY);
}

#[tokio::test]
async fn remains_of_processes_go_after_seven_days() {
    let world = World::new();
    let tasks = Arc::new(ProcessTasks::new(ProcessSettings {
        program: "true".into(),
        arguments: Vec::new(),
        environment: BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap())]),
        folder: world.folder.path().join("tasks"),
        stop_grace: Duration::from_secs(1),
    }));
    let spec = TaskSpec { name: "old".to_owned(), arguments: Vec::new(), environment: BTreeMap::new() };
    let task = tasks.start(&spec).await.unwrap();
    tasks.wait(&task).await.unwrap();
    let sweep: Sweep = Arc::new(move |before| {
        let tasks = tasks.clone();
        Box::pin(async move {
            let moment = chrono::DateTime::from_timestamp_millis(before).unwrap();
            tasks.sweep(moment).map_err(|error| PortError::new(error.kind(), error.to_string()))
        })
    });
    let house = housekeeping(&world, world.jobs(), Some(sweep));
    // Files have the machine's time; the world's clock began in 2024.
    world.clock.advance(SystemClock.now_ms() - world.clock.now_ms());
    assert_eq!(house.tick().await.tasks, 0);
    world.clock.advance(7 * DAY + 1_000);
    assert_eq!(house.tick().await.tasks, 1);
    assert!(!world.folder.path().join("tasks/old").exists());
}

#[tokio::test(start_paused = true)]
async fn rounds_follow_the_clock_that_was_handed_in() {
    let world = World::new();
    let rounds = Arc::new(AtomicI64::new(0));
    let counted = rounds.clone();
    let count: Sweep = Arc::new(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(0) })
    });
    let (house, stop) = (housekeeping(&world, world.jobs(), Some(count)), CancellationToken::new());
    let token = stop.clone();
    let run = tokio::spawn(async move { house.run(token).await });
    let counted = |rounds: &Arc<AtomicI64>| rounds.load(Ordering::SeqCst);
    until(|| async { counted(&rounds) == 1 }).await;
    // Minutes of the machine are none of the clock.
    tokio::time::sleep(Duration::from_secs(3_000)).await;
    assert_eq!(counted(&rounds), 1);
    world.clock.advance(3_600_000);
    until(|| async { counted(&rounds) == 2 }).await;
    stop.cancel();
    run.await.unwrap();
}
