//! Records that are looked at again and again, while another process changes them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use tradai_domain::jobs::{JobChange, JobStatus, Progress};
use tradai_domain::ports::JobRepository;
use tradai_testkit::sample::{job, job_id, new_job};

use crate::worker::State;

const CHANGES: u64 = 100;

/// Changes the job for each line that it is told, and says so.
async fn change(folder: &Path) {
    let state = State::open(folder);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let done = line.parse().unwrap();
        state.jobs.apply(job_id(1), &JobChange::progress(Progress::of(done, CHANGES), 2)).await.unwrap();
        println!("changed");
    }
}

/// Started by the next test.
#[test]
#[ignore = "a process that another test starts"]
fn changer() {
    let Some(folder) = std::env::var_os("TRADAI_WORKER_FOLDER") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(change(folder.as_ref()));
}

#[tokio::test]
async fn what_another_process_committed_is_seen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path());
    state.jobs.create(&new_job(job(1))).await.unwrap();
    state.jobs.apply(job_id(1), &JobChange::status(JobStatus::Running, 1)).await.unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["seen::changer", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TRADAI_WORKER_FOLDER", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = child.stdin.take().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    for done in 1..=CHANGES {
        let before = state.jobs.get(job_id(1)).await.unwrap().unwrap();
        let again = state.jobs.get(job_id(1)).await.unwrap().unwrap();
        assert!(Arc::ptr_eq(&before, &again), "nothing has changed, and it was read again");
        writeln!(orders, "{done}").unwrap();
        // The harness writes into the first line too.
        said.find(|line| line.ends_with("changed")).unwrap();
        let after = state.jobs.get(job_id(1)).await.unwrap().unwrap();
        assert_eq!(after.progress, Progress::of(done, CHANGES));
    }
    drop(orders);
    assert!(child.wait().unwrap().success());
}
