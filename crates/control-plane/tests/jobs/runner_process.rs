//! A process that runs one job, as a container does: it finds its job in the environment and the state in a file.

use std::path::Path;
use std::sync::Arc;

use tradai_control_plane::jobs::JobReports;
use tradai_domain::jobs::{JobChange, JobStatus, Progress};
use tradai_domain::{Clock, JobId, SystemClock};
use tradai_embedded::{Database, SqliteEvents, SqliteJobs};

pub(crate) fn reports(database: &Database) -> JobReports {
    let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
    JobReports::new(Arc::new(SqliteJobs::new(events.clone())), Arc::new(events), Arc::new(SystemClock))
}

/// Started by [`crate::processes`] as a task. The strategy's name says what becomes of it.
#[test]
#[ignore = "a process that other tests start"]
fn runner() {
    let (Ok(id), Ok(state)) = (std::env::var("JOB_ID"), std::env::var("TRADAI_TEST_STATE")) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(id.parse().unwrap(), Path::new(&state), &std::env::var("STRATEGY").unwrap()));
}

async fn run(id: JobId, state: &Path, strategy: &str) {
    let reports = reports(&Database::open(state).unwrap());
    let now = || SystemClock.now_ms();
    let report = async |change| reports.report(id, change).await.unwrap().unwrap();
    report(JobChange::status(JobStatus::Running, now())).await;
    for done in 1..=3 {
        report(JobChange::progress(Progress::of(done, 4), now())).await;
    }
    match strategy {
        "Hangs" => std::future::pending().await,
        "Fails" => {
            report(JobChange::failed("no candles", now())).await;
            std::process::exit(3);
        }
        "Crashes" => {
            // The test harness began a line of its own.
            eprintln!("\nout of memory");
            std::process::exit(134);
        }
        _ => {
            let result_s3_path = Some(format!("file:///results/{id}"));
            report(JobChange { result_s3_path, ..JobChange::status(JobStatus::Completed, now()) }).await;
        }
    }
}
