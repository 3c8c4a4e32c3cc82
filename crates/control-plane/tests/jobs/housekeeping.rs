//! What has had its time goes, whoever else looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use tradai_control_plane::configs::Configs;
use tradai_control_plane::jobs::{
    Deleted, Housekeeping, HousekeepingSettings, JobPorts, JobSettings, Jobs, Sweep,
};
use tradai_domain::configs::DEPRECATED_TTL_MS;
use tradai_domain::jobs::{JobChange, JobRecord, JobStatus};
use tradai_domain::ports::{
    BlobEntry, BlobKey, BlobStore, JobFilter, JobPage, MAX_PAGE, PortError, TaskHandle, TaskRunner, TaskSpec,
    WorkflowRunner, WorkflowRuns,
};
use tradai_domain::{Clock, ErrorKind, JobId, RandomIds, SystemClock};
use tradai_embedded::{
    ProcessSettings, ProcessTasks, SqliteAudit, SqliteConfigs, SqliteWorkflowRuns, SqliteWorkflows,
    WorkflowDocument,
};
use tradai_testkit::sample::{job, new_job};

use crate::world::{World, ann, is_stored, request, run_to_completion, started, until};

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
    assert_eq!(broken.tick().await, Deleted { jobs: 1, batches: 0, configs: 1, tasks: 0, workflows: 0 });
    assert!(!is_stored(&world.ports(), id).await);
    assert_eq!(asked.load(Ordering::SeqCst), world.clock.now_ms() - 7 * DAY);
}

/// Objects of one job cannot be deleted, those of the others can.
struct Stuck {
    blobs: Arc<dyn BlobStore>,
    job: Mutex<Option<JobId>>,
}

#[async_trait]
impl BlobStore for Stuck {
    async fn delete(&self, key: &BlobKey) -> Result<(), PortError> {
        let stuck = self.job.lock().unwrap().is_some_and(|id| key.to_string().contains(&id.to_string()));
        if stuck {
            return Err(PortError::new(ErrorKind::Unavailable, "the storage is away"));
        }
        self.blobs.delete(key).await
    }

    async fn put(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<(), PortError> {
        self.blobs.put(key, bytes).await
    }

    async fn put_if_absent(&self, key: &BlobKey, bytes: Vec<u8>) -> Result<bool, PortError> {
        self.blobs.put_if_absent(key, bytes).await
    }

    async fn get(&self, key: &BlobKey) -> Result<Option<Vec<u8>>, PortError> {
        self.blobs.get(key).await
    }

    async fn list(
        &self,
        folder: &BlobKey,
        after: Option<&BlobKey>,
        limit: usize,
    ) -> Result<Vec<BlobEntry>, PortError> {
        self.blobs.list(folder, after, limit).await
    }

    fn uri(&self, key: &BlobKey) -> String {
        self.blobs.uri(key)
    }
}

#[tokio::test]
async fn a_job_whose_objects_cannot_be_deleted_keeps_its_record_and_holds_up_no_other() {
    let world = World::new();
    let blobs = Arc::new(Stuck { blobs: world.ports().blobs, job: Mutex::default() });
    let ports = JobPorts { blobs: blobs.clone(), ..world.ports() };
    let jobs = Jobs::new(ports, Some(world.local()), JobSettings::default());
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
        started(&world.tasks, id).await;
        until(|| async { jobs.get(id).await.unwrap().execution_arn.is_some() }).await;
        jobs.cancel(id, &ann()).await.unwrap();
        world.tasks.wait(&TaskHandle(id.to_string())).await.unwrap();
        ids.push(id);
    }
    ids.sort_unstable();
    *blobs.job.lock().unwrap() = Some(ids[0]);
    let result = |id: JobId| format!("jobs/{id}/result.json").parse::<BlobKey>().unwrap();
    for &id in &ids {
        blobs.put(&result(id), b"{}".to_vec()).await.unwrap();
    }
    let stored = async || {
        let mut stored = Vec::new();
        for &id in &ids {
            let has_result = blobs.get(&result(id)).await.unwrap().is_some();
            stored.push((is_stored(&world.ports(), id).await, has_result));
        }
        stored
    };
    world.clock.advance(7 * DAY);
    assert_eq!(jobs.delete_expired().await.unwrap(), 2);
    assert_eq!(stored().await, [(true, true), (false, false), (false, false)]);
    *blobs.job.lock().unwrap() = None;
    assert_eq!(jobs.delete_expired().await.unwrap(), 1);
    assert_eq!(stored().await, [(false, false); 3]);
    // What the executor kept of them went as well.
    assert!(world.tasks.started().is_empty());
}

#[tokio::test]
async fn more_than_a_page_goes_at_once() {
    let world = World::new();
    let ports = world.ports();
    let many = u32::try_from(MAX_PAGE).unwrap() + 3;
    for n in 1..=many {
        let record = JobRecord { ttl: Some(1), ..job(n) };
        ports.jobs.create(&new_job(record.clone())).await.unwrap();
        ports.jobs.apply(record.job_id, &JobChange::status(JobStatus::Cancelled, 1)).await.unwrap();
    }
    assert_eq!(world.jobs().delete_expired().await.unwrap(), MAX_PAGE + 3);
    assert!(ports.jobs.list(&JobFilter::default(), JobPage::first(1)).await.unwrap().is_empty());
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

#[tokio::test]
async fn runs_of_workflows_go_seven_days_after_their_end() {
    let world = World::new();
    let document = serde_json::json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}});
    let workflows = SqliteWorkflows::new(
        world.database.clone(),
        "backtest",
        WorkflowDocument::parse(&document).unwrap(),
        world.clock.clone(),
        Arc::new(RandomIds),
    );
    let runs = Arc::new(SqliteWorkflowRuns::new(world.database.clone(), world.clock.clone()));
    let house = housekeeping(&world, world.jobs(), None).with_workflows(runs.clone());
    let ended = workflows.start("ended", &serde_json::json!({})).await.unwrap();
    let waits = workflows.start("waits", &serde_json::json!({})).await.unwrap();
    world.clock.advance(30 * DAY);
    runs.stop(&ended, "not needed").await.unwrap();
    world.clock.advance(7 * DAY);
    assert_eq!(house.tick().await.workflows, 0);
    world.clock.advance(1);
    assert_eq!(house.tick().await.workflows, 1);
    assert_eq!(runs.get(&ended).await.unwrap(), None);
    assert!(runs.get(&waits).await.unwrap().is_some(), "what goes on stays, however old");
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

/// A daemon that hangs keeps nothing else, and nobody who stops.
#[tokio::test]
async fn a_sweep_that_does_not_end_holds_up_neither_deletions_nor_the_end() {
    let world = World::new();
    let jobs = world.jobs();
    let id = jobs.submit(&request("Demo"), &ann()).await.unwrap().record.job_id;
    started(&world.tasks, id).await;
    run_to_completion(&world.reports(), id).await;
    world.clock.advance(8 * DAY);
    let hangs: Sweep = Arc::new(|_| Box::pin(std::future::pending()));
    let (house, stop) = (housekeeping(&world, jobs.clone(), Some(hangs)), CancellationToken::new());
    let token = stop.clone();
    let run = tokio::spawn(async move { house.run(token).await });
    until(|| async { jobs.get(id).await.is_err() }).await;
    stop.cancel();
    run.await.unwrap();
}
