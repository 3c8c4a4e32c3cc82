//! A disk that takes no more: files of a process that may be no longer than two mebibytes.

use std::path::Path;
use std::process::Command;

use tradai_domain::ErrorKind;
use tradai_domain::ports::{BlobKey, BlobStore, ConfigRepository, JobRepository, NewConfig};
use tradai_testkit::sample::{job, job_id, new_job, object};

use crate::worker::{State, database_file, strategy};

/// More than the process may write to one file, in bytes.
const TOO_MUCH: usize = 4 * 1024 * 1024;

async fn fill(folder: &Path) {
    let state = State::open(folder);
    let key: BlobKey = "jobs/1/result".parse().unwrap();
    state.blobs.put(&key, b"before".to_vec()).await.unwrap();
    state.jobs.create(&new_job(job(1))).await.unwrap();

    let refused = state.blobs.put(&key, vec![7; TOO_MUCH]).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    let other: BlobKey = "jobs/1/other".parse().unwrap();
    state.blobs.put_if_absent(&other, vec![7; TOO_MUCH]).await.unwrap_err();
    let config = NewConfig {
        strategy_name: strategy(),
        config_data: object(&format!(r#"{{"text": "{}"}}"#, "x".repeat(TOO_MUCH))),
        description: None,
        at: 1,
    };
    let refused = state.configs.push(&config).await.unwrap_err();
    assert_eq!((refused.kind, refused.is_transient()), (ErrorKind::Unavailable, true));

    // Nothing of what failed is there, and everything else goes on.
    assert_eq!(state.blobs.get(&key).await.unwrap().unwrap(), b"before");
    assert_eq!(state.blobs.get(&other).await.unwrap(), None);
    assert!(state.configs.list(&strategy(), None, 10).await.unwrap().is_empty());
    state.jobs.create(&new_job(job(2))).await.unwrap();
    assert!(state.jobs.get(job_id(1)).await.unwrap().is_some());
}

/// Started by the next test, with a limit on files.
#[test]
#[ignore = "a process that another test starts"]
fn filler() {
    let Some(folder) = std::env::var_os("TRADAI_WORKER_FOLDER") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(folder.as_ref()));
}

#[test]
fn fault_x37_a_full_disk_refuses_and_leaves_nothing_partial() {
    let folder = tempfile::tempdir().unwrap();
    // In blocks of 512 bytes; without the signal, a write that is too much fails as on a full disk.
    let limited = "ulimit -f 4096; trap '' XFSZ; exec \"$0\" \"$@\"";
    let output = Command::new("/bin/sh")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["full_disk::filler", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TRADAI_WORKER_FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let left: Vec<_> = std::fs::read_dir(folder.path().join("blobs/jobs/1")).unwrap().collect();
    assert_eq!(left.len(), 1, "half-written files are removed: {left:?}");
    let connection = rusqlite::Connection::open(database_file(folder.path())).unwrap();
    let check: String = connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}
