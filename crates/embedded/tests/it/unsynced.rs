//! A disk that does not take what is to reach it: whatever is acknowledged was synced, or is refused here.
//!
//! A process of its own is made unable to sync, as on a disk that breaks. Were the state merely handed to the system,
//! nothing would notice.

use std::path::Path;

use tradai_domain::jobs::{JobChange, JobEvent, JobStatus};
use tradai_domain::ports::{
    AuditEntry, AuditLog, BlobKey, BlobStore, ConfigRepository, EventBus, JobRepository, NewConfig,
    OutgoingMessage, Queue,
};
use tradai_testkit::sample::{job, job_id, new_job, object};
use tradai_testkit::unsynced::{all_was_refused, folder, refused, run, stop_syncing};

use crate::worker::{State, strategy};

async fn acknowledge(folder: &Path) {
    let state = State::open(folder);
    let (kept, other): (BlobKey, BlobKey) = ("own/kept".parse().unwrap(), "own/other".parse().unwrap());
    state.jobs.create(&new_job(job(1))).await.unwrap();
    state.blobs.put(&kept, b"before".to_vec()).await.unwrap();
    let config = |stake: u32| NewConfig {
        strategy_name: strategy(),
        config_data: object(&format!(r#"{{"stake": {stake}}}"#)),
        description: None,
        at: 1,
    };
    let version = state.configs.push(&config(1)).await.unwrap().version;
    if !stop_syncing() {
        return;
    }
    refused("a job", state.jobs.create(&new_job(job(2))).await);
    let running = JobChange::status(JobStatus::Running, 1);
    refused("its status", state.jobs.apply(job_id(1), &running).await);
    // One that nobody has told yet: what is told again is known by its number.
    let event = JobEvent::history(&job(3)).remove(0);
    refused("an event", state.events.publish(&event).await);
    refused("a config", state.configs.push(&config(2)).await);
    refused("the active config", state.configs.activate(&strategy(), &version.config_id, 1).await);
    let (group, body) = ("g".to_owned(), "b".to_owned());
    let message = OutgoingMessage { group, dedup_id: "d".to_owned(), attributes: Vec::new(), body };
    refused("a message", state.queue.send(&message).await);
    let [actor, action, subject] = ["ann", "test", "x"].map(str::to_owned);
    let entry = AuditEntry { at: 1, actor, action, subject, trace_id: None, via: None };
    refused("an entry of the audit log", state.audit.append(&entry).await);
    refused("an object", state.blobs.put(&kept, b"after".to_vec()).await);
    refused("a new object", state.blobs.put_if_absent(&other, b"new".to_vec()).await);
    all_was_refused();
}

/// Started by the next test.
#[test]
#[ignore = "a process that another test starts"]
fn unsynced() {
    let Some(folder) = folder() else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(acknowledge(&folder));
}

#[test]
fn what_is_acknowledged_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    run("unsynced::unsynced", folder.path());
}
