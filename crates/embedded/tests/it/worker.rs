//! A process that uses every port until it is killed, and says on its standard output what it was promised.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tradai_domain::jobs::{JobChange, JobEvent, JobStatus};
use tradai_domain::ports::{
    AuditEntry, AuditLog, BlobKey, BlobStore, ConfigRepository, EventBus, JobRepository, NewConfig,
    OutgoingMessage, Queue,
};
use tradai_domain::{StrategyName, SystemClock};
use tradai_embedded::{
    Database, LocalBlobs, QueueSettings, SqliteAudit, SqliteConfigs, SqliteEvents, SqliteJobs, SqliteQueue,
};
use tradai_testkit::sample::{job, job_id, new_job, object};

/// Rounds that one life of a worker may make.
const ROUNDS: u32 = 1_000;

/// All state of a folder.
pub(crate) struct State {
    pub(crate) database: Database,
    pub(crate) jobs: SqliteJobs,
    pub(crate) configs: SqliteConfigs,
    pub(crate) events: SqliteEvents,
    pub(crate) queue: SqliteQueue,
    pub(crate) audit: SqliteAudit,
    pub(crate) blobs: LocalBlobs,
}

pub(crate) fn database_file(folder: &Path) -> PathBuf {
    folder.join("state.db")
}

impl State {
    pub(crate) fn open(folder: &Path) -> Self {
        let database = Database::open(&database_file(folder)).unwrap();
        let clock = Arc::new(SystemClock);
        let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
        Self {
            jobs: SqliteJobs::new(events.clone()),
            configs: SqliteConfigs::new(database.clone()),
            events,
            queue: SqliteQueue::new(database.clone(), "q", QueueSettings::default(), clock),
            audit: SqliteAudit::new(database.clone()),
            blobs: LocalBlobs::open(&folder.join("blobs")).unwrap(),
            database,
        }
    }
}

pub(crate) fn strategy() -> StrategyName {
    "Demo".parse().unwrap()
}

pub(crate) fn shared_blob() -> BlobKey {
    "shared/blob".parse().unwrap()
}

/// What is said of a promise: one line, which a pipe takes whole.
fn say(what: &str, value: impl std::fmt::Display) {
    use std::io::Write;
    std::io::stdout().lock().write_all(format!("ack {what} {value}\n").as_bytes()).unwrap();
}

async fn round(state: &State, n: u32) {
    state.jobs.create(&new_job(job(n))).await.unwrap();
    say("created", n);
    let running = JobChange::status(JobStatus::Running, 1);
    let (record, _) = state.jobs.apply(job_id(n), &running).await.unwrap().unwrap();
    for event in JobEvent::history(&record) {
        say("event", format_args!("{} {}", state.events.publish(&event).await.unwrap(), event.dedup_id()));
    }
    let completed = JobChange::status(JobStatus::Completed, 2);
    state.jobs.apply(job_id(n), &completed).await.unwrap();
    say("completed", n);

    let config = NewConfig {
        strategy_name: strategy(),
        config_data: object(&format!(r#"{{"stake": {}}}"#, n % 7)),
        description: None,
        at: 1,
    };
    let version = state.configs.push(&config).await.unwrap().version;
    state.configs.activate(&strategy(), &version.config_id, 1).await.unwrap().unwrap();
    say("activated", &version.config_id);

    let message = OutgoingMessage {
        group: format!("g{n}"),
        dedup_id: n.to_string(),
        attributes: Vec::new(),
        body: n.to_string(),
    };
    state.queue.send(&message).await.unwrap();
    say("sent", n);

    let entry = AuditEntry {
        at: 1,
        actor: "worker".to_owned(),
        action: "test".to_owned(),
        subject: n.to_string(),
        trace_id: None,
        via: None,
    };
    say("audit", format_args!("{} {n}", state.audit.append(&entry).await.unwrap()));

    let byte = u8::try_from(n % 251).unwrap();
    state.blobs.put(&shared_blob(), vec![byte; 10_000]).await.unwrap();
    let own: BlobKey = format!("own/{n}").parse().unwrap();
    assert!(state.blobs.put_if_absent(&own, n.to_string().into_bytes()).await.unwrap());
    say("blob", n);
}

/// Started by [`crate::processes`], which kills it.
#[test]
#[ignore = "a process that other tests start"]
fn worker() {
    let Some(folder) = std::env::var_os("TRADAI_WORKER_FOLDER") else { return };
    let first: u32 = std::env::var("TRADAI_WORKER_FIRST").unwrap().parse().unwrap();
    let state = State::open(folder.as_ref());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for n in first..first + ROUNDS {
            round(&state, n).await;
        }
    });
}
