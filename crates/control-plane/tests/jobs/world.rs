//! A platform in one process, with a runner that a test may play.

use std::sync::Arc;

use tempfile::TempDir;
use tradai_control_plane::jobs::executors::{BacktestJobSubmitter, TaskSubmitter};
use tradai_control_plane::jobs::{BacktestRequest, JobPorts, JobReports, JobSettings, Jobs, Requester};
use tradai_domain::jobs::{JobChange, JobEvent, JobEventKind, JobRecord, JobStatus};
use tradai_domain::ports::{Delivery, EventBus, EventSubscription, JobRepository};
use tradai_domain::{JobId, ManualClock, RandomIds};
use tradai_embedded::{Database, LocalBlobs, SqliteAudit, SqliteEvents, SqliteJobs};
use tradai_testkit::MemoryTasks;
pub(crate) use tradai_testkit::{PATIENCE, until};

/// The state, which outlives platforms.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) database: Database,
    pub(crate) tasks: Arc<MemoryTasks>,
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::in_memory().unwrap();
        let clock = Arc::new(ManualClock::at(1_704_067_200_000));
        Self { folder, clock, database, tasks: Arc::default() }
    }

    pub(crate) fn ports(&self) -> JobPorts {
        let database = &self.database;
        let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
        JobPorts {
            jobs: Arc::new(SqliteJobs::new(events.clone())),
            events: Arc::new(events),
            blobs: Arc::new(LocalBlobs::open(&self.folder.path().join("blobs")).unwrap()),
            audit: Arc::new(SqliteAudit::new(database.clone())),
            clock: self.clock.clone(),
            ids: Arc::new(RandomIds),
        }
    }

    pub(crate) fn local(&self) -> Arc<dyn BacktestJobSubmitter> {
        Arc::new(TaskSubmitter::local(self.tasks.clone(), Default::default()))
    }

    /// A platform with tasks in memory.
    pub(crate) fn jobs(&self) -> Arc<Jobs> {
        Jobs::new(self.ports(), Some(self.local()), JobSettings::default())
    }

    pub(crate) fn reports(&self) -> JobReports {
        let ports = self.ports();
        JobReports::new(ports.jobs, ports.events, ports.clock)
    }
}

pub(crate) fn request(strategy: &str) -> BacktestRequest {
    BacktestRequest {
        strategy: strategy.to_owned(),
        symbols: vec!["BTC/USDT".to_owned()],
        timerange: Some("20240101-20240201".to_owned()),
        ..BacktestRequest::default()
    }
}

pub(crate) fn ann() -> Requester {
    Requester { actor: "ann".to_owned(), ..Requester::default() }
}

pub(crate) fn with_key(key: &str) -> Requester {
    Requester { idempotency_key: Some(key.to_owned()), ..ann() }
}

/// Every event of a job, up to its last one.
pub(crate) async fn story(events: Arc<dyn EventBus>, id: JobId) -> Vec<JobEvent> {
    let mut subscription = EventSubscription::new(events, Some(id), 0);
    let mut told = Vec::new();
    while !told.last().is_some_and(JobEvent::is_last) {
        let delivery = tokio::time::timeout(PATIENCE, subscription.next()).await;
        let Delivery::Event(event) = delivery.unwrap().unwrap() else { panic!("events were forgotten") };
        told.push(event.event);
    }
    told
}

/// The statuses that a job was told to have taken, in order.
pub(crate) fn statuses(story: &[JobEvent]) -> Vec<JobStatus> {
    let status = |event: &JobEvent| match event.kind {
        JobEventKind::State { new_status, .. } => Some(new_status),
        JobEventKind::Progress { .. } | JobEventKind::Collecting { .. } => None,
    };
    story.iter().filter_map(status).collect()
}

/// Waits until a job has ended, and returns it.
pub(crate) async fn ended(ports: &JobPorts, id: JobId) -> JobRecord {
    let get = || async { ports.jobs.get(id).await.unwrap() };
    until(|| async { get().await.is_some_and(|record| record.status.is_terminal()) }).await;
    JobRecord::clone(&get().await.unwrap())
}

/// What a container does that runs one job: reports that it runs, how far it is, and the end.
pub(crate) async fn run_to_completion(reports: &JobReports, id: JobId) {
    let changes = [
        JobChange::status(JobStatus::Running, 1),
        JobChange::progress(tradai_domain::jobs::Progress::of(1, 2), 2),
        JobChange {
            result_s3_path: Some(format!("file:///r/{id}")),
            ..JobChange::status(JobStatus::Completed, 3)
        },
    ];
    for change in changes {
        reports.report(id, change).await.unwrap().unwrap();
    }
}

/// Waits until a task of the job was started.
pub(crate) async fn started(tasks: &MemoryTasks, id: JobId) {
    until(|| async { tasks.started().iter().any(|task| task.name == id.to_string()) }).await;
}

/// Whether a job is stored.
pub(crate) async fn is_stored(ports: &JobPorts, id: JobId) -> bool {
    let jobs: &dyn JobRepository = ports.jobs.as_ref();
    jobs.get(id).await.unwrap().is_some()
}
