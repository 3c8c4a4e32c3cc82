//! What taking a job in costs behind the HTTP layers: CPU time of the whole process per job, the dispatch of it included,
//! with so many requests under way at the same time.
//!
//! `cargo bench -p tradai-control-plane --bench submit`; the state is below the system's folder for temporary files.

#![expect(clippy::unwrap_used, reason = "a bench may panic")]
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tradai_control_plane::jobs::executors::TaskSubmitter;
use tradai_control_plane::jobs::{BacktestRequest, JobPorts, JobSettings, Jobs, Requester};
use tradai_domain::ports::Quota;
use tradai_domain::{RandomIds, SystemClock};
use tradai_embedded::{Database, LocalBlobs, SqliteAudit, SqliteEvents, SqliteJobs};
use tradai_testkit::MemoryTasks;

/// Jobs of one measurement.
const JOBS: usize = 20_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    println!("under way   CPU us per job   user   kernel   jobs per second");
    for under_way in [1, 8, 64] {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.db")).unwrap();
        let events = SqliteEvents::new(database.clone(), SqliteEvents::KEPT);
        let ports = JobPorts {
            jobs: Arc::new(SqliteJobs::new(events.clone())),
            events: Arc::new(events),
            blobs: Arc::new(LocalBlobs::open(folder.path()).unwrap()),
            audit: Arc::new(SqliteAudit::new(database)),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        // The first ones do not end, and all others wait.
        let tasks = TaskSubmitter::local(Arc::new(MemoryTasks::default()), BTreeMap::new());
        let jobs = runtime.block_on(async { Jobs::new(ports, Some(Arc::new(tasks)), settings()) });
        runtime.block_on(submit(&jobs, under_way, JOBS / 10));
        let (started, before) = (Instant::now(), used());
        runtime.block_on(submit(&jobs, under_way, JOBS));
        let (wall, after) = (started.elapsed(), used());
        let per_job = |time: Duration| time.as_secs_f64() * 1e6 / JOBS as f64;
        let (user, kernel) = (per_job(after.0 - before.0), per_job(after.1 - before.1));
        println!(
            "{under_way:>9} {:>16.1} {user:>6.1} {kernel:>8.1} {:>17.0}",
            user + kernel,
            JOBS as f64 / wall.as_secs_f64()
        );
        runtime.block_on(jobs.stop());
    }
}

/// Takes in so many jobs, from so many tasks.
async fn submit(jobs: &Arc<Jobs>, under_way: usize, count: usize) {
    let left = Arc::new(AtomicUsize::new(count));
    let tasks = (0..under_way).map(|_| {
        let (jobs, left) = (jobs.clone(), left.clone());
        tokio::spawn(async move {
            let next = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            while next().is_ok() {
                jobs.submit(&request(), &requester()).await.unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

/// Any number may wait.
fn settings() -> JobSettings {
    JobSettings { quota: Quota { total: u64::MAX, each: u64::MAX }, ..JobSettings::default() }
}

fn request() -> BacktestRequest {
    BacktestRequest {
        strategy: "EmaCross".to_owned(),
        symbols: vec!["BTC/USDT".to_owned()],
        timerange: Some("20240101-20240201".to_owned()),
        timeframe: Some("1h".to_owned()),
        settings: [("stake_amount".to_owned(), 100.into())].into_iter().collect(),
        ..BacktestRequest::default()
    }
}

fn requester() -> Requester {
    Requester { actor: "local".to_owned(), ..Requester::default() }
}

/// CPU time of the process so far: its own and the kernel's for it.
fn used() -> (Duration, Duration) {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let time = |value: TimeVal| Duration::new(value.tv_sec() as u64, value.tv_usec() as u32 * 1_000);
    (time(usage.user_time()), time(usage.system_time()))
}
