//! Jobs in processes of their own, over one file.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tradai_control_plane::jobs::executors::TaskSubmitter;
use tradai_control_plane::jobs::{JobPorts, JobSettings, Jobs};
use tradai_domain::jobs::{JobEventKind, JobStatus};
use tradai_domain::ports::{TaskHandle, TaskRunner, TaskStatus};
use tradai_domain::{JobId, RandomIds, SystemClock};
use tradai_embedded::{
    Database, LocalBlobs, ProcessSettings, ProcessTasks, SqliteAudit, SqliteEvents, SqliteJobs,
};

use crate::world::{ann, ended, request, statuses, story, until};

/// A platform on a folder; another one may be on the same.
struct Platform {
    ports: JobPorts,
    tasks: Arc<ProcessTasks>,
    jobs: Arc<Jobs>,
}

impl Platform {
    fn start(folder: &Path, parallel: usize) -> Self {
        let state = folder.join("state.db");
        let database = Database::open(&state).unwrap();
        let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
        let ports = JobPorts {
            jobs: Arc::new(SqliteJobs::new(events.clone())),
            events: Arc::new(events),
            blobs: Arc::new(LocalBlobs::open(&folder.join("blobs")).unwrap()),
            audit: Arc::new(SqliteAudit::new(database)),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let arguments = ["runner_process::runner", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
        let tasks = Arc::new(ProcessTasks::new(ProcessSettings {
            program: std::env::current_exe().unwrap(),
            arguments: arguments.map(str::to_owned).to_vec(),
            environment: BTreeMap::from([("TRADAI_TEST_STATE".to_owned(), state.display().to_string())]),
            folder: folder.join("tasks"),
            stop_grace: Duration::from_secs(2),
        }));
        let executor = Arc::new(TaskSubmitter::local(tasks.clone(), BTreeMap::new()));
        let settings = JobSettings { parallel, ..JobSettings::default() };
        let jobs = Jobs::new(ports.clone(), Some(executor), settings);
        Self { ports, tasks, jobs }
    }

    async fn submit(&self, strategy: &str) -> JobId {
        self.jobs.submit(&request(strategy), &ann()).await.unwrap().record.job_id
    }

    /// Submits a job that runs until it is stopped, and waits until it does.
    async fn submit_hanging(&self) -> JobId {
        let id = self.submit("Hangs").await;
        until(|| async {
            let job = self.jobs.get(id).await.unwrap();
            job.progress.thousandths() == 750 && job.execution_arn.is_some()
        })
        .await;
        id
    }

    async fn kill(&self, folder: &TempDir, id: JobId) {
        let pid = std::fs::read_to_string(folder.path().join(format!("tasks/{id}/pid"))).unwrap();
        let killed = std::process::Command::new("kill").args(["-9", &pid]).status().unwrap();
        assert!(killed.success());
    }
}

#[tokio::test]
async fn twenty_jobs_at_once_all_end_and_no_more_run_than_may() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(folder.path(), 2);
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(platform.submit("Demo").await);
    }
    for &id in &ids {
        let record = ended(&platform.ports, id).await;
        assert_eq!((record.status, record.error), (JobStatus::Completed, None));
        let told = story(platform.ports.events.clone(), id).await;
        assert_eq!(statuses(&told), [JobStatus::Pending, JobStatus::Running, JobStatus::Completed]);
        assert_eq!(told.len(), 6, "three reports of progress");
    }
    let (mut after, mut running, mut most) = (0, 0_i32, 0);
    while after < platform.ports.events.newest().await.unwrap() {
        let batch = platform.ports.events.read(None, after).await.unwrap();
        for event in &batch.events {
            match event.event.kind {
                JobEventKind::State { new_status: JobStatus::Running, .. } => running += 1,
                JobEventKind::State { new_status, .. } if new_status.is_terminal() => running -= 1,
                _ => {}
            }
            most = most.max(running);
        }
        after = batch.read_to;
    }
    assert!(running == 0 && most <= 2, "{most} ran at once");
}

#[tokio::test]
async fn a_process_that_fails_or_dies_fails_its_job_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(folder.path(), 4);
    let (fails, crashes) = (platform.submit("Fails").await, platform.submit("Crashes").await);
    let killed = platform.submit_hanging().await;
    platform.kill(&folder, killed).await;
    for (id, reason) in [
        (fails, "no candles"),
        (crashes, "the job's process ended with exit code 134: out of memory"),
        (killed, "the job's process was killed by signal 9"),
    ] {
        let record = ended(&platform.ports, id).await;
        assert_eq!(record.status, JobStatus::Failed);
        let error = record.error.unwrap();
        assert!(error.starts_with(reason), "{error}");
    }
}

#[tokio::test]
async fn fault_x01_a_restarted_platform_finds_its_jobs_again() {
    let folder = tempfile::tempdir().unwrap();
    let (lives, dies, waits) = {
        let first = Platform::start(folder.path(), 2);
        let (lives, dies) = (first.submit_hanging().await, first.submit_hanging().await);
        let waits = first.submit("Demo").await;
        first.jobs.stop().await;
        (lives, dies, waits)
    };
    let second = Platform::start(folder.path(), 2);
    second.kill(&folder, dies).await;
    let recovered = second.jobs.recover().await.unwrap();
    assert_eq!((recovered.watched, recovered.handed_over), (2, 1));
    let dead = ended(&second.ports, dies).await;
    assert_eq!(dead.status, JobStatus::Failed);
    assert!(dead.error.unwrap().starts_with("the job's process "));
    // Its slot is free then, and the job that waited runs.
    assert_eq!(ended(&second.ports, waits).await.status, JobStatus::Completed);
    assert_eq!(second.jobs.get(lives).await.unwrap().status, JobStatus::Running);
    let task = TaskHandle(lives.to_string());
    assert_eq!(second.tasks.status(&task).await.unwrap(), TaskStatus::Running);
    second.jobs.cancel(lives, &ann()).await.unwrap();
    assert!(!second.tasks.wait(&task).await.unwrap().is_success());
    let record = second.ports.jobs.get(lives).await.unwrap().unwrap();
    assert_eq!((record.status, &record.error), (JobStatus::Cancelled, &None));
}

/// A process takes its time to end; what is kept of it goes nevertheless.
#[tokio::test]
async fn a_job_that_is_cancelled_and_deleted_at_once_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let platform = Platform::start(folder.path(), 4);
    for _ in 0..4 {
        let id = platform.submit_hanging().await;
        platform.jobs.cancel(id, &ann()).await.unwrap();
        platform.jobs.delete(id, &ann()).await.unwrap();
        until(|| async { !folder.path().join(format!("tasks/{id}")).exists() }).await;
    }
}
