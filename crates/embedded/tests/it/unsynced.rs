//! A disk that does not take what is to reach it: whatever is acknowledged was synced, or is refused here.
//!
//! A process of its own is made unable to sync by the kernel (seccomp): `fsync` and `fdatasync` fail as on a disk that
//! breaks. Were the state merely handed to the system, nothing would notice.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::Path;
use std::process::Command;

use nix::libc;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use tradai_domain::jobs::{JobChange, JobEvent, JobStatus};
use tradai_domain::ports::{
    AuditEntry, AuditLog, BlobKey, BlobStore, ConfigRepository, EventBus, JobRepository, NewConfig,
    OutgoingMessage, PortError, Queue,
};
use tradai_testkit::sample::{job, job_id, new_job, object};

use crate::worker::{State, strategy};

const NO_SECCOMP: &str = "this system lets no process restrict itself";

/// From here on no thread of the process syncs anything.
fn stop_syncing() -> Result<(), seccompiler::Error> {
    let calls = BTreeMap::from([(libc::SYS_fsync, Vec::new()), (libc::SYS_fdatasync, Vec::new())]);
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(libc::EIO.cast_unsigned()));
    let filter = SeccompFilter::new(calls, others, these, std::env::consts::ARCH.try_into()?)?;
    let program: BpfProgram = filter.try_into()?;
    seccompiler::apply_filter_all_threads(&program)
}

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
    if let Err(error) = stop_syncing() {
        println!("{NO_SECCOMP}: {error}");
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
    println!("all was refused");
}

fn refused<T: Debug>(what: &str, outcome: Result<T, PortError>) {
    if let Ok(done) = outcome {
        panic!("{what} was acknowledged without being on the disk: {done:?}");
    }
}

/// Started by the next test.
#[test]
#[ignore = "a process that another test starts"]
fn unsynced() {
    let Some(folder) = std::env::var_os("TRADAI_WORKER_FOLDER") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(acknowledge(folder.as_ref()));
}

#[test]
fn what_is_acknowledged_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["unsynced::unsynced", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TRADAI_WORKER_FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    if said.contains(NO_SECCOMP) {
        eprintln!("skipped: {NO_SECCOMP}");
        return;
    }
    assert!(said.contains("all was refused") && said.contains("1 passed"), "{said}");
}
